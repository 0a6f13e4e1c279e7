"""What a waiting client is sent so that it does not give up, in the form that each protocol has for it."""

from __future__ import annotations

from proxy_core.turn.content import ProtocolName

KEEP_ALIVE: dict[ProtocolName, bytes] = {
    "anthropic": b'event: ping\ndata: {"type":"ping"}\n\n',
    "openai_chat": b": ping\n\n",
    "openai_responses": b": ping\n\n",
    "gemini": b"\r\n",
}
"""Anthropic has an event of its own (https://platform.claude.com/docs/en/build-with-claude/streaming#ping-events);
OpenAI's clients skip comments (https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes);
Google's take a comment for data, but skip empty lines, which are also white space in its JSON array."""
