"""Names that clients give their conversations by themselves, and who a client is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proxy_core.exchange.inbound import Inbound
from proxy_core.exchange.intake import shown_keys
from proxy_core.wire.json import loads

_HEADERS = (
    "x-session-id",
    "x-claude-code-session-id",
    "thread-id",  # Codex; a sub-agent has one of its own within the session
    "session_id",  # older Codex
    "session-id",
    "conversation_id",
    "x-conversation-id",
    "x-session-affinity",  # OpenCode
    "x-affinity",  # Mistral Vibe
)
"""The first that is sent counts."""

_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_OF_A_SESSION = re.compile(r"(session|ses|sess|conversation|conv|thread|chat)[_:-]\S{8,}", re.IGNORECASE)
_CLAUDE_CODE_USER = re.compile(r"_session_([0-9a-f-]{36})$")
"""Before version 2.1: `user_…_account__session_UUID`."""
_PASSING_KEYS = ("eyj", "sk-ant-oat", "ya29.")
"""Access tokens that are renewed every few hours: JWTs, Claude's and Google's OAuth."""
_LONGEST_ID = 128


@dataclass(frozen=True, slots=True)
class Hint:
    """What a client calls the conversation. A vague one may stand for several: an end user, a cache's bucket."""

    name: str
    vague: bool = False


def hints(inbound: Inbound, json: dict[str, Any]) -> Iterator[Hint]:
    """The surest first."""
    for header in _HEADERS:
        if name := inbound.headers.get(header, "").strip():
            yield Hint(_bounded(name))
    for read in (_user_of_metadata, _conversation, _session, _thread, _cache_key, _end_user):
        if hint := read(json):
            yield Hint(_bounded(hint.name), hint.vague)


def owner_of(inbound: Inbound, salt: bytes) -> str:
    """Tells clients apart by the key they show, of which nothing is kept but a salted hash; without one by their
    address. A key that is renewed while a conversation lasts does not count."""
    key = _key(inbound)
    lasting = key if key and not key.lower().startswith(_PASSING_KEYS) else f"at {inbound.client} {_account(inbound)}"
    return hashlib.blake2b(lasting.encode("utf-8", "surrogatepass"), key=salt, digest_size=8).hexdigest()


def product(inbound: Inbound) -> str:
    """The client's name, without its version and what else changes: `GeminiCLI-tui` of
    `GeminiCLI-tui/0.61.0/gemini-2.5-pro (linux)`."""
    return re.split(r"[/ (;]", inbound.headers.get("user-agent", ""), maxsplit=1)[0]


def _key(inbound: Inbound) -> str:
    shown = shown_keys(inbound.headers, inbound.query)
    return shown[0] if shown else inbound.headers.get("authorization", "")


def _account(inbound: Inbound) -> str:
    return f"{product(inbound)} {inbound.headers.get('chatgpt-account-id', '')}" if _key(inbound) else ""


def _bounded(name: str) -> str:
    """A name as it is shown; hashed where it is too long or not fit for showing."""
    if len(name) <= _LONGEST_ID and name.isprintable():
        return name
    return "h-" + hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _user_of_metadata(json: dict[str, Any]) -> Hint | None:
    """Claude Code's `metadata.user_id` is JSON in a string; elsewhere it is an end user's name."""
    metadata = _object(json.get("metadata"))
    for name in ("session_id", "conversation_id", "thread_id"):
        if hint := _named(metadata.get(name)):
            return hint
    user = metadata.get("user_id")
    if not isinstance(user, str) or not user.strip():
        return None
    if user.lstrip().startswith("{"):
        return _named(_parsed(user).get("session_id")) or Hint(user, vague=True)
    session = _CLAUDE_CODE_USER.search(user)
    return Hint(session[1]) if session else Hint(user, vague=True)


def _parsed(text: str) -> dict[str, Any]:
    try:
        return _object(loads(text))
    except (ValueError, RecursionError):
        return {}


def _conversation(json: dict[str, Any]) -> Hint | None:
    """https://platform.openai.com/docs/api-reference/responses/create#responses_create-conversation"""
    value = json.get("conversation")
    return _named(value.get("id") if isinstance(value, dict) else value)


def _session(json: dict[str, Any]) -> Hint | None:
    return _named(json.get("session_id"))


def _thread(json: dict[str, Any]) -> Hint | None:
    return _named(_object(json.get("client_metadata")).get("thread_id"))


def _cache_key(json: dict[str, Any]) -> Hint | None:
    """Coding agents put their session's id there, programs one word for all that they send."""
    return _maybe(json.get("prompt_cache_key"))


def _end_user(json: dict[str, Any]) -> Hint | None:
    return _maybe(json.get("user") or json.get("safety_identifier"))


def _named(value: Any) -> Hint | None:
    return Hint(value.strip()) if isinstance(value, str) and value.strip() else None


def _maybe(value: Any) -> Hint | None:
    hint = _named(value)
    sure = hint and (_UUID.fullmatch(hint.name) or _OF_A_SESSION.fullmatch(hint.name))
    return hint if hint is None or sure else Hint(hint.name, vague=True)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
