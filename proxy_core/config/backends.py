"""From keys, base URLs and addons.yaml to the table of backends."""

from __future__ import annotations

import re
from dataclasses import dataclass

from proxy_core.config import urls
from proxy_core.config.files import Document
from proxy_core.config.keys import beyond_numbering, read_keys
from proxy_core.config.options import PROVIDERS
from proxy_core.config.problems import Problem
from proxy_core.config.providers import BUILT_IN, DEMO, DEMO_BACKEND, guess_dialect
from proxy_core.config.schema import BackendEntry, PrimaryBackend
from proxy_core.config.sources import Sources
from proxy_core.config.values import secret
from proxy_core.profiles.dialects import DIALECTS
from proxy_core.routing import aggregator
from proxy_core.routing.aggregator import AGGREGATOR
from proxy_core.routing.upstreams import Backend
from proxy_core.turn.content import ProtocolName

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands, to complain about it."""

    document: Document
    at: tuple[int | str, ...]
    problems: list[Problem]

    def complain(self, field: str, reason: str, remedy: str) -> None:
        path = ".".join(str(step) for step in (*self.at, *filter(None, [field])))
        inner = (*self.at, field)
        line = self.document.line(*inner)
        self.problems.append(Problem(path, reason, remedy, self.document.source, line))

    def address(self, field: str, url: str, protocol: ProtocolName, version: str | None = None) -> str:
        """The normalised base URL; a harmless one when it is wrong, which is then a problem."""
        try:
            return urls.normalise(url, protocol, version)
        except ValueError as error:
            self.complain(field, str(error), f"For example: https://api.example.com/{urls.VERSION_OF[protocol]}")
            return "http://wrong.invalid/v1"


def read_backends(sources: Sources) -> dict[str, Backend]:
    """The built-in ones, those of the files, the transparent ones, the aggregator's, and demo last."""
    table = {name: _built_in(name, sources) for name in PROVIDERS}
    for document in reversed(sources.documents):
        for name, entry in document.content.backends.items():
            _add_entry(table, name, entry, Place(document, ("backends", name), sources.problems), sources)
        for index, primary in enumerate(document.content.primary_backends):
            place = Place(document, ("primary_backends", index), sources.problems)
            backend = _transparent(primary, index, place)
            table[backend.name] = backend
    if list_url := sources.get("model_list_url"):
        table[AGGREGATOR] = aggregator.backend(list_url, sources.get("model_list_auth_token"))
    table[DEMO] = DEMO_BACKEND
    return table


def _built_in(name: str, sources: Sources) -> Backend:
    protocol, base_url, dialect = BUILT_IN[name]
    variable = f"{name.upper()}_API_BASE_URL"
    if custom := sources.get(f"{name}_api_base_url"):
        try:
            base_url = urls.normalise(custom, protocol)
        except ValueError as error:
            sources.problems.append(Problem(variable, str(error), f"For example: {base_url}"))
    keys = _keys(f"{name.upper()}_API_KEY", sources.get(f"{name}_api_key"), sources)
    headers = _openrouter_headers(sources) if name == "openrouter" else {}
    return Backend(name, protocol, base_url, keys, dialect, headers=headers)


def _openrouter_headers(sources: Sources) -> dict[str, str]:
    """https://openrouter.ai/docs/app-attribution"""
    named = {"HTTP-Referer": sources.get("app_site_url"), "X-Title": sources.get("app_x_title")}
    return {name: value for name, value in named.items() if value}


def _add_entry(table: dict[str, Backend], given_name: str, entry: BackendEntry, place: Place, sources: Sources) -> None:
    name = given_name.lower()
    base = table.get(name)
    if not _NAME.fullmatch(name) or name == DEMO:
        place.complain("", "is no usable name.", "Use letters, digits, '-', '_' and '.'; 'demo' is taken.")
    elif not entry.enabled:
        table.pop(name, None)
    elif base is None and not entry.base_url:
        place.complain("base_url", "is missing.", "Say where the backend is.")
    else:
        table[name] = _from_entry(name, entry, base, place, sources)


def _from_entry(name: str, entry: BackendEntry, base: Backend | None, place: Place, sources: Sources) -> Backend:
    protocol = entry.protocol or (base.protocol if base else "openai_chat")
    if entry.base_url is None and base:
        base_url = base.base_url
    else:
        base_url = place.address("base_url", entry.base_url or "", protocol, entry.version)
    return Backend(
        name=name,
        protocol=protocol,
        base_url=base_url,
        keys=_entry_keys(name, entry, base, place, sources),
        dialect=_dialect(entry, base, protocol, base_url, place),
        credentials=entry.credentials,
        model=entry.model or None,
        models=tuple(entry.models),
        headers={**(base.headers if base else {}), **_checked_headers(entry, place)},
        timeout=entry.timeout,
        hedge_after=entry.hedge_after,
        key_optional=urls.is_local(base_url) if entry.key_optional is None else entry.key_optional,
    )


def _dialect(entry: BackendEntry, base: Backend | None, protocol: ProtocolName, base_url: str, place: Place) -> str:
    if entry.dialect is None:
        return base.dialect if base and not entry.base_url else guess_dialect(protocol, base_url)
    if entry.dialect not in DIALECTS:
        place.complain("dialect", f"{entry.dialect!r} is not known.", f"Known: {', '.join(sorted(DIALECTS))}.")
        return "default"
    return entry.dialect


def _entry_keys(
    name: str, entry: BackendEntry, base: Backend | None, place: Place, sources: Sources
) -> tuple[str, ...]:
    if entry.api_key:
        try:
            return tuple(secret(key.get_secret_value()) for key in entry.api_key)
        except ValueError as error:
            place.complain("api_key", str(error), "Set it to the key alone.")
            return ()
    if base and not entry.key_env:
        return base.keys
    variable = entry.key_env or key_variable(name)
    single = sources.variable(variable)
    return _keys(variable, single.value if single else None, sources)


def key_variable(backend: str) -> str:
    """The environment variable of a backend's key: GROQ_API_KEY."""
    return re.sub(r"[^A-Z0-9]", "_", backend.upper()) + "_API_KEY"


def _keys(variable: str, single: str | None, sources: Sources) -> tuple[str, ...]:
    environ = sources.merged_environ()
    sources.notes += [
        f"{name} is not used: keys are numbered _1 to _20" for name in beyond_numbering(variable, environ)
    ]
    return read_keys(variable, single, environ, sources.problems)


def _checked_headers(entry: BackendEntry, place: Place) -> dict[str, str]:
    for name, value in entry.headers.items():
        if not _HEADER_NAME.fullmatch(name) or not value.isprintable():
            place.complain("headers", f"{name!r} is no valid header.", "Correct it.")
    return entry.headers


def _transparent(primary: PrimaryBackend, index: int, place: Place) -> Backend:
    name = re.sub(r"[^a-z0-9_.-]+", "-", primary.name.lower()).strip("-") or f"primary-{index + 1}"
    base_url = place.address("url", primary.url or BUILT_IN["openai"][1], "openai_chat")
    return Backend(
        name,
        "openai_chat",
        base_url,
        dialect=guess_dialect("openai_chat", base_url),
        credentials="client",
        model=primary.model or None,
    )
