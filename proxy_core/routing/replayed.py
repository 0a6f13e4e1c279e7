"""Where calls go while a recording answers in place of all backends, and how its server reads them back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast
from urllib.parse import urlencode

from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import Call, Framing, Operation
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.content import ProtocolName

REPLAY = "replay"
"""The backend's name."""
_TRUTH = {"True": True, "False": False}


def replay_upstream(backend: Backend, call: Call, model: str) -> Upstream:
    """Every call is answered in its own protocol, whatever path the client had for it."""
    says = {"framing": call.framing, "stream": call.stream, "model": call.model}
    query = urlencode({name: value for name, value in says.items() if value is not None})
    url = f"{backend.base_url}/{call.protocol}/{call.operation}?{query}"
    return Upstream(replace(backend, protocol=call.protocol), model, backend.keys[0], url)


def call_at(path: str, query: Mapping[str, str]) -> Call | None:
    """The call that `replay_upstream` wrote into an address."""
    protocol, _, operation = path.strip("/").partition("/")
    if protocol not in CODECS or not operation:
        return None
    framing = cast(Framing, query.get("framing", "sse"))
    stream = _TRUTH.get(query.get("stream", ""))
    return Call(cast(ProtocolName, protocol), cast(Operation, operation), query.get("model"), stream, framing)
