"""Every call is answered by the tool messages right behind it, and by nothing else: backends refuse anything else.
Chat completions and Cohere have the same messages for it.

Results that stand elsewhere are moved, missing ones are made up, and those of no call become text.
"""

from __future__ import annotations

from proxy_core.turn.content import Extra
from proxy_core.turn.losses import Losses

_NO_RESULT = "The tool was not run; there is no result."


def flat_text(parts: list[Extra]) -> str:
    """For backends that take a string only."""
    return "\n".join(part["text"] for part in parts if part.get("type") == "text")


def paired(messages: list[Extra], losses: Losses) -> list[Extra]:
    if not any(message["role"] == "tool" or message.get("tool_calls") for message in messages):
        return messages
    ordered: list[Extra] = []
    taken: set[int] = set()
    for index, message in enumerate(messages):
        if message["role"] != "tool":
            ordered.append(message)
            ordered += _results(message, messages, index + 1, taken, losses)
        elif index not in taken:
            ordered.append(_as_text(message, losses))
    return ordered


def _results(message: Extra, messages: list[Extra], start: int, taken: set[int], losses: Losses) -> list[Extra]:
    """The results of a message's calls, in the order in which they stand behind it."""
    wanted = [call.get("id") for call in message.get("tool_calls") or ()]
    found: dict[int, Extra] = {}
    for index in range(start, len(messages)):
        if not wanted:
            break
        candidate = messages[index]
        if candidate["role"] == "tool" and index not in taken and candidate["tool_call_id"] in wanted:
            wanted.remove(candidate["tool_call_id"])
            found[index] = candidate
    taken.update(found)
    for call_id in wanted:
        losses.change("messages", f"the call '{call_id}' has no result; one that says so was added")
    return [*found.values(), *({"role": "tool", "tool_call_id": i, "content": _NO_RESULT} for i in wanted)]


def _as_text(message: Extra, losses: Losses) -> Extra:
    call_id, content = message["tool_call_id"], message["content"]
    losses.change("messages", f"the result '{call_id}' belongs to no call; it was sent as the user's text")
    text = content if isinstance(content, str) else flat_text(content)
    return {"role": "user", "content": f"[Result of a tool call that is not in this conversation]\n{text}"}
