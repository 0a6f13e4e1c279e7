"""The protocols, one folder each: four that clients and backends speak, and Cohere's, which only backends do.

A new one is a folder and a line in the tables below; one for backends alone a line in `BACKENDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from proxy_core.protocols import anthropic, cohere, gemini, openai_chat, openai_responses
from proxy_core.protocols.anthropic import ANTHROPIC, STRUCTURED_OUTPUT_TOOL, strip_billing_header
from proxy_core.protocols.anthropic import slots as anthropic_slots
from proxy_core.protocols.anthropic import words as anthropic_words
from proxy_core.protocols.cohere import COHERE
from proxy_core.protocols.contract import BackendCodec, Call, Codec
from proxy_core.protocols.gemini import GEMINI
from proxy_core.protocols.gemini import slots as gemini_slots
from proxy_core.protocols.gemini import words as gemini_words
from proxy_core.protocols.openai_chat import OPENAI_CHAT
from proxy_core.protocols.openai_chat import slots as openai_chat_slots
from proxy_core.protocols.openai_chat import words as openai_chat_words
from proxy_core.protocols.openai_responses import OPENAI_RESPONSES, refuse_server_state
from proxy_core.protocols.openai_responses import slots as openai_responses_slots
from proxy_core.protocols.openai_responses import words as openai_responses_words
from proxy_core.protocols.slots import Slot
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest

CODECS: dict[ProtocolName, Codec] = {
    "openai_chat": OPENAI_CHAT,
    "openai_responses": OPENAI_RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
}
"""Those that clients speak."""

BACKENDS: dict[ProtocolName, BackendCodec] = {**CODECS, "cohere": COHERE}
"""Those that backends speak."""

PREPARATIONS: dict[ProtocolName, tuple[Callable[[ChatRequest, Losses], None], ...]] = {
    "anthropic": (strip_billing_header,),
    "openai_responses": (lambda request, losses: refuse_server_state(request),),
}
"""What is done to a request before it leaves its own protocol."""

SLOTS: dict[ProtocolName, Callable[[dict[str, Any]], Iterator[Slot]]] = {
    "openai_chat": openai_chat_slots.slots,
    "openai_responses": openai_responses_slots.slots,
    "anthropic": anthropic_slots.slots,
    "gemini": gemini_slots.slots,
}
"""Where the texts of a request are."""

MESSAGES: dict[ProtocolName, str] = {
    "openai_chat": openai_chat_slots.MESSAGES,
    "openai_responses": openai_responses_slots.MESSAGES,
    "anthropic": anthropic_slots.MESSAGES,
    "gemini": gemini_slots.MESSAGES,
}
"""The field that holds a request's list of messages."""

WORDS: dict[ProtocolName, Mapping[str, str]] = {
    "openai_chat": openai_chat_words.WORDS,
    "openai_responses": openai_responses_words.WORDS,
    "anthropic": anthropic_words.WORDS,
    "gemini": gemini_words.WORDS,
}
"""What a client calls a field, where losses name it otherwise."""

PARTS: dict[ProtocolName, str] = {
    "openai_chat": openai_chat_words.PARTS,
    "openai_responses": openai_responses_words.PARTS,
    "anthropic": anthropic_words.PARTS,
    "gemini": gemini_words.PARTS,
}
"""The field that holds a message's list of parts."""

_FOLDERS = {
    "openai_chat": openai_chat.endpoints,
    "openai_responses": openai_responses.endpoints,
    "anthropic": anthropic.endpoints,
    "gemini": gemini.endpoints,
}


def recognise(method: str, path: str, query: Mapping[str, str]) -> Call | None:
    """The call that a path stands for, or None when it belongs to no protocol."""
    for endpoints in _FOLDERS.values():
        call = endpoints.recognise(method, path, query)
        if call:
            return call
    return None


def recognise_sent(method: str, path: str, query: Mapping[str, str]) -> Call | None:
    """The same for a request on either wire: what goes to backends may be in a protocol that no client speaks."""
    return recognise(method, path, query) or cohere.endpoints.recognise(method, path)


def endpoint_path(call: Call, model: str, stream: bool) -> str:
    """The path of a call at a backend of the same protocol, relative to its base URL."""
    return _FOLDERS[call.protocol].upstream_path(replace(call, stream=stream), model)


__all__ = [
    "BACKENDS",
    "CODECS",
    "MESSAGES",
    "PARTS",
    "PREPARATIONS",
    "SLOTS",
    "STRUCTURED_OUTPUT_TOOL",
    "WORDS",
    "endpoint_path",
    "recognise",
    "recognise_sent",
]
