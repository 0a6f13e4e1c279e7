"""Where the tokens of a request go: system text, each tool's schema, MCP server, turn, tool result, thinking, media."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from proxy_core.serving.count import Tally, tally_for
from proxy_core.turn.content import Media, Part, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import ChatRequest, Tool

_MCP_SERVER = re.compile(r"mcp__(?P<server>.+?)__")
"""How Claude Code and others name the tools of MCP servers."""
_PATH = re.compile(r'"(?:file_?path|path|filename|file|notebook_path|absolute_path)"\s*:\s*"((?:[^"\\]|\\.)+)"')


@dataclass(frozen=True, slots=True)
class Share:
    """`kind` is system, tool, user, assistant, thinking, tool call, tool result, file or media."""

    kind: str
    name: str
    tokens: int


def breakdown(request: ChatRequest) -> list[Share]:
    """Estimated shares, the largest first; equal kinds and names are added up."""
    tally = tally_for(request.model)
    totals: defaultdict[tuple[str, str], float] = defaultdict(float)
    for kind, name, tokens in _shares(request, tally):
        totals[kind, name] += tokens
    shares = [Share(kind, name, ceil(tokens)) for (kind, name), tokens in totals.items() if tokens]
    return sorted(shares, key=lambda share: -share.tokens)


def server_of(tool: str) -> str | None:
    """The MCP server that a tool belongs to, by its name."""
    found = _MCP_SERVER.match(tool)
    return found["server"] if found else None


def _shares(request: ChatRequest, tally: Tally) -> Iterator[tuple[str, str, float]]:
    yield "system", "", tally.parts(request.system)
    for tool in request.tools:
        yield *_tool(tool), tally.tool(tool)
    calls = {part.id: part for turn in request.turns for part in turn.parts if isinstance(part, ToolCall)}
    for turn in request.turns:
        role = "system" if turn.role in ("system", "developer") else "assistant" if turn.role == "assistant" else "user"
        for part in turn.parts:
            yield *_part(part, role, calls), tally.part(part)


def _tool(tool: Tool) -> tuple[str, str]:
    server = server_of(tool.name)
    return ("mcp server", server) if server else ("tool", tool.name)


def _part(part: Part, role: str, calls: dict[str, ToolCall]) -> tuple[str, str]:
    match part:
        case Thinking():
            return "thinking", ""
        case ToolCall():
            return "tool call", part.name
        case ToolResult():
            return _result(part, calls.get(part.call_id))
        case Media():
            return "media", part.kind
        case _:
            return role, ""


def _result(result: ToolResult, call: ToolCall | None) -> tuple[str, str]:
    """A result that holds a file is named by it, so that one sees which files fill the window."""
    path = _PATH.search(call.arguments) if call else None
    if path:
        return "file", path.group(1)
    return "tool result", result.name or (call.name if call else "")
