"""uvloop, where it is installed. The loop runs before addons load, so this is for whoever starts mitmproxy."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from typing import Any


def use_uvloop() -> bool:
    """Makes the next `asyncio.run` use uvloop; false where it is not installed."""
    if importlib.util.find_spec("uvloop") is None:
        return False
    import uvloop

    class Loop(uvloop.Loop):
        def set_task_factory(self, factory: Callable[..., Any] | None) -> None:
            super().set_task_factory(tolerant(factory) if factory else None)

    class Policy(uvloop.EventLoopPolicy):
        def _loop_factory(self) -> asyncio.AbstractEventLoop:
            return Loop()

    asyncio.set_event_loop_policy(Policy())
    return True


def tolerant(factory: Callable[..., Any]) -> Callable[..., Any]:
    """uvloop passes `eager_start` on to task factories, which those of Python 3.12 and early 3.13 do not know."""

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **named: Any) -> Any:
        named.pop("eager_start", None)
        return factory(loop, coroutine, **named)

    return make
