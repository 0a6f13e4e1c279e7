"""A request as a conversation and a reply as one message, in plain text that reads as YAML does."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from proxy_core.errors import Fault
from proxy_core.serving.count import Tally, tally_for
from proxy_core.serving.pictures import size_of_base64
from proxy_core.turn.content import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.reply import Reply, Usage
from proxy_core.turn.request import ChatRequest, Tool
from proxy_core.viewing.breakdown import breakdown
from proxy_core.wire.json import dumps, loads

_FOLDED = 400
"""Thinking shows this many characters."""
_LARGEST_SHARES = 12
_WIDTH = 100
"""Characters: mitmweb does not break lines."""
_RULE = 78


def request_outline(request: ChatRequest, summary: str = "", deeds: Sequence[str] = ()) -> str:
    """System, turns, tools, where the tokens go, and last what the proxy did (`deeds`). `summary` comes first, since
    mitmproxy shows only the beginning of what is long."""
    tally = tally_for(request.model)
    lines = [f"# {request.model}{', streamed' if request.stream else ''}, about {_total(request, tally)} tokens"]
    lines += [f"# {line}" for line in _wrapped(summary)]
    lines += _settings(request)
    if request.system:
        lines += _message("system", request.system, tally)
    for turn in request.turns:
        lines += _message(turn.role, turn.parts, tally)
    if request.tools:
        lines += [_heading(f"tools ({len(request.tools)})")]
        lines += [_tool(tool, tally) for tool in request.tools]
    lines += [_heading("where the tokens go (estimated)"), *_shares(request)]
    return "\n".join([*lines, *_deeds(deeds)])


def reply_outline(reply: Reply, timing: str = "", deeds: Sequence[str] = ()) -> str:
    """The assembled message, with how it ended, how long it took, and what the proxy did."""
    tally = tally_for(reply.model)
    lines = [f"# {reply.model}{', ' + timing if timing else ''}"]
    ends: list[str] = []
    for choice in reply.choices:
        name = "assistant" if len(reply.choices) == 1 else f"assistant, choice {choice.index}"
        lines += _message(name, choice.parts, tally)
        if choice.finish:
            raw = f" ({choice.raw_finish})" if choice.raw_finish and choice.raw_finish != choice.finish else ""
            ends.append(f"finish: {choice.finish}{raw}")
    if reply.usage:
        ends.append(f"usage: {usage_text(reply.usage)}")
    lines += [_heading("end"), *ends] if ends else []
    return "\n".join([*lines, *_deeds(deeds)])


def fault_outline(fault: Fault, status: int, timing: str = "", deeds: Sequence[str] = ()) -> str:
    """What went wrong, in the backend's words, and what the proxy did."""
    lines = [f"# {', '.join(filter(None, (f'error {status}', fault.kind, timing)))}", *_wrapped(fault.message)]
    lines += [f"code: {fault.code}"] if fault.code else []
    return "\n".join([*lines, *_deeds(deeds)])


def usage_text(usage: Usage) -> str:
    counts = {
        "input": usage.input,
        "cache read": usage.cache_read,
        "cache write": usage.cache_write or None,
        "output": usage.output,
        "reasoning": usage.reasoning,
    }
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count is not None)


def _heading(text: str) -> str:
    """mitmweb leaves out empty lines, so that something else has to set parts apart."""
    return f"# ━━ {text} ".ljust(_RULE, "━")


def _deeds(deeds: Sequence[str]) -> list[str]:
    return [_heading("what Parley did"), *(part for line in deeds for part in _wrapped(line))] if deeds else []


def _shares(request: ChatRequest) -> Iterator[str]:
    shares = breakdown(request)
    for share in shares[:_LARGEST_SHARES]:
        yield f"  {share.tokens:>8}  {share.kind}{': ' + share.name if share.name else ''}"
    rest = shares[_LARGEST_SHARES:]
    if rest:
        yield f"  {sum(share.tokens for share in rest):>8}  {len(rest)} more"


