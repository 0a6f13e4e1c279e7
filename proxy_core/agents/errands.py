"""Requests that an agent makes for its own sake: a title, a summary, a choice of model. The person's words stand in
them a second time, so that a command would be carried out twice."""

from __future__ import annotations

import re
from typing import Any

from proxy_core.agents.requests import first_texts, user_texts
from proxy_core.turn.content import ProtocolName

_SYSTEM_TEXTS = re.compile(
    "|".join(
        (
            r"You are a title generator",  # opencode
            r"You are a specialized Task Routing AI",  # Gemini CLI
            r"You are an agent that determines (?:what kind|the next|who)",  # Gemini CLI
            r"Analyze \*?only\*? the content and structure of your immediately preceding response",  # Gemini CLI
            r"Analyze if this message indicates a new conversation topic",  # Claude Code
            r"(?:Generate|You are coming up with) a (?:concise|succinct|short)[^\n]{0,40} title",  # Claude Code
            r"Summarize this coding conversation",  # Claude Code
            r"You are a helpful AI assistant tasked with summarizing conversations",  # Claude Code, opencode
            r"You are an anchored context summarization assistant",  # opencode
            r"Your task is to process Bash commands that an AI coding agent wants to run",  # Claude Code
            r"Extract any file paths that this command reads or modifies",  # Claude Code
            r"You are an agent for Claude Code",  # a subagent: the model wrote what stands in the user's place
            r"You are a (?:file search|software architect)[^\n]{0,40} for Claude Code",
            r"You are a sophisticated AI diagnostic agent",  # Gemini CLI
            r"\*Briefly\* summarize this partial conversation",  # aider
            r"generates? concise, (?:one-line|single-line) Git commit messages",  # aider
        )
    ),
    re.IGNORECASE,
)
_USER_TEXTS = re.compile(
    r"\s*(?:"
    + "|".join(
        (
            r"Generate a title for this conversation:",  # opencode
            r"### Task:\s*\n(?:Generate|Suggest|Analyze|Determine)",  # Open WebUI
            r"Provide a concise, \d+-word-or-less title",  # LibreChat
            r"Please write a \d+-\d+ word title",  # Claude Code
            r"Your task is to create a detailed summary of the conversation so far",  # Claude Code, Cline
        )
    )
    + ")",
    re.IGNORECASE,
)
_LOOK_AT = 2000


def is_errand(protocol: ProtocolName, body: dict[str, Any]) -> bool:
    if any(_SYSTEM_TEXTS.search(text, 0, _LOOK_AT) for text in first_texts(protocol, body)):
        return True
    return any(_USER_TEXTS.match(text) for text in user_texts(protocol, body)[:2])


def wants_structure(protocol: ProtocolName, body: dict[str, Any]) -> bool:
    """Whether the reply is to be JSON, in front of which nothing may stand."""
    match protocol:
        case "openai_chat":
            return _type(body.get("response_format")) in ("json_object", "json_schema")
        case "openai_responses":
            text = body.get("text")
            return _type(text.get("format") if isinstance(text, dict) else None) in ("json_object", "json_schema")
        case "anthropic":
            config = body.get("output_config")
            form = config.get("format") if isinstance(config, dict) else body.get("output_format")
            return _type(form) == "json_schema"
        case "gemini":
            generation = body.get("generationConfig") or body.get("generation_config")
            names = ("responseMimeType", "response_mime_type")
            return isinstance(generation, dict) and any(
                generation.get(name) not in (None, "text/plain") for name in names
            )
        case "cohere":
            return _type(body.get("response_format")) == "json_object"


def _type(form: Any) -> Any:
    return form.get("type") if isinstance(form, dict) else None
