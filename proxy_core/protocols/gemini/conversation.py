"""The conversation as Gemini's `contents`: two roles, and every call's answer in the content right behind it.

https://ai.google.dev/gemini-api/docs/function-calling and /docs/thought-signatures
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from proxy_core.protocols.gemini.content_read import is_google_file
from proxy_core.protocols.gemini.content_write import write_part
from proxy_core.protocols.gemini.names import MADE_UP_ID, ORIGIN, SKIP_SIGNATURE
from proxy_core.protocols.gemini.request_read import ROLE
from proxy_core.protocols.gemini.results import joined_text, write_result
from proxy_core.protocols.gemini.writing import API, Writing
from proxy_core.turn.content import Extra, Media, Opaque, Part, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.request import ChatRequest, Turn
from proxy_core.turn.toolids import fitted_id

type Content = dict[str, Any]

_CONTINUE = "Continue."
_LEFT_OUT = "[An attached {kind} was left out, since this model cannot take it.]"
_NO_RESULT = "The call was cancelled; there is no result."


@dataclass(slots=True)
class Step:
    """What the model said (nothing at the beginning), and the turns up to its next word."""

    said: list[tuple[int, Turn]] = field(default_factory=list)
    heard: list[tuple[int, Turn]] = field(default_factory=list)


def is_preface(turn: Turn) -> bool:
    return turn.role in ("system", "developer")


def split_system(request: ChatRequest) -> tuple[list[tuple[int, Turn]], list[tuple[int, Turn]]]:
    """System turns up to the model's first word, which belong to systemInstruction, and all other turns."""
    numbered = list(enumerate(request.turns))
    first_word = next((index for index, turn in numbered if turn.role == "assistant"), len(numbered))
    preface = [(index, turn) for index, turn in numbered if is_preface(turn) and index < first_word]
    return preface, [entry for entry in numbered if entry not in preface]


def write_contents(turns: Iterable[tuple[int, Turn]], writing: Writing) -> list[Content]:
    contents: list[Content] = []
    names: dict[str, str] = {}
    steps = _steps(turns)
    for step in steps:
        writer = _StepWriter(step, writing, names)
        contents += writer.said()
        contents += writer.heard()
    if not writing.own:
        _close(contents, writing)
    return contents


def _steps(turns: Iterable[tuple[int, Turn]]) -> list[Step]:
    steps = [Step()]
    for index, turn in turns:
        if turn.role != "assistant":
            steps[-1].heard.append((index, turn))
        elif steps[-1].heard or not steps[-1].said:
            steps.append(Step(said=[(index, turn)]))
        else:
            steps[-1].said.append((index, turn))
    return steps


def _close(contents: list[Content], writing: Writing) -> None:
    """The API wants calls behind a user's word, and newer models a user's word at the end."""
    if contents and contents[0]["role"] == "model":
        contents.insert(0, _user_says(_CONTINUE))
    if contents and contents[-1]["role"] == "model" and not writing.target.profile.prefill:
        writing.losses.change("messages", f"{writing.target.model} continues no answer; it was asked to go on")
        contents.append(_user_says(_CONTINUE))


def _user_says(text: str) -> Content:
    return {"role": "user", "parts": [{"text": text}]}


