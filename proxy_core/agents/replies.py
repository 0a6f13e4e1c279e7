"""The proxy's own replies, in the form in which each agent shows them and goes on."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from proxy_core.agents.requests import first_texts, tool_names
from proxy_core.agents.rows import Agent
from proxy_core.turn.content import Part, ProtocolName, Text, ToolCall
from proxy_core.turn.reply import Choice, Reply, Usage

REPLY_ID = "proxy_cmd_processed"
COMPLETION = "attempt_completion"
_PATCH_FILE = "PROXY_OUTPUT.txt"
_RESPONSE = re.compile(rf"resp_{REPLY_ID}_[0-9a-f]{{8}}(?:_(.+))?")


def shape_reply(agent: Agent, body: dict[str, Any], protocol: ProtocolName, text: str) -> list[Part]:
    """The parts of a reply that says `text` to the agent that sent `body`."""
    texts = first_texts(protocol, body)
    match agent.reply:
        case "completion" if COMPLETION in tool_names(body):
            arguments = json.dumps({"result": text}, ensure_ascii=False)
            return [ToolCall(f"call_{secrets.token_hex(12)}", COMPLETION, arguments)]
        case "completion" if any(f"<{COMPLETION}>" in prompt for prompt in texts):
            return [Text(f"<{COMPLETION}>\n<result>\n{text}\n</result>\n</{COMPLETION}>")]
        case "patch" if not any(pattern.search(prompt) for pattern in agent.asks_only for prompt in texts):
            return [Text(as_patch(text))]
        case _:
            return [Text(text)]


def as_patch(text: str) -> str:
    lines = (f"+{line}" for line in text.split("\n"))
    return "\n".join(("*** Begin Patch", f"*** Add File: {_PATCH_FILE}", *lines, "*** End Patch"))


def own_reply(parts: list[Part], model: str, protocol: ProtocolName, body: Mapping[str, Any]) -> Reply:
    """A whole reply that no model was asked for, so its usage is zero. The id is the one that people know."""
    finish = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "stop"
    usage = Usage(input=0, cache_read=0, cache_write_5m=0, output=0, reasoning=0)
    reply_id = _response_id(body.get("previous_response_id")) if protocol == "openai_responses" else REPLY_ID
    return Reply(reply_id, model, [Choice(0, parts, finish)], usage)


def _response_id(previous: Any) -> str:
    """Each is another, as clients tell replies apart by it, and holds the one that it followed."""
    after = f"_{previous}" if isinstance(previous, str) else ""
    return f"resp_{REPLY_ID}_{secrets.token_hex(4)}{after}"


def follow_past_own(body: dict[str, Any]) -> bool:
    """Makes a request that follows one of the proxy's own replies follow what that one followed: no backend knows it.
    Whether it did."""
    previous = body.get("previous_response_id")
    own = _RESPONSE.fullmatch(previous) if isinstance(previous, str) else None
    if own is None:
        return False
    if own[1]:
        body["previous_response_id"] = own[1]
    else:
        del body["previous_response_id"]
    return True
