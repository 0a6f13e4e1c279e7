"""Flows that a person sends again from mitmweb, the console or a file (`replay.client`)."""

from __future__ import annotations

from mitmproxy import http
from mitmproxy.proxy import mode_specs

from addons.answers import KEY_IN_QUERY
from addons.host.exchanges import is_attempt
from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.headers import SECRET_HEADERS


def make_fresh(flow: http.HTTPFlow, client_key: str | None) -> None:
    """Whoever watches the proxy may use it: the flow gets the client key back, which it only hints at.

    Raises ParleyError where more would be needed than a flow holds.
    """
    if is_attempt(flow):
        raise _cannot(
            "This went to a backend with a key that is not kept here. Send the client's flow again that it is part of."
        )
    if "parley_oversized" in flow.metadata:
        raise _cannot("Its body was too large to be kept, so that it can't be sent again from here.")
    hidden = [name for name in flow.request.headers if name.lower() in SECRET_HEADERS]
    if not isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode):
        if hidden:
            raise _cannot(
                "It came with the client's own credentials, which are not kept. Only the client can repeat it."
            )
        return
    for name in hidden:
        del flow.request.headers[name]
    flow.request.path = KEY_IN_QUERY.sub(r"\1", flow.request.path)
    if client_key:
        flow.request.headers["authorization"] = f"Bearer {client_key}"


def _cannot(why: str) -> ParleyError:
    return ParleyError(Fault(FaultKind.INVALID_REQUEST, why))
