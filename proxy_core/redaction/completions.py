"""Answers of the old /v1/completions, which pass without being read into events: their texts with the secrets back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from proxy_core.redaction.reveal import reveal_text
from proxy_core.redaction.vault import Vault
from proxy_core.wire.json import dumps, loads


class CompletionsReveal:
    """`apply` takes a whole body, or one frame of a stream after the other. `first` is applied before.

    https://platform.openai.com/docs/api-reference/completions"""

    def __init__(self, vault: Vault, first: Callable[[bytes], bytes]) -> None:
        self._vault = vault
        self._first = first
        self._held: dict[int, str] = {}

    def apply(self, data: bytes) -> bytes:
        data = self._first(data)
        start, end = data.find(b"{"), data.rfind(b"}") + 1
        if start < 0:
            return self._rest() + data
        try:
            body = loads(data[start:end])
        except ValueError:
            return data
        streamed = data[:start].lstrip().startswith(b"data:")
        changed = [self._choice(choice, streamed) for choice in _choices(body)]
        return data[:start] + dumps(body) + data[end:] if any(changed) else data

    def _choice(self, choice: dict[str, Any], streamed: bool) -> bool:
        """Whether its text is another now. What may be the beginning of a placeholder is held until more has come."""
        text, index = choice["text"], choice.get("index", 0)
        whole = self._held.pop(index, "") + text
        held = self._vault.begun(whole) if streamed and not choice.get("finish_reason") else 0
        if held:
            self._held[index] = whole[-held:]
        choice["text"] = reveal_text(whole[: len(whole) - held], self._vault)
        return choice["text"] != text

    def _rest(self) -> bytes:
        """What is still held when the stream ends without a finish reason."""
        choices = [{"index": index, "text": text, "finish_reason": None} for index, text in self._held.items()]
        self._held.clear()
        return b"data: " + dumps({"object": "text_completion", "choices": choices}) + b"\n\n" if choices else b""


def _choices(body: Any) -> list[dict[str, Any]]:
    choices = body.get("choices") if isinstance(body, dict) else None
    found = choices if isinstance(choices, list) else []
    return [choice for choice in found if isinstance(choice, dict) and isinstance(choice.get("text"), str)]
