"""What a request shows of its conversation: the beginning of the system text and every user text, as numbers.

Taken from what the client sent, before anything is cleaned out of it: the client sends its own words again each time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from proxy_core.turn.content import ProtocolName

_VOLATILE = re.compile(
    r"<(system-reminder|environment_details|environment_context|session_context|user_info|git_status|todo_list)>"
)
"""What clients put beside the person's words and change or drop in later turns."""
_CHANGING = re.compile(r"[0-9a-f]{8,}|\d+", re.IGNORECASE)
"""Dates, times, ids and versions in system texts."""
_BILLING = "x-anthropic-billing-header:"
"""Claude Code's first system block; it differs from request to request."""
_HEAD = 300
_LONGEST = 65_536
_PARAGRAPHS = 16

type Messages = Iterator[tuple[str, Any]]
"""Role and content of each message."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """`newest` holds the number of the newest user text, and of it as far as the end of each paragraph: aider and
    others put a reminder behind it, which they leave out when they send it again."""

    system: int
    texts: tuple[int, ...]
    newest: frozenset[int]


def transcript(json: dict[str, Any], protocol: ProtocolName, key: bytes = b"") -> Transcript:
    """Empty for what is no conversation (embeddings, images), or is malformed. With a `key` nobody who has the numbers
    can tell the texts by trying."""
    system, texts = "", []
    for role, content in _READERS[protocol](json):
        if role == "user":
            texts.append(_cleaned(_text(content)))
        elif role in ("system", "developer") and not texts and len(system) < _HEAD:
            system += _text(content)
    texts = [text for text in texts if text]
    head = _CHANGING.sub("#", _cleaned(system[: 4 * _HEAD])[:_HEAD])
    newest = frozenset(number(text, key) for text in _beginnings(texts[-1])) if texts else frozenset[int]()
    return Transcript(number(head, key), tuple(number(text, key) for text in texts), newest)


def number(text: str, key: bytes = b"") -> int:
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=8).digest())


def _cleaned(text: str) -> str:
    """Without the blocks that change; a block without an end is left, and its like not looked for again."""
    text, kept, place, endless = text[:_LONGEST], [], 0, set[str]()
    for opening in _VOLATILE.finditer(text) if "<" in text else ():
        if opening.start() < place or opening[1] in endless:
            continue
        closing = f"</{opening[1]}>"
        end = text.find(closing, opening.end())
        if end < 0:
            endless.add(opening[1])
        else:
            kept.append(text[place : opening.start()])
            place = end + len(closing)
    return "".join((*kept, text[place:])).strip()


def _beginnings(text: str) -> Iterator[str]:
    yield text
    for count, paragraph in enumerate(re.finditer(r"\n\s*\n", text)):
        if count == _PARAGRAPHS:
            return
        yield text[: paragraph.start()].strip()


def _chat(json: dict[str, Any]) -> Messages:
    for message in _objects(json.get("messages")):
        yield _role(message), message.get("content")


def _responses(json: dict[str, Any]) -> Messages:
    if isinstance(json.get("instructions"), str):
        yield "system", json["instructions"]
    if isinstance(json.get("input"), str):
        yield "user", json["input"]
    for item in _objects(json.get("input")):
        if item.get("type", "message") == "message":
            yield _role(item), item.get("content")


def _anthropic(json: dict[str, Any]) -> Messages:
    blocks = json.get("system")
    for block in [{"text": blocks}] if isinstance(blocks, str) else _objects(blocks):
        if not str(block.get("text", "")).startswith(_BILLING):
            yield "system", [block]
    yield from _chat(json)


def _gemini(json: dict[str, Any]) -> Messages:
    for name in ("systemInstruction", "system_instruction"):
        system = json.get(name)
        if system is not None:
            yield "system", system.get("parts") if isinstance(system, dict) else system
    for content in _objects(json.get("contents")):
        yield content.get("role") or "user", content.get("parts")
    if isinstance(json.get("contents"), str):
        yield "user", json["contents"]


_READERS: dict[ProtocolName, Callable[[dict[str, Any]], Messages]] = {
    "openai_chat": _chat,
    "openai_responses": _responses,
    "anthropic": _anthropic,
    "gemini": _gemini,
}


def _role(message: dict[str, Any]) -> str:
    role = message.get("role")
    return role if isinstance(role, str) else ""


def _text(content: Any) -> str:
    """The text of a message; of its parts, those that are text."""
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in _objects(content))
    return "\n".join(cleaned for text in texts if isinstance(text, str) and (cleaned := _cleaned(text)))


def _objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
