"""A client's request as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from proxy_core.protocols.contract import Call

type Listener = Literal["base_url", "proxy"]


class HeaderMap(Mapping[str, str]):
    """Header names in any case; the last of several equal ones counts. `pairs` keeps all, in order."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = list(pairs)
        self._values = {name.lower(): value for name, value in self.pairs}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def get(self, name: str, default: Any = None) -> Any:
        return self._values.get(name.lower(), default)

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values


@dataclass(slots=True)
class Inbound:
    """`target` is path and query as sent. `origin` is scheme and host (`https://api.openai.com`) where the client
    named one itself (an intercepted request), else None."""

    listener: Listener
    method: str
    target: str
    headers: HeaderMap
    body: bytes = b""
    origin: str | None = None
    client: str = ""
    path: str = field(init=False)
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        # Not by urlsplit: a target that begins with // is a path here, and no host to look for.
        self.path, _, query = self.target.partition("#")[0].partition("?")
        self.query = dict(parse_qsl(query, keep_blank_values=True)) if query else {}


@dataclass(slots=True)
class Admitted:
    """A request that was recognised, allowed and read. `body` is decoded; `json` is its value."""

    inbound: Inbound
    call: Call
    body: bytes
    json: dict
    model: str
    stream: bool
    changes: tuple[str, ...] = ()
    """What was changed since the client sent it, in words; `body` and `json` are as changed."""
