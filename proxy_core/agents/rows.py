"""One row for each agent. Add one by adding a row; the first that fits counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

type ReplyForm = Literal["plain", "completion", "patch"]
"""`completion`: an `attempt_completion` call, as a tool call or in XML. `patch`: a patch that adds a file."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Known by its user agent, by another header, by how its system prompt begins or names it (`prompts`, searched in
    the first texts), or by a tool that only it declares. `wraps`: it puts what the person types into tags."""

    name: str
    title: str
    user_agents: Sequence[re.Pattern[str]] = ()
    headers: Sequence[tuple[str, re.Pattern[str]]] = ()
    prompts: Sequence[re.Pattern[str]] = ()
    tools: Sequence[str] = ()
    reply: ReplyForm = "plain"
    wraps: bool = False
    asks_only: Sequence[re.Pattern[str]] = field(default=())
    """Prompts of modes in which it edits nothing, and so expects no special form."""


def _any(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)


def _titled(*patterns: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The title and address that are sent to OpenRouter."""
    compiled = _any(*patterns)
    return tuple((header, pattern) for header in ("x-title", "http-referer") for pattern in compiled)


UNKNOWN = Agent("", "unknown")

AGENTS: tuple[Agent, ...] = (
    Agent(
        "roo_code",
        "Roo Code",
        user_agents=_any(r"\broo-?code\b", r"\broocode/"),
        headers=_titled(r"roo ?code", r"roocode"),
        prompts=_any(r"\byou are\s+roo\b", r"\broocode\b"),
        reply="completion",
        wraps=True,
    ),
    Agent(
        "kilo_code",
        "Kilo Code",
        user_agents=_any(r"\bkilo-?code\b"),
        headers=_titled(r"kilo ?code", r"kilocode"),
        prompts=_any(r"\byou are\s+kilo\b"),
        reply="completion",
        wraps=True,
    ),
    Agent(
        "cline",
        "Cline",
        user_agents=_any(r"\bcline\b"),
        headers=_titled(r"\bcline\b"),
        prompts=_any(r"\byou are\s+cline\b"),
        tools=("attempt_completion",),
        reply="completion",
        wraps=True,
    ),
    Agent("claude_code", "Claude Code", user_agents=_any(r"\bclaude-cli/", r"\bclaude-code/")),
    Agent(
        "codex",
        "Codex",
        user_agents=_any(r"\bcodex[_-]", r"\bcodex/"),
        headers=(("originator", re.compile("codex", re.IGNORECASE)),),
        prompts=_any(r"running in the codex cli", r"^you are codex\b"),
    ),
    Agent("gemini_cli", "Gemini CLI", user_agents=_any(r"\bgeminicli"), prompts=_any(r"^\s*you are gemini cli\b")),
    Agent("opencode", "OpenCode", user_agents=_any(r"\bopencode/"), prompts=_any(r"^\s*you are opencode\b")),
    Agent(
        "cursor",
        "Cursor",
        user_agents=_any(r"\bcursor\b"),
        prompts=_any(r"\byou operate (?:exclusively )?in cursor\b", r"\brunning in cursor\b"),
        wraps=True,
    ),
    Agent(
        "aider",
        "aider",
        user_agents=_any(r"\baider\b"),
        headers=_titled(r"\baider\b", r"aider\.chat"),
        prompts=_any(
            r"\bv4a diff\b",
            r"\*\*\* begin patch",
            r"\byou are aider\b",
            r"\baider\.chat\b",
            r"\*search/replace block\*",
            r"^act as an expert (?:software developer|code analyst|architect engineer)",
        ),
        reply="patch",
        asks_only=_any(r"^act as an expert code analyst"),
    ),
)
