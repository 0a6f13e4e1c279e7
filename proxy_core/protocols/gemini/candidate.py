"""What stands around the parts of a candidate (https://ai.google.dev/api/generate-content#candidate)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.gemini.content_read import as_list, read_part
from proxy_core.protocols.gemini.finish import read_finish
from proxy_core.protocols.gemini.names import MADE_UP_ID, made_up_id
from proxy_core.turn.content import Extra, Part, ToolCall
from proxy_core.turn.reply import FinishReason
from proxy_core.wire.fields import optional_integer, record

LOGPROBS = "_logprobsResult"
"""In a choice's extra: Gemini's own form of what Text.logprobs holds too."""
FEEDBACK = "promptFeedback"
"""In a choice's extra: why the prompt was blocked; the choice then stands for the answer that was never made."""
_MODELLED = frozenset({"content", "index", "finishReason"})
_CONTENT_MODELLED = frozenset({"parts", "role"})


@dataclass(slots=True)
class CandidateState:
    """One candidate as far as it is known. `open` is the block that the next plain text may belong to."""

    index: int
    called: bool = False
    raw_finish: str | None = None
    extra: Extra = field(default_factory=dict)
    open: int = -1
    open_thought: bool = False

    @property
    def finish(self) -> FinishReason:
        return read_finish(self.raw_finish, self.called)

    def note(self, raw: dict[str, Any]) -> None:
        """Takes in everything but the parts."""
        for name, value in raw.items():
            if name == "finishReason":
                self.raw_finish = value if isinstance(value, str) and value else self.raw_finish
            elif name == "content":
                self._note_content(value)
            elif name == "logprobsResult":
                _join(self.extra, LOGPROBS, value, repeats=True)
            elif name not in _MODELLED:
                _join(self.extra, name, value, repeats=False)

    def _note_content(self, content: Any) -> None:
        if isinstance(content, dict) and not content.keys() <= _CONTENT_MODELLED:
            unknown = {name: value for name, value in content.items() if name not in _CONTENT_MODELLED}
            _join(self.extra, "content", unknown, repeats=False)

    def block(self, feedback: dict[str, Any]) -> None:
        """The prompt was refused, so this candidate stays empty."""
        reason = feedback.get("blockReason")
        self.raw_finish = reason if isinstance(reason, str) else "SAFETY"
        self.extra[FEEDBACK] = feedback


def _join(extra: Extra, name: str, value: Any, repeats: bool) -> None:
    """Chunks tell of sources piece by piece or again and again: lists in an object grow by what is new."""
    old = extra.get(name)
    if not isinstance(old, dict) or not isinstance(value, dict):
        extra[name] = value
        return
    joined = dict(old)
    for key, more in value.items():
        kept = joined.get(key)
        if isinstance(kept, list) and isinstance(more, list):
            more = kept + [item for item in more if repeats or item not in kept]
        joined[key] = more
    extra[name] = joined


def blocked(body: dict[str, Any]) -> dict[str, Any] | None:
    """The feedback of a prompt that was refused (https://ai.google.dev/api/generate-content#PromptFeedback)."""
    feedback = body.get(FEEDBACK)
    if isinstance(feedback, dict) and feedback.get("blockReason") and not body.get("candidates"):
        return feedback
    return None


def candidates_of(body: dict[str, Any]) -> list[Any]:
    return as_list(body.get("candidates"))


def index_of(raw: dict[str, Any], position: int) -> int:
    """An index of 0 is often left out, as JSON of protocol buffers leaves out what is zero."""
    index = optional_integer(raw.get("index"), "candidates[].index")
    return position if index is None else index


def parts_of(raw: dict[str, Any]) -> list[Any]:
    """Without parts that hold nothing at all."""
    content = raw.get("content")
    parts = as_list(record(content, "candidates[].content").get("parts")) if content else []
    return parts if all(parts) else [part for part in parts if part]


def reply_part(raw: dict[str, Any], call_key: tuple[str, ...]) -> Part:
    """A part of a reply. A call without an id gets one made of `call_key`, by which clients can answer it."""
    part = read_part(raw, "candidates[].content.parts[]")
    if isinstance(part, ToolCall) and not part.id:
        part.id = made_up_id(*call_key, part.name, part.arguments)
        part.extra[MADE_UP_ID] = True
    return part


def unreadable(error: ParleyError) -> ParleyError:
    """A reader's complaint about the client's JSON, turned into one about the backend's."""
    message = f"The backend's answer cannot be read: {error.fault.message}"
    return ParleyError(Fault(FaultKind.UPSTREAM, message, raw_type=error.fault.raw_type))


def read_logprobs(result: Any) -> list[Any]:
    """Gemini's logprobsResult in OpenAI's form."""
    if not isinstance(result, dict):
        return []
    tops = [_tokens(record(top, "topCandidates[]").get("candidates")) for top in as_list(result.get("topCandidates"))]
    chosen = _tokens(result.get("chosenCandidates"))
    for position, token in enumerate(chosen):
        token["top_logprobs"] = tops[position] if position < len(tops) else []
    return chosen


def _tokens(raw: Any) -> list[dict[str, Any]]:
    return [_token(record(token, "logprobsResult")) for token in as_list(raw)]


def _token(raw: dict[str, Any]) -> dict[str, Any]:
    text = str(raw.get("token") or "")
    return {"token": text, "logprob": raw.get("logProbability") or 0.0, "bytes": list(text.encode("utf-8", "replace"))}


def write_logprobs(logprobs: list[Any]) -> dict[str, Any]:
    tokens = [token for token in logprobs if isinstance(token, dict)]
    tops = [[top for top in token.get("top_logprobs") or () if isinstance(top, dict)] for token in tokens]
    return {
        "chosenCandidates": [_native_token(token) for token in tokens],
        "topCandidates": [{"candidates": [_native_token(token) for token in top]} for top in tops],
    }


def _native_token(token: dict[str, Any]) -> dict[str, Any]:
    return {"token": token.get("token", ""), "logProbability": token.get("logprob", 0.0)}
