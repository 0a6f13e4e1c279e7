"""What each demo model says. All but `busy` depend on nothing but the request."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from proxy_core.errors import Fault, FaultKind, ParleyError, invalid
from proxy_core.serving.demo.arguments import fitting
from proxy_core.serving.demo.requests import DemoRequest, Message, OfferedTool
from proxy_core.wire.json import dumps

_DELTA = re.compile(r"\s*\S{1,6}|\s+")
_LOOPS = 500
_LOOPED = "Let me check the result once more before I go on. "
_SLOW_PAUSE = 0.05
_REFUSALS = 2
_RETRY_AFTER = 1.0
_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class Called:
    """`text` is JSON, or free text where the tool is a custom one."""

    id: str
    name: str
    text: str
    custom: bool


@dataclass(frozen=True, slots=True)
class Said:
    """Text, or a call. `pause` is in seconds, between two deltas."""

    text: str = ""
    call: Called | None = None
    pause: float = 0.0

    @property
    def deltas(self) -> list[str]:
        return _DELTA.findall(self.call.text if self.call else self.text)


def echo(request: DemoRequest) -> Said:
    return Said(request.question or "(The newest user message holds no text.)")


def slow(request: DemoRequest) -> Said:
    return Said(echo(request).text, pause=_SLOW_PAUSE)


def loop(request: DemoRequest) -> Said:
    """Ends at last, should nobody have cut it."""
    opening = (
        f"You wrote {len(request.question)} characters, and I have read all of them. First I look at what is asked, "
        "then at what would answer it; the rest follows from there.\n\n"
    )
    return Said(opening + _LOOPED * _LOOPS)


def tools(request: DemoRequest) -> Said:
    results = _newest_results(request)
    if results:
        return Said("\n".join(_reported(request, result) for result in results))
    tool = _chosen(request)
    if tool is None:
        return Said("No tool was offered that could be called.")
    text = "demo" if tool.schema is None else dumps(fitting(tool.schema)).decode()
    return Said(call=Called(f"call_{request.mark}", tool.name, text, tool.schema is None))


def _newest_results(request: DemoRequest) -> list[Message]:
    """Those after the newest call."""
    results: list[Message] = []
    for message in reversed(request.messages):
        if message.role not in ("tool", "function"):
            break
        results.insert(0, message)
    return results


def _reported(request: DemoRequest, result: Message) -> str:
    names = {call_id: name for message in request.messages for call_id, name in message.names}
    return f"The tool {names.get(result.call_id) or result.call_id} answered: {result.text or '(nothing)'}"


def _chosen(request: DemoRequest) -> OfferedTool | None:
    match request.tool_choice:
        case "none":
            return None
        case {"function": {"name": str(name)}} | {"custom": {"name": str(name)}}:
            named = next((tool for tool in request.tools if tool.name == name), None)
            if named is None:
                raise invalid(f"'tool_choice' names '{name}', which is none of 'tools'.", "tool_choice")
            return named
        case _:
            return request.tools[0] if request.tools else None


class Busy:
    """Refuses each conversation a few times before it answers it, then begins anew."""

    def __init__(self) -> None:
        self._refused: OrderedDict[str, int] = OrderedDict()

    def __call__(self, request: DemoRequest) -> Said:
        """Raises ParleyError(RATE_LIMIT)."""
        refused = self._refused.pop(request.mark, 0)
        if refused == _REFUSALS:
            return Said(f"Busy no more, after {_REFUSALS} refusals. You wrote: {request.question}")
        self._refused[request.mark] = refused + 1
        if len(self._refused) > _REMEMBERED:
            self._refused.popitem(last=False)
        message = f"The demo is busy (refusal {refused + 1} of {_REFUSALS}); try again in {_RETRY_AFTER:g} s."
        raise ParleyError(Fault(FaultKind.RATE_LIMIT, message, code="rate_limit_exceeded", retry_after=_RETRY_AFTER))


type DemoModel = Callable[[DemoRequest], Said]


def demo_models() -> dict[str, DemoModel]:
    return {"echo": echo, "loop": loop, "busy": Busy(), "slow": slow, "tools": tools}
