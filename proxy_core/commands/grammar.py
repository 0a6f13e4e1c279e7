"""Commands in a text: `PREFIX name(arguments)`, and bare `PREFIXname` for those that need no arguments.

Reads each character a bounded number of times. Offsets are exact, so that what is not a command can be kept as it is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

type Span = tuple[int, int]

_MOST_PROBLEMS = 20
"""After so many malformed commands the rest is text: each may have been searched to the end for what closes it."""
_MOST_GUESSES = 50
_SPECIAL = re.compile(r"[(),\"']")
_ITEM = re.compile(r"\s*([A-Za-z][\w-]*)\s*=(.*)", re.DOTALL | re.ASCII)
_PAIRS = re.compile(r"(?:[ \t]+[\w-]+=\S+)*")
"""Arguments of someone who forgot the parentheses."""
_NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Names as in the table. `bare` ones may stand without parentheses."""

    names: frozenset[str]
    bare: frozenset[str]


@dataclass(frozen=True, slots=True)
class Argument:
    """`key` is None for a value that stands alone; keys are lower-case with hyphens."""

    key: str | None
    value: str


@dataclass(frozen=True, slots=True)
class Command:
    """What was typed at text[start:end]. `problem` says why it cannot be read; its name may still be unknown."""

    start: int
    end: int
    typed: str
    name: str
    arguments: tuple[Argument, ...] = ()
    problem: str | None = None


def normal(name: str) -> str:
    """The form in which names are compared: `Openai_URL` is `openai-url`."""
    return name.lower().replace("_", "-")


def find(
    text: str, prefix: str, vocabulary: Vocabulary, spans: Iterable[Span] | None = None, code: Sequence[Span] = ()
) -> list[Command]:
    """The commands in `spans` of a text (None: all of it), in order; none begins within `code`.

    A name that is not known counts as a command with parentheses, alone on its line, or when it is nearly one that
    is known. A path (`!/bin/sh`) is text, and so is what stands behind a backslash or within a word.
    """
    if prefix not in text:
        return []
    reader = _Reader(text, vocabulary, _opening(prefix), code)
    found: list[Command] = []
    for start, end in spans if spans is not None else [(0, len(text))]:
        found.extend(reader.read(start, end))
    return found


@lru_cache(maxsize=64)
def _opening(prefix: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9_#/\\$@!`]){re.escape(prefix)}([A-Za-z](?:[\w-]*[A-Za-z0-9])?)", re.ASCII)


class _Reader:
    def __init__(self, text: str, vocabulary: Vocabulary, opening: re.Pattern[str], code: Sequence[Span]) -> None:
        self._text = text
        self._vocabulary = vocabulary
        self._opening = opening
        self._code = iter(code)
        self._next_code: Span | None = next(self._code, None)
        self._problems = 0
        self._guesses = 0

    def read(self, start: int, end: int) -> Iterator[Command]:
        position = start
        while self._problems < _MOST_PROBLEMS and (match := self._opening.search(self._text, position, end)):
            command = None if self._in_code(match.start()) else self._command(match, start, end)
            position = command.end if command else match.end()
            if command:
                self._problems += command.problem is not None
                yield command

    def _in_code(self, position: int) -> bool:
        while self._next_code and self._next_code[1] <= position:
            self._next_code = next(self._code, None)
        return self._next_code is not None and self._next_code[0] <= position

    def _command(self, match: re.Match[str], start: int, end: int) -> Command | None:
        name = normal(match[1])
        opening = self._parenthesis(name, match.end(), end)
        if opening is not None:
            return self._with_arguments(match.start(), name, opening, end)
        if self._goes_on(match.end(), end):
            return None
        typed = match[0]
        if name in self._vocabulary.bare:
            return Command(match.start(), match.end(), typed, name)
        if name in self._vocabulary.names:
            problem = f"the arguments of '{name}' must stand in parentheses"
            last = _PAIRS.match(self._text, match.end(), end).end()  # pyright: ignore[reportOptionalMemberAccess]
            return Command(match.start(), last, self._text[match.start() : last], name, problem=problem)
        if self._alone(match.start(), match.end(), start, end) or self._nearly_known(name):
            return Command(match.start(), match.end(), typed, name)
        return None

    def _parenthesis(self, name: str, position: int, end: int) -> int | None:
        """Where the arguments open; blanks may stand before only where arguments are needed."""
        if name in self._vocabulary.names - self._vocabulary.bare:
            while position < end and self._text[position] in " \t":
                position += 1
        return position if position < end and self._text[position] == "(" else None

    def _goes_on(self, position: int, end: int) -> bool:
        """Whether the word goes on as a path or file name does."""
        following = self._text[position : min(position + 2, end)]
        return following[:1] in ("/", "\\", "_", "-") or (following[:1] in (".", ":", "@") and following[1:2].isalnum())

    def _alone(self, first: int, last: int, start: int, end: int) -> bool:
        while first > start and self._text[first - 1] in " \t":
            first -= 1
        while last < end and self._text[last] in " \t\r":
            last += 1
        return (first == start or self._text[first - 1] == "\n") and (last == end or self._text[last] == "\n")

    def _nearly_known(self, name: str) -> bool:
        self._guesses += 1
        return self._guesses <= _MOST_GUESSES and nearest(name, self._vocabulary.names, _NEAR) is not None

    def _with_arguments(self, start: int, name: str, opening: int, end: int) -> Command:
        items, closing, problem = _scan(self._text, opening, end)
        if problem:
            line_end = self._text.find("\n", opening, end)
            closing = line_end if line_end >= 0 else end
        arguments = tuple(_argument(item) for item in items if item.strip())
        return Command(start, closing, self._text[start:closing], name, arguments, problem)


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The likeliest of `names`, or None when none is like `name`."""
    close = difflib.get_close_matches(name, sorted(names), n=1, cutoff=cutoff) if len(name) <= 40 else []
    return close[0] if close else None


def _scan(text: str, opening: int, end: int) -> tuple[list[str], int, str | None]:
    """The arguments as typed, the offset behind the closing parenthesis, and what is wrong with them."""
    items: list[str] = []
    item = position = opening + 1
    depth = 0
    while match := _SPECIAL.search(text, position, end):
        position = match.end()
        match match[0]:
            case "(":
                depth += 1
            case ")" if depth:
                depth -= 1
            case ")":
                return [*items, text[item : match.start()]], position, None
            case "," if not depth:
                items.append(text[item : match.start()])
                item = position
            case '"' | "'" as quote if _begins_value(text, match.start(), item):
                closing = text.find(quote, position, end)
                if closing < 0:
                    return [], end, f"the quotation mark {quote} is never closed"
                position = closing + 1
            case _:
                pass
    return [], end, "the parenthesis is never closed"


def _begins_value(text: str, quote: int, item: int) -> bool:
    before = quote - 1
    while before >= item and text[before].isspace():
        before -= 1
    return before < item or text[before] == "="


def _argument(item: str) -> Argument:
    match = _ITEM.fullmatch(item)
    return Argument(normal(match[1]), _unquoted(match[2])) if match else Argument(None, _unquoted(item))


def _unquoted(value: str) -> str:
    value = value.strip()
    quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value