class _StepWriter:
    def __init__(self, step: Step, writing: Writing, names: dict[str, str]) -> None:
        self._step = step
        self._writing = writing
        self._names = names
        self._calls = [part for _, turn in step.said for part in turn.parts if isinstance(part, ToolCall)]
        names.update((call.id, call.name) for call in self._calls)

    def said(self) -> list[Content]:
        contents = [self._content("model", turn, self._model_parts(index, turn)) for index, turn in self._step.said]
        contents = _joined(contents, always=not self._writing.own or bool(self._calls))
        if self._writing.target.profile.needs_thought_signatures:
            for content in contents:
                _sign(content)
        return contents

    def _model_parts(self, index: int, turn: Turn) -> list[Content]:
        parts = [self._part(part, f"messages[{index}].content[{i}]") for i, part in enumerate(turn.parts)]
        return [part for part in parts if part is not None]

    def heard(self) -> list[Content]:
        """The results first, all in one content; then what else was said, including the files that tools returned."""
        if self._as_it_stands():
            return [
                self._content("user", turn, self._user_parts(index, turn, results=True))
                for index, turn in self._step.heard
                if turn.parts or self._writing.own
            ]
        answers, files = self._answers()
        others = [self._content("user", turn, self._user_parts(index, turn)) for index, turn in self._step.heard]
        first = [{"role": "user", "parts": answers}] if answers else []
        beside = [{"role": "user", "parts": files}] if files else []
        return [*first, *_joined([*beside, *others], always=not self._writing.own)]

    def _as_it_stands(self) -> bool:
        """Whether a Gemini client's own turns are what the API wants, so that they may stay untouched."""
        if not self._writing.own:
            return False
        if not self._step.said:  # what came before may stand in `cachedContent`
            return True
        results = [part.call_id for _, turn in self._step.heard for part in turn.parts if isinstance(part, ToolResult)]
        first = self._step.heard[0][1].parts if self._step.heard else []
        in_first = sum(isinstance(part, ToolResult) for part in first)
        return sorted(results) == sorted(call.id for call in self._calls) and in_first == len(results)

    def _answers(self) -> tuple[list[Content], list[Content]]:
        """One functionResponse for each call, in the order of the calls, and files that find no place inside."""
        answers: list[Content] = []
        files: list[Content] = []
        found = self._results()
        for call in self._calls:
            index, result = found.get(call.id) or (None, None)
            if result is None:
                self._writing.losses.change("messages", f"the call of '{call.name}' has no result; one was made up")
                noted = {MADE_UP_ID: True} if MADE_UP_ID in call.extra else {}
                result = ToolResult(call.id, [Text(_NO_RESULT)], call.name, is_error=True, extra=noted)
            path = f"messages[{index}]" if index is not None else "messages"
            answer, loose = write_result(result, call, self._writing, path)
            answers.append(answer)
            files += loose
        return answers, files

    def _results(self) -> dict[str, tuple[int, ToolResult]]:
        found: dict[str, tuple[int, ToolResult]] = {}
        for index, turn in self._step.heard:
            for part in turn.parts:
                if isinstance(part, ToolResult):
                    found.setdefault(part.call_id, (index, part))
        return found

    def _user_parts(self, index: int, turn: Turn, *, results: bool = False) -> list[Content]:
        parts: list[Content] = []
        for i, part in enumerate(turn.parts):
            path = f"messages[{index}].content[{i}]"
            if isinstance(part, ToolResult):
                parts += self._result_here(part, path) if results else self._orphan(part, path)
            elif is_preface(turn) and isinstance(part, Text):
                self._writing.losses.change(f"messages[{index}]", f"{API} has no system messages inside a conversation")
                parts.append({"text": f"<system>\n{part.text}\n</system>"})
            else:
                written = self._part(part, path)
                parts += [written] if written is not None else []
        return parts

    def _result_here(self, result: ToolResult, path: str) -> list[Content]:
        unseen = ToolCall(result.call_id, result.name or "", "")
        call = next((call for call in self._calls if call.id == result.call_id), unseen)
        answer, loose = write_result(result, call, self._writing, path)
        return [answer, *loose]

    def _orphan(self, result: ToolResult, path: str) -> list[Content]:
        """A result of no call of this step cannot be a functionResponse, but what it says should not be lost."""
        if any(call.id == result.call_id for call in self._calls):
            return []
        name = result.name or self._names.get(result.call_id) or "a tool"
        self._writing.losses.change(path, "the result belongs to no call; it was sent as text")
        return [{"text": f"Result of {name}: {joined_text(result)}"}]

    def _content(self, role: str, turn: Turn, parts: list[Content]) -> Content:
        own = self._writing.own
        extra = self._writing.kept(turn.extra, "messages")
        if turn.name is not None and not own:
            self._writing.losses.drop("messages[].name", f"{API} has no such field")
        given: Extra = {"role": turn.extra[ROLE]} if own and ROLE in turn.extra else {"role": role}
        return {**{key: value for key, value in given.items() if value is not None}, "parts": parts, **extra}

    def _part(self, part: Part, path: str) -> Content | None:
        writing = self._writing
        if self._is_lost(part, path):
            if isinstance(part, Media) and not writing.own:
                return {"text": _LEFT_OUT.format(kind=part.kind)}
            return None
        if isinstance(part, Text | ToolCall | Media):
            writing.uncached(part.cache)
        writing.kept(part.extra, path)
        if isinstance(part, ToolCall) and not writing.own:
            part = replace(part, id=fitted_id(part.id, writing.target.dialect.tool_id))
        return write_part(part, own_extra=writing.own, foreign_seals=False)

    def _is_lost(self, part: Part, path: str) -> bool:
        """Reports what no part can be made of."""
        losses = self._writing.losses
        match part:
            case Thinking():
                foreign = part.redacted or (part.seal.origin != ORIGIN if part.seal else not self._writing.own)
                if foreign:
                    losses.drop("messages[].thinking", "other models' thoughts are of no use to a Gemini model")
                return foreign
            case Opaque() if part.origin != ORIGIN:
                losses.drop(path, f"'{part.kind}' is known to its own provider only")
                return True
            case Media() if part.data is None and part.url is None and not is_google_file(part.file_id or ""):
                losses.drop(path, "the file is stored at another provider; send its data instead")
                return True
            case Text(text=""):
                return part.seal.origin != ORIGIN if part.seal else not self._writing.own
            case _:
                return False


def _joined(contents: list[Content], *, always: bool) -> list[Content]:
    """Contents without those that hold nothing; neighbours become one where `always`."""
    joined: list[Content] = []
    for content in contents:
        if not always:
            joined.append(content)
        elif content["parts"]:
            if joined:
                joined[-1]["parts"] += content["parts"]
            else:
                joined.append(content)
    return joined


def _sign(content: Content) -> None:
    """The first call of a step must be signed; where another provider made it, Google names a stand-in for that."""
    for part in content["parts"]:
        if "functionCall" in part:
            part.setdefault("thoughtSignature", SKIP_SIGNATURE)
            return