def _total(request: ChatRequest, tally: Tally) -> int:
    return round(tally.of(request))


def _settings(request: ChatRequest) -> list[str]:
    sampling = request.sampling
    named = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "stop": sampling.stop,
        "seed": sampling.seed,
        "effort": request.reasoning.effort if request.reasoning else None,
        "thinking budget": request.reasoning.budget if request.reasoning else None,
        "output": request.output.kind if request.output else None,
        "tool choice": request.tool_choice.mode if request.tool_choice else None,
    }
    return [f"{name}: {value}" for name, value in named.items() if value is not None]


def _message(role: str, parts: Iterable[Part], tally: Tally) -> list[str]:
    parts = list(parts)
    tokens = round(sum(tally.part(part) for part in parts))
    lines = [_heading(f"{role} ({tokens} tokens)")]
    for part in parts:
        lines += _part(part)
    return lines


def _part(part: Part) -> Iterator[str]:
    match part:
        case Text() | Refusal():
            if isinstance(part, Refusal):
                yield "[refusal]"
            yield from _wrapped(part.text)
        case Thinking():
            yield from _thinking(part)
        case ToolCall():
            yield f"[tool call {part.name} {part.id}]"
            yield from _indented(_readable(part.arguments))
        case ToolResult():
            named = " ".join(filter(None, ("tool result", part.name, part.call_id)))
            yield f"[{named}{', failed' if part.is_error else ''}]"
            for inner in part.content:
                yield from _indented("\n".join(_part(inner)))
        case Media():
            yield f"[{_media(part)}]"
        case Opaque():
            yield f"[{part.kind}, known to {part.origin} only]"
            yield from _indented(_readable(dumps(part.raw).decode()))
    if isinstance(part, Text | ToolCall | ToolResult | Media) and part.cache:
        yield "[cache mark]"


def _thinking(part: Thinking) -> Iterator[str]:
    signed = ", signed" if part.seal else ""
    yield f"[thinking, {len(part.text)} characters{signed}]"
    shown = part.text if len(part.text) <= _FOLDED else part.text[:_FOLDED] + " …"
    yield from _indented(shown)


def _media(part: Media) -> str:
    words = [part.kind, part.media_type or "", part.name or ""]
    if part.data is not None:
        size = size_of_base64(part.data) if part.kind == "image" else None
        words.append(f"{size[0]}x{size[1]}" if size else "")
        words.append(f"{len(part.data) * 3 // 4} bytes")
    else:
        words.append(part.url or part.file_id or "")
    return " ".join(filter(None, words))


def _tool(tool: Tool, tally: Tally) -> str:
    first = (tool.description or "").strip().splitlines()
    return f"  {round(tally.tool(tool)):>8}  {tool.name}{': ' + first[0][:100] if first else ''}"


def _readable(text: str) -> str:
    """JSON an entry a line, anything else as it is."""
    try:
        value = loads(text)
    except ValueError:
        return text
    if not isinstance(value, dict):
        return text
    return "\n".join(f"{name}: {_value(item)}" for name, item in value.items())


def _value(item: object) -> str:
    if not isinstance(item, str):
        return dumps(item).decode()
    return "\n" + "\n".join(f"  {line}" for line in item.splitlines()) if "\n" in item else item


def _indented(text: str) -> Iterator[str]:
    return (f"  {line}" for line in _wrapped(text))


def _wrapped(text: str) -> Iterator[str]:
    """The lines of a text, long ones broken at blanks; what continues a line is as far in as it."""
    for line in text.splitlines():
        if len(line) <= _WIDTH:
            yield line
            continue
        margin = line[: len(line) - len(line.lstrip(" "))][: _WIDTH // 2]
        yield from textwrap.wrap(line, _WIDTH, subsequent_indent=margin, break_on_hyphens=False)
