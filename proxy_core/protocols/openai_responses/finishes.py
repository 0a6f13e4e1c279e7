"""How a reply ended. The API has a status and, for incomplete replies, a reason; both ways by table."""

from __future__ import annotations

from typing import Any

from proxy_core.turn.content import Extra, Part, Refusal, ToolCall
from proxy_core.turn.reply import FinishReason

_OF_INCOMPLETE: dict[str, FinishReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "max_messages": "pause",
    "max_tool_calls": "pause",
    "content_filter": "content_filter",
}
_INCOMPLETE_OF: dict[FinishReason, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "error": "content_filter",
}
UNFINISHED = ("queued", "in_progress")


def read_finish(response: Extra, parts: list[Part]) -> tuple[FinishReason | None, str | None]:
    """The reason and the API's own word for it; no reason while a background reply is still being made."""
    status = response.get("status")
    if status in UNFINISHED:
        return None, status
    if status == "incomplete":
        return _read_incomplete(response.get("incomplete_details"))
    if status not in (None, "completed"):
        return "other", str(status)
    if any(isinstance(part, ToolCall) for part in parts):
        return "tool_calls", status
    if any(isinstance(part, Refusal) for part in parts):
        return "refusal", status
    return "stop", status


def _read_incomplete(details: Any) -> tuple[FinishReason, str]:
    reason = details.get("reason") if isinstance(details, dict) else None
    return _OF_INCOMPLETE.get(str(reason), "other"), str(reason)


def write_finish(reason: FinishReason | None, raw: str | None, own: bool, refused: bool) -> Extra:
    """`status` and `incomplete_details`. `refused`: the reply says so itself, in a refusal part."""
    if own and raw is not None:
        return _written_raw(raw)
    if refused and reason == "refusal":
        return _status("completed")
    incomplete = _INCOMPLETE_OF.get(reason) if reason else None
    return _status("incomplete", incomplete) if incomplete else _status("completed")


def _written_raw(raw: str) -> Extra:
    if raw in ("completed", "cancelled", *UNFINISHED):
        return _status(raw)
    return _status("incomplete", None if raw == "None" else raw)


def _status(status: str, reason: str | None = None) -> Extra:
    details = {"reason": reason} if reason else None
    return {"status": status, "incomplete_details": details}
