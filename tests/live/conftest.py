"""The program, the vendors behind it and the SDKs before it: one of each for the whole run."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.live.clients.sdk import PYTHON, Drivers
from tests.live.program import Program
from tests.live.vendors.upstream import BACKENDS, Upstream


def config_for(upstream: Upstream, default: str = "openai_chat") -> str:
    """An addons.yaml with one backend for each protocol, named like it."""
    lines = ["settings:", f"  default_backend: {default}", "backends:"]
    for name in BACKENDS:
        dialect = name if name in ("anthropic", "gemini", "cohere") else "openai"
        lines.append(
            f"  {name}: {{protocol: {name}, dialect: {dialect}, base_url: {upstream.url(name)}, "
            f"api_key: sk-upstream-{name}}}"
        )
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def vendors() -> Iterator[Upstream]:
    upstream = Upstream()
    yield upstream
    upstream.close()


@pytest.fixture(scope="session")
def parley(vendors: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    program = Program(tmp_path_factory.mktemp("parley"), config_for(vendors)).wait()
    yield program
    program.stop()


@pytest.fixture(scope="session")
def sdks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drivers]:
    if not PYTHON.exists():
        pytest.skip("the SDKs are not installed (scripts/setup.sh --clients)")
    drivers = Drivers(tmp_path_factory.mktemp("sdks"))
    yield drivers
    drivers.stop()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(autouse=True)
def _clean_vendors(request: pytest.FixtureRequest) -> None:
    if "vendors" in request.fixturenames:
        request.getfixturevalue("vendors").will_say()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """A failed test shows what the program said meanwhile."""
    report = yield
    programs = [value for value in getattr(item, "funcargs", {}).values() if isinstance(value, Program)]
    if report.failed:
        report.sections.extend(("Parley's log", program.log[-4000:]) for program in programs)
    return report
