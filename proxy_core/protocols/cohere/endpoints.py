"""Where Cohere answers, relative to a base URL that ends in `/v2`."""

from __future__ import annotations

import re

from proxy_core.protocols.cohere.names import ORIGIN
from proxy_core.protocols.contract import Call

PATH = "/chat"
_CHAT = re.compile(r"(?:/.*)?/v2/chat/?")


def recognise(method: str, path: str) -> Call | None:
    """`path` comes without its query."""
    return Call(ORIGIN, "chat") if method == "POST" and _CHAT.fullmatch(path) else None
