"""The entries of the common log, and what is stored of a session. Times are in seconds since 1970 by Redis's clock.

What is read was written by anyone who can reach the Redis: it is checked like a client's request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal, TypedDict

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from proxy_core.config.values import http_url
from proxy_core.errors import FaultKind
from proxy_core.turn.request import Effort
from proxy_core.wire.json import dumps, loads

LONGEST_WORD = 2048
type Word = Annotated[str, Field(max_length=LONGEST_WORD)]
type Number = Annotated[int, Field(ge=0, lt=2**64)]
type Seconds = Annotated[float, Field(allow_inf_nan=False)]
type Count = Annotated[int, Field(ge=0, le=10**9)]


class Unreadable(ValueError):
    """Not written by a Parley, or by one that says things in another way. Its text quotes nothing of it."""


class Settings(TypedDict, total=False):
    """As SessionSettings. None: taken back."""

    model: Word | None
    backend: Word | None
    project: Word | None
    interactive: bool | None
    temperature: Annotated[float, Field(ge=0, le=2)] | None
    reasoning_effort: Effort | None
    thinking_budget: Annotated[int, Field(ge=-1, le=2**20)] | None
    openai_url: Annotated[str, AfterValidator(http_url)] | None
    redact: bool | None
    loop_detection: bool | None
    tool_loop_detection: bool | None


class OneOff(TypedDict):
    """`token` is another each time one is named, so that it can be told who took it."""

    model: Word
    token: Word


class StateAfter(TypedDict):
    """What was set after a text."""

    text: Number
    settings: Settings
    one_off: Word | None
    greeted: bool


class Talk(TypedDict):
    """A conversation that its client gives no name, by keyed digests of its texts."""

    scope: Word
    system: Number
    opening: Annotated[list[Number], Field(max_length=64)]
    texts: Annotated[list[Number], Field(max_length=256)]
    newest: Annotated[list[Number], Field(max_length=64)]
    states: Annotated[list[StateAfter], Field(max_length=256)]


class Row(TypedDict):
    """A row of the same tool calls."""

    at: Seconds
    kind: Literal["same_call", "ping_pong", "same_failure"]
    seen: Count
    before: Count
    answered: Count | None


class Fields(Settings, total=False):
    """What is known of a session; what is left out has not changed."""

    one_off: OneOff | None
    agent: Word | None
    notice: bool
    greeted: bool
    talk: Talk | None
    row: Row | None


@dataclass(frozen=True, slots=True)
class SessionChange:
    """`used`: so many more requests, the last one at `at`."""

    owner: Word
    id: Word
    set: Fields
    at: Seconds
    used: Count = 0
    kind: Literal["session"] = "session"


@dataclass(frozen=True, slots=True)
class SessionEnd:
    owner: Word
    id: Word
    at: Seconds
    kind: Literal["end"] = "end"


@dataclass(frozen=True, slots=True)
class RestChange:
    """`until` None: it rests no more."""

    backend: Word
    key: Word | None
    model: Word | None
    until: Seconds | None
    why: FaultKind | None = None
    times: Count = 1
    kind: Literal["rest"] = "rest"


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """No `failures`: it is closed."""

    backend: Word
    failures: Count = 0
    open_until: Seconds = 0.0
    pause: Seconds = 0.0
    probing: bool = False
    kind: Literal["breaker"] = "breaker"


@dataclass(frozen=True, slots=True)
class AnswerNoted:
    """The session that a response's id leads to."""

    owner: Word
    response: Word
    id: Word
    at: Seconds
    kind: Literal["answer"] = "answer"


type Health = RestChange | BreakerChange
type Change = SessionChange | SessionEnd | RestChange | BreakerChange | AnswerNoted

_CHANGE: TypeAdapter[Change] = TypeAdapter(Annotated[Change, Field(discriminator="kind")])
_FIELDS: TypeAdapter[Fields] = TypeAdapter(Fields)


def written(changes: Iterable[Change]) -> bytes:
    return dumps([asdict(change) for change in changes])


def read(data: bytes) -> Iterator[Change | Unreadable]:
    """Each by itself: a newer Parley may tell of things that this one does not know."""
    try:
        found = loads(data)
    except (ValueError, RecursionError):
        found = None
    for value in found if isinstance(found, list) else [None]:
        try:
            yield _CHANGE.validate_python(value)
        except ValidationError as error:
            yield Unreadable(_where(error))


def stored(fields: Fields) -> dict[str, bytes]:
    """One by one, so that two proxies that set two things do not undo each other's."""
    return {name: dumps(value) for name, value in fields.items()}


def read_stored(values: Mapping[bytes, bytes]) -> Fields:
    """Raises Unreadable."""
    try:
        return _FIELDS.validate_python({name.decode(): loads(value) for name, value in values.items()})
    except ValidationError as error:
        raise Unreadable(_where(error)) from None
    except (ValueError, RecursionError):
        raise Unreadable("is no JSON") from None


def _where(error: ValidationError) -> str:
    """Field and reason, without what stood there."""
    first: Any = error.errors(include_input=False, include_url=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the whole'}: {first['type']}"
