"""An answer that breaks off, gone on with by the next element of a route: the running program, the official SDKs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live.clients.sdk import Drivers
from tests.live.program import CLIENT_KEY, Program
from tests.live.test_bad_input import KEY
from tests.live.test_matrix import PROTOCOLS
from tests.live.vendors.said import Said
from tests.live.vendors.upstream import VENDORS, Raw, Received, Upstream

BEGUN = "The beginning of a story about a fox "
REST = "and the end of it."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("continuing")


@pytest.fixture(scope="module")
def continuing(vendors: Upstream, folder: Path) -> Iterator[Program]:
    backends = "".join(
        f"  {name}: {{protocol: {name}, dialect: {name if name in ('anthropic', 'gemini') else 'openai'}, "
        f"base_url: {vendors.url(name)}, api_key: sk-upstream-{name}}}\n"
        for name in PROTOCOLS
    )
    routes = "".join(
        f"    {one}-{two}: {{policy: m, elements: ['{one}:a', '{two}:b']}}\n" for one in PROTOCOLS for two in PROTOCOLS
    )
    config = (
        f"settings:\n  failover_routes:\n{routes}backends:\n{backends}"
        f"failover: {{after_content: continue}}\nhistory: {{enabled: true, directory: {folder}/history}}\n"
    )
    program = Program(folder, config).wait()
    yield program
    program.stop()


def breaking(received: Received) -> Raw:
    chunks = list(VENDORS[received.vendor].stream(Said(BEGUN + "never", every=len(BEGUN)), received.asked))
    last = next(number for number, chunk in enumerate(chunks) if b"a fox" in chunk)
    return Raw(chunks[: last + 1], content_type="text/event-stream", then="cut")


@pytest.mark.parametrize("second", PROTOCOLS)
@pytest.mark.parametrize("first", PROTOCOLS)
@pytest.mark.parametrize("client", PROTOCOLS)
def test_a_story_is_told_to_its_end(
    client: str,
    first: str,
    second: str,
    continuing: Program,
    vendors: Upstream,
    sdks: Drivers,
    http: httpx.Client,
    folder: Path,
) -> None:
    vendors.will_say(breaking, Said(REST), Said("You are welcome."))
    session = uuid.uuid4().hex
    answer = sdks[client].talk(
        client=client,
        base=continuing.base,
        key=CLIENT_KEY,
        model=f"{first}-{second}",
        stream=True,
        headers={"X-Session-ID": session},
        steps=[{"user": "Tell a story."}, {"user": "Thanks."}],
    )
    assert vendors.problems == []
    assert "error" not in answer, answer["error"]
    story, thanks = answer["replies"]
    assert (story["text"], thanks["text"]) == (BEGUN + REST, "You are welcome.")
    assert [received.vendor for received in vendors.received] == [first, second, first]
    rows = http.get(f"{continuing.base}/usage/recent?limit=2", headers=KEY).json()["data"]
    tries = [[(one["outcome"], "goes_on" in one) for one in row["attempt_list"]] for row in reversed(rows)]
    assert tries == [[("failed", False), ("answered", True)], [("answered", False)]]
    assert BEGUN + REST in history_of(folder, session)


def history_of(folder: Path, session: str) -> list[str]:
    """The replies that the session's history has."""
    (kept,) = [path for path in (folder / "history").glob("*.jsonl") if session in path.read_text()]
    return [json.loads(line)["reply"]["content"] for line in kept.read_text().splitlines()]
