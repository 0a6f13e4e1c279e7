"""The prompt-cache watch: providers reuse what a conversation's next request begins with, up to the first change.

https://docs.claude.com/en/docs/build-with-claude/prompt-caching, https://platform.openai.com/docs/guides/prompt-caching
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy_core.protocols import MESSAGES
from proxy_core.turn.content import ProtocolName
from proxy_core.wire.json import dumps

_SYSTEM: dict[ProtocolName, tuple[str, ...]] = {
    "openai_chat": (),
    "openai_responses": ("instructions",),
    "anthropic": ("system",),
    "gemini": ("systemInstruction", "system_instruction"),
}
_CHARACTERS_PER_TOKEN = 4
_CONVERSATIONS = 4
_NO_PREFIX = 256
"""Prompts of fewer tokens are never cached: https://docs.claude.com/en/docs/build-with-claude/prompt-caching"""


@dataclass(frozen=True, slots=True)
class PrefixChange:
    """`block` is the first that differs (`tools[3]`, `messages[4]`); `tokens`, estimated, were the same before and
    behind it, and have to be read anew."""

    block: str
    tokens: int

    def __str__(self) -> str:
        return f"the prompt's beginning changed at {self.block}; about {self.tokens} cached tokens are lost"


@dataclass(frozen=True, slots=True)
class _Block:
    name: str
    digest: int
    size: int
    is_message: bool


type _Blocks = tuple[_Block, ...]


class PrefixWatch:
    """Remembers the blocks of each session's last requests, by hash. Bounded in sessions.

    Of a session a few are remembered, since agents send more than one conversation under its name: those of their
    subagents, and short ones for titles and the like.
    """

    def __init__(self, max_sessions: int = 1000) -> None:
        self._last: OrderedDict[str, list[_Blocks]] = OrderedDict()
        self._max = max_sessions

    def see(self, session: str, body: dict[str, Any], protocol: ProtocolName) -> PrefixChange | None:
        """What broke the cache of a session's prompt, if this request did."""
        blocks = tuple(_blocks(body, protocol))
        known = self._last.pop(session, [])
        before = next((old for old in reversed(known) if _is_one_conversation(old, blocks)), ())
        self._last[session] = [*(old for old in known if old is not before), blocks][-_CONVERSATIONS:]
        if len(self._last) > self._max:
            self._last.popitem(last=False)
        return _change(before, blocks)


def _is_one_conversation(old: _Blocks, new: _Blocks) -> bool:
    """Whether most of what the shorter one says is in the other."""
    said = {block.digest: block.size for block in old if block.is_message}
    says = {block.digest: block.size for block in new if block.is_message}
    common = sum(size for digest, size in said.items() if digest in says)
    return common * 2 >= min(sum(said.values()), sum(says.values()))


def _change(before: _Blocks, after: _Blocks) -> PrefixChange | None:
    for index, old in enumerate(before):
        new = after[index] if index < len(after) else None
        if new is None or new.digest != old.digest:
            tokens = sum(block.size for block in before[index:]) // _CHARACTERS_PER_TOKEN
            is_last = index == len(before) - 1
            if tokens < _NO_PREFIX or is_last:
                return None  # the newest turn is often only replaced, as by a retry
            return PrefixChange((new or old).name, tokens)
    return None


def _blocks(body: dict[str, Any], protocol: ProtocolName) -> Iterator[_Block]:
    """In the order in which providers read them: tools, system, messages."""
    for name in ("tools", *_SYSTEM[protocol], MESSAGES[protocol]):
        value = body.get(name)
        values = value if isinstance(value, list) else [value] if value else []
        for index, item in enumerate(values):
            data = dumps(_without_marks(item))
            yield _Block(f"{name}[{index}]", hash(data), len(data), name == MESSAGES[protocol])


def _without_marks(item: Any) -> Any:
    """Cache marks move from turn to turn without harm."""
    if not isinstance(item, dict):
        return item
    content = item.get("content")
    if isinstance(content, list):
        item = {**item, "content": [_without_marks(part) for part in content]}
    return {key: value for key, value in item.items() if key != "cache_control"}
