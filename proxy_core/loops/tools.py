"""Rows of the same tool call, seen in the request's own history.

Nothing has to be remembered for it, so a request that a client repeats (after 429, 529, a cut stream) counts once, and
a restart of the proxy changes nothing. What is remembered per session is only when it was last heard of, so that slow
polling is no loop, and which request was answered in place of the model: the same request sent again goes through,
since somebody wants it to.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from proxy_core.config.settings import ToolLoopSettings
from proxy_core.loops.steps import Step, Steps, same_step, words_of
from proxy_core.turn.content import Text, ToolResult
from proxy_core.turn.request import ChatRequest, Turn

GRACE = 2
"""Rounds that a steered model has to do something else, before it is cut."""
_LONGEST_CYCLE = 3
_SESSIONS = 4096

_WAITING = re.compile(
    r"(?i:(^|[_\W])(wait|sleep|poll|status|monitor|watch|output|stdin)([_\W]|$))|[a-z](Output|Wait|Status)\b"
)
"""Tools that are there to be called again until something changes: BashOutput, TaskOutput, write_stdin, wait_agent,
get_status. They may four times as often."""
_PATIENCE = 4
_FAILED = re.compile(
    r"\W*(<[\w-]+>\s*)?(\w*error\b|\w*exception\b|traceback|fail(ed|ure)\b|fatal\b|invalid\b|cannot\b|could not\b|"
    r"command failed|permission denied|no such file|not found\b|tool execution failed|exit code:? [1-9])",
    re.IGNORECASE,
)
_VOLATILE = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)
_COMPARED = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """`repeats` rounds of `names` where `wanted` make a loop."""

    kind: Literal["same_call", "ping_pong", "same_failure"]
    names: str
    repeats: int
    wanted: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a request: `steer` sends `steered(request, finding)` on, `break` answers with `sentence`."""

    action: Literal["pass", "steer", "break"]
    finding: Finding | None = None


PASS = Verdict("pass")


def tool_loop(request: ChatRequest, settings: ToolLoopSettings) -> Finding | None:
    """The loop that the request's newest rounds are in."""
    row = tool_row(request, settings)
    return row if row and row.repeats >= row.wanted else None


def tool_row(request: ChatRequest, settings: ToolLoopSettings) -> Finding | None:
    """The row of the same rounds at the request's end, though it may be too short yet for a loop."""
    if settings.mode == "off":
        return None
    reach = max((settings.max_repeats * _PATIENCE + GRACE) * _LONGEST_CYCLE, settings.max_failures + GRACE)
    steps = Steps(request.turns, reach)
    rows = [row for row in [*_repeated(steps, settings), _failing(steps, settings)] if row.repeats > 1]
    return next((row for row in rows if row.repeats >= row.wanted), rows[0] if rows else None)


def _repeated(steps: Steps, settings: ToolLoopSettings) -> Iterator[Finding]:
    for cycle in range(1, _LONGEST_CYCLE + 1):
        newest = steps.first(cycle)
        names = ", ".join(dict.fromkeys(step.names for step in reversed(newest)))
        patience = _PATIENCE if all(map(_is_waiting, newest)) else 1
        kind = "same_call" if cycle == 1 else "ping_pong"
        yield Finding(kind, names, _rounds(steps, cycle), settings.max_repeats * patience)


def _rounds(steps: Steps, cycle: int) -> int:
    """How often the newest `cycle` steps have come without a break."""
    same = 0
    while (one := steps.get(same)) and (other := steps.get(same + cycle)) and same_step(one, other):
        same += 1
    return (same + cycle) // cycle if one else 0


def _is_waiting(step: Step) -> bool:
    return bool(step.calls) and all(_WAITING.search(call.name) for call in step.calls)


