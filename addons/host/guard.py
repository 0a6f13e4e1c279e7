"""Every hook of ours fails closed. mitmproxy logs an exception in an addon and forwards the flow all the same."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any

from mitmproxy import http

logger = logging.getLogger("parley")


def fails_closed(answer: Callable[[http.HTTPFlow], http.Response]) -> Callable[[Callable], Callable]:
    """Decorates a hook method that takes a flow: when it raises, the flow is answered by `answer` and goes nowhere."""

    def decorate(hook: Callable) -> Callable:
        if inspect.iscoroutinefunction(hook):

            @functools.wraps(hook)
            async def guarded_async(self: Any, flow: http.HTTPFlow) -> None:
                try:
                    await hook(self, flow)
                except Exception:
                    logger.exception("Parley failed in %s", hook.__qualname__)
                    flow.response = answer(flow)

            return guarded_async

        @functools.wraps(hook)
        def guarded(self: Any, flow: http.HTTPFlow) -> None:
            try:
                hook(self, flow)
            except Exception:
                logger.exception("Parley failed in %s", hook.__qualname__)
                flow.response = answer(flow)

        return guarded

    return decorate


def drops_on_failure(hook: Callable[[Any, http.HTTPFlow], None]) -> Callable[[Any, http.HTTPFlow], None]:
    """Decorates a hook for WebSocket messages: when it raises, the newest message is dropped."""

    @functools.wraps(hook)
    def guarded(self: Any, flow: http.HTTPFlow) -> None:
        try:
            hook(self, flow)
        except Exception:
            logger.exception("Parley failed in %s and dropped the message", hook.__qualname__)
            assert flow.websocket is not None
            flow.websocket.messages[-1].drop()

    return guarded
