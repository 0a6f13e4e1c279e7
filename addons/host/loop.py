"""uvloop, where it is installed. The loop runs before addons load, so this is for whoever starts mitmproxy."""

from __future__ import annotations

import asyncio
import importlib.util


def use_uvloop() -> bool:
    """Makes the next `asyncio.run` use uvloop; false where it is not installed."""
    if importlib.util.find_spec("uvloop") is None:
        return False
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    return True