def _failing(steps: Steps, settings: ToolLoopSettings) -> Finding:
    newest = steps.get(0)
    failure = _failure(newest) if newest else None
    if newest is None or failure is None:
        return Finding("same_failure", "", 0, settings.max_failures)
    count = 1
    while (step := steps.get(count)) and _failure(step) == failure:
        count += 1
    return Finding("same_failure", newest.names, count, settings.max_failures)


def _failure(step: Step) -> tuple[str, ...] | None:
    """The tools and their words, without numbers, where every result of the step is a failure."""
    words = []
    for call, result in zip(step.calls, step.results, strict=True):
        if result is None or not _has_failed(result):
            return None
        words.append(f"{call.name}: {_VOLATILE.sub('0', words_of(result, _COMPARED))}")
    return tuple(words)


def _has_failed(result: ToolResult) -> bool:
    return bool(result.is_error) or _FAILED.match(words_of(result, 200)) is not None


def steered(request: ChatRequest, finding: Finding) -> ChatRequest:
    """The request with a note to the model at its end; the client's own history never has it."""
    return replace(request, turns=[*request.turns, Turn("user", [Text(_steering(finding))])])


def _steering(finding: Finding) -> str:
    return (
        f"[Note of the proxy: {_what(finding)} Doing the same once more will not help. Do something else, with other "
        "arguments or another tool; or, if nothing is left to try, say what stands in the way and end your turn.]"
    )


def sentence(finding: Finding, off_command: str | None = "!/set(tool-loop-detection=false)") -> str:
    """What the client gets in place of the model's answer."""
    off = f"send {off_command}" if off_command else "set loops.tool.mode to off in addons.yaml"
    return (
        f"[Parley stopped here: {_what(finding)} Nothing was sent to the model. To go on, say what to do instead; to "
        f"let it go on as it was, send the same request again. If this was no loop, {off}.]"
    )


def _what(finding: Finding) -> str:
    match finding.kind:
        case "same_call":
            return f"{finding.names} was called {finding.repeats} times with the same arguments and the same result."
        case "ping_pong":
            return f"The same calls ({finding.names}) were made {finding.repeats} times in turn with the same results."
        case "same_failure":
            return f"{finding.names} failed {finding.repeats} times in the same way."


@dataclass(slots=True)
class Heard:
    """Of a session's row. `before` are the rounds that lie further back than the time-to-live; `answered` is the length
    of the history that was answered in place of the model."""

    at: float
    kind: str
    seen: int = 0
    before: int = 0
    answered: int | None = None


class ToolLoops:
    """One for all sessions; remembers a few thousand of them. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[str, Heard] = OrderedDict()

    def heard_of(self, session: str) -> Heard | None:
        return self._sessions.get(session)

    def take_over(self, session: str, heard: Heard | None) -> None:
        """What was heard of it elsewhere."""
        self._sessions.pop(session, None)
        if heard:
            self._sessions[session] = heard
        if len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)

    def judge(self, session: str, request: ChatRequest, settings: ToolLoopSettings, now: float) -> Verdict:
        """`session` is an id that tells clients and conversations apart."""
        row = tool_row(request, settings)
        if row is None:
            self._sessions.pop(session, None)
            return PASS
        heard = self._heard(session, row, settings.ttl, now)
        finding = replace(row, repeats=row.repeats - heard.before)
        if finding.repeats < finding.wanted:
            return PASS
        if settings.mode == "chance" and finding.repeats < finding.wanted + GRACE:
            return Verdict("steer", finding)
        if heard.answered == len(request.turns):
            return Verdict("pass", finding)
        heard.answered = len(request.turns)
        return Verdict("break", finding)

    def _heard(self, session: str, row: Finding, ttl: float, now: float) -> Heard:
        heard = self._sessions.pop(session, None)
        if heard is None or heard.kind != row.kind or row.repeats < heard.seen:  # another row than before
            heard = Heard(now, row.kind)
        if now - heard.at > ttl:
            heard.before = heard.seen
        heard.at, heard.seen = now, row.repeats
        self.take_over(session, heard)
        return heard
