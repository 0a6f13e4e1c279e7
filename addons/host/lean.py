"""Makes mitmproxy lean: the same behaviour for a fraction of the time per event. Its HTTP/1 learns to pass over 100 and
103, too.

Every change is a replacement of one function, written against known sources of mitmproxy (see `shapes`). Where the
source is another, that one function stays as it is and one warning says so: slower, never wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import addonmanager, hooks, http, optmanager
from mitmproxy.addonmanager import AddonManager
from mitmproxy.addons.asgiapp import ASGIApp
from mitmproxy.addons.maplocal import MapLocal
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers.http import HttpLayer
from mitmproxy.proxy.layers.http._http1 import Http1Client, Http1Connection, Http1Server
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server import ConnectionHandler

from addons.host import bystanders, connections, dispatch, http1, http_layer, values
from addons.host.patching import Patch, Patched

logger = logging.getLogger(__name__)


def _patches(
    owner: type, replacements: dict[str, Any], written_against: tuple[Callable[..., Any], ...], *shapes: str
) -> tuple[Patch, ...]:
    return tuple(Patch(owner, name, new, written_against, frozenset(shapes)) for name, new in replacements.items())


# These two groups hang together: hooks resolved once are wrong unless every change of the addons is noticed.
DISPATCH = (AddonManager, addonmanager.traverse, addonmanager.safecall)
EVENTS = (
    *DISPATCH,
    ConnectionHandler.server_event,
    ConnectionHandler.hook_task,
    ConnectionHandler.close_connection,
    ProxyConnectionHandler.handle_hook,
)

PATCHES: tuple[Patch, ...] = (
    *_patches(
        AddonManager,
        {
            name: getattr(dispatch, name)
            for name in (
                *("register", "add", "remove", "clear"),
                *("trigger", "trigger_event", "handle_lifecycle", "invoke_addon_sync"),
            )
        },
        DISPATCH,
        "2e93013db5177f6d",
    ),
    *_patches(ProxyConnectionHandler, {"server_event": connections.server_event}, EVENTS, "11f03fc7c30337c3"),
    *_patches(ProxyConnectionHandler, {"log": connections.log}, (ConnectionHandler.log,), "ec85427e5a3cd685"),
    *_patches(
        ProxyConnectionHandler,
        {"drain_writers": connections.drain_writers},
        (ConnectionHandler.drain_writers,),
        "145964a35e7b871c",
    ),
    *_patches(http.MessageData, {"__post_init__": values.check_fields}, (values.check_originally,), "f1a83cbce3e2c9e3"),
    *_patches(MapLocal, {"request": bystanders.map_local}, (bystanders.map_local_originally,), "0f7514110b038862"),
    *_patches(
        ASGIApp, {"should_serve": bystanders.should_serve}, (bystanders.should_serve_originally,), "8bcc57854c635cd8"
    ),
    *_patches(hooks.Hook, {"args": values.args}, (values.args_originally,), "5087f7bf93085981"),
    *_patches(optmanager._Option, {"current": values.current}, (values.current_originally,), "832967c66bf4563b"),
    *_patches(
        Http1Client,
        {"read_headers": http1.read_headers},
        (http1.read_headers_originally, ReceiveBuffer),
        "d1e8bd1d2ed3d96e",
    ),
    *_patches(
        Http1Connection,
        {"read_body": http1.read_body},
        (http1.read_body_originally, ChunkedReader, ReceiveBuffer),
        "4903b3dfddbed58f",
    ),
    *_patches(
        Http1Server,
        {"handle_event": http1.handle_event},
        (http1.send_originally, Layer.handle_event),
        "22aca8acfa67debc",
    ),
    *_patches(
        HttpLayer,
        {"event_to_child": http_layer.event_to_child, "handle_event": http_layer.handle_event},
        (http_layer.event_to_child_originally, http_layer.handle_event_originally, Layer.handle_event),
        "69a08622826d2537",
    ),
)

_patched = Patched()


def install() -> bool:
    """Puts the replacements in force, once; false if some do not fit this mitmproxy."""
    if _patched:
        return True
    misfits = _patched.apply(PATCHES)
    if misfits:
        logger.warning("mitmproxy is not one Parley knows; slower, left as they are: %s", _names(misfits))
    return not misfits


def uninstall() -> None:
    """Puts mitmproxy's own functions back."""
    _patched.undo()


def _names(patches: list[Patch]) -> str:
    return ", ".join(patch.target for patch in patches)
