"""The common log and the store, in one Redis: a stream of changes, and beside it what they have come to.

    parley:1:changes             stream: what was told, by whom; the newest ten thousand entries
    parley:1:sessions            sorted set: OWNER/ID by last use
    parley:1:session:OWNER/ID    hash: a session's fields, each as JSON
    parley:1:ended               sorted set: OWNER/ID by when it was ended, for an hour
    parley:1:rests               hash: resting keys (by digest) and backends that are down
    parley:1:answers             sorted set: which session a response's id leads to
    parley:1:taken:TOKEN         a one-off model that somebody has taken

Another version of Parley that means other things by these uses another number.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Protocol

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from proxy_core.sharing.changes import (
    AnswerNoted,
    BreakerChange,
    Change,
    RestChange,
    SessionChange,
    SessionEnd,
    Unreadable,
    read,
    read_stored,
    stored,
    written,
)
from proxy_core.sharing.replica import Snapshot
from proxy_core.wire.json import dumps, loads

READ = 1000
"""Entries of the log that are read at once."""
TROUBLE = (RedisError, OSError, EOFError)
"""What the calls below raise when Redis cannot be used."""
_PREFIX = b"parley:1:"
_CHANGES = _PREFIX + b"changes"
_SESSIONS = _PREFIX + b"sessions"
_ENDED = _PREFIX + b"ended"
_RESTS = _PREFIX + b"rests"
_ANSWERS = _PREFIX + b"answers"
_SECONDS = 5.0
"""Without an answer for so long, the connection is given up."""
_LOG = 10_000
_CHUNK = 200
_DAY = 86_400
_HOUR = 3600
_MINUTE = 60
_KEPT_IN: dict[type, bytes] = {
    SessionChange: _SESSIONS,
    SessionEnd: _ENDED,
    RestChange: _RESTS,
    BreakerChange: _RESTS,
    AnswerNoted: _ANSWERS,
}
_LASTS = {_SESSIONS: _DAY, _ENDED: _HOUR, _ANSWERS: _DAY}
"""Seconds for which an entry is of use."""
_MOST_SESSIONS = 1000
_MOST_ANSWERS = 10_000
_BEGINNING = b"0-0"

type Report = Callable[[str, str], None]
"""A Redis key, and why what stands there is ignored."""


@dataclass(slots=True)
class News:
    """What came of an exchange: the log's entries since the last one, in order, each with whether it was told here.
    `lost` are the claims that somebody else had made before. `missed`: the log no longer holds all."""

    entries: list[tuple[bool, list[Change]]] = field(default_factory=list)
    lost: frozenset[str] = frozenset()
    missed: bool = False


class Log(Protocol):
    async def load(self) -> Snapshot: ...

    async def exchange(self, changes: Sequence[Change], claims: Sequence[str] = ()) -> News: ...

    async def close(self) -> None: ...


class RedisLog:
    """One connection. `load` comes first; after an error it is to be closed, and another opened."""

    def __init__(self, url: str, report: Report = lambda key, why: None) -> None:
        self._redis = Redis.from_url(
            url,
            protocol=2,
            socket_timeout=_SECONDS,
            socket_connect_timeout=_SECONDS,
            retry=Retry(NoBackoff(), 0),
            single_connection_client=True,
            client_name="parley",
        )
        self._report = report
        self._name = secrets.token_hex(6).encode()
        self._read_to = _BEGINNING
        self._connection = 0
        self._tended: dict[bytes, float] = {}
        self._offset = 0.0

    async def load(self) -> Snapshot:
        pipe = self._redis.pipeline(transaction=True)
        pipe.client_id()
        pipe.time()
        pipe.xrevrange(_CHANGES, count=1)
        pipe.zrevrange(_SESSIONS, 0, _MOST_SESSIONS - 1)
        pipe.zrange(_ENDED, 0, -1, withscores=True)
        pipe.hgetall(_RESTS)
        pipe.zrange(_ANSWERS, 0, -1, withscores=True)
        self._connection, (seconds, micros), newest, names, ended, rests, answers = self._checked(
            await pipe.execute(raise_on_error=False), (None, None, _CHANGES, _SESSIONS, _ENDED, _RESTS, _ANSWERS)
        )
        self._read_to = newest[0][0] if newest else _BEGINNING
        now = seconds + micros / 1e6
        self._offset = now - time.monotonic()
        return Snapshot(
            now,
            [change async for change in self._sessions(list(reversed(names or [])))],
            [SessionEnd(*scope, at) for name, at in ended or [] if (scope := _scope(name))],
            list(self._health(rests or {}, now)),
            list(self._answers(answers or [])),
        )

    async def exchange(self, changes: Sequence[Change], claims: Sequence[str] = ()) -> News:
        """Tells `changes`, makes `claims` (tokens of one-off models), and reads what was told since the last time. What
        is told is one step for Redis; all of it is one way there and back."""
        pipe = self._redis.pipeline(transaction=bool(changes or claims))
        for token in claims:
            pipe.set(_PREFIX + b"taken:" + token.encode(), self._name, nx=True, ex=_DAY)
        for change in changes:
            _store(pipe, change)
        if changes:
            pipe.xadd(_CHANGES, {b"i": self._name, b"c": written(changes)}, maxlen=_LOG, approximate=True)
            self._tend(pipe, {_CHANGES, *(_KEPT_IN[type(change)] for change in changes)})
        pipe.client_id()
        pipe.xrange(_CHANGES, count=1)
        pipe.xread({_CHANGES: self._read_to}, count=READ)
        results = await pipe.execute(raise_on_error=False)
        for wrong in filter(_is_wrong, results):
            self._report("parley:1:*", str(wrong))
        *written_results, connection, oldest, found = results
        if connection != self._connection:  # redis-py connects again by itself; nobody knows what was meanwhile
            raise ConnectionResetError("it was restarted")
        if isinstance(oldest, ResponseError) or isinstance(found, ResponseError):
            raise ResponseError("parley:1:changes holds something else; delete it, or use another database")
        lost = (token for token, made in zip(claims, written_results, strict=False) if made is None)
        return self._news(oldest, found, frozenset(lost))

    async def close(self) -> None:
        """Whatever state the connection is in."""
        try:
            await self._redis.aclose()
        except TROUBLE:
            return

    def _tend(self, pipe: Pipeline, keys: set[bytes]) -> None:
        """Sees to it, now and then, that what nobody uses any more goes by itself."""
        now = time.monotonic()
        for key in keys:
            if now - self._tended.get(key, -_MINUTE) < _MINUTE:
                continue
            self._tended[key] = now
            pipe.expire(key, _DAY + _HOUR)
            if key in _LASTS:
                pipe.zremrangebyscore(key, "-inf", self._offset + now - _LASTS[key])
            if key == _ANSWERS:
                pipe.zremrangebyrank(key, 0, -_MOST_ANSWERS - 1)

    def _news(self, oldest: list[Any], found: list[Any], lost: frozenset[str]) -> News:
        known = self._read_to == _BEGINNING or (bool(oldest) and _number(oldest[0][0]) <= _number(self._read_to))
        news = News(lost=lost, missed=not known)
        for number, entry in found[0][1] if found else ():
            self._read_to = number
            news.entries.append((entry.get(b"i") == self._name, list(self._changes(entry))))
        return news

    def _changes(self, entry: dict[bytes, bytes]) -> Iterator[Change]:
        for change in read(entry.get(b"c", b"")):
            if isinstance(change, Unreadable):
                self._report(_CHANGES.decode(), str(change))
            else:
                yield change

    async def _sessions(self, names: Sequence[bytes]):
        for start in range(0, len(names), _CHUNK):
            chunk = names[start : start + _CHUNK]
            pipe = self._redis.pipeline(transaction=False)
            for name in chunk:
                pipe.hgetall(_session(name))
            for name, values in zip(chunk, await pipe.execute(raise_on_error=False), strict=True):
                change = self._session_change(name, values)
                if change:
                    yield change

    def _session_change(self, name: bytes, values: Any) -> SessionChange | None:
        scope = _scope(name)
        try:
            if scope is None or not isinstance(values, dict):
                raise Unreadable("is no session")
            if not values:
                return None  # its time was over
            at, used = float(values.pop(b"at", b"0")), int(values.pop(b"used", b"0"))
            if not isfinite(at):
                raise Unreadable("at: is no moment")
            return SessionChange(*scope, read_stored(values), at, max(used, 0))
        except ValueError as error:
            self._report(_session(name).decode("utf-8", "replace"), str(error))
            return None

    def _health(self, rests: dict[bytes, bytes], now: float) -> Iterator[RestChange | BreakerChange]:
        for change in (found for value in rests.values() for found in read(value)):
            match change:
                case RestChange(until=float() as until) if until > now:
                    yield change
                case BreakerChange(open_until=until) if until > now - _HOUR:
                    yield change
                case RestChange() | BreakerChange():
                    pass
                case Unreadable() as wrong:
                    self._report(_RESTS.decode(), str(wrong))
                case _:
                    self._report(_RESTS.decode(), "is no rest")

    def _answers(self, found: Sequence[tuple[bytes, float]]) -> Iterator[AnswerNoted]:
        for value, at in found:
            try:
                owner, response, id = loads(value)
            except (ValueError, TypeError):
                self._report(_ANSWERS.decode(), "is no answer's place")
                continue
            if isinstance(owner, str) and isinstance(response, str) and isinstance(id, str):
                yield AnswerNoted(owner, response, id, at)

    def _checked(self, results: Sequence[Any], keys: Iterable[bytes | None]) -> list[Any]:
        """Nothing in place of what is no structure of ours. Raises what concerns the whole."""
        checked = []
        for result, key in zip(results, keys, strict=True):
            if isinstance(result, Exception):
                if key is None or isinstance(result, AuthenticationError | NoPermissionError):
                    raise result
                self._report(key.decode(), str(result))
            checked.append(None if isinstance(result, Exception) else result)
        return checked


def reason(error: BaseException) -> str:
    """In one line; redis-py's own messages name host and port, never a password."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _store(pipe: Pipeline, change: Change) -> None:
    match change:
        case SessionChange(owner, id, fields, at, used):
            name = _name(owner, id)
            pipe.hset(_session(name), mapping={"at": repr(at), **stored(fields)})
            if used:
                pipe.hincrby(_session(name), "used", used)
            pipe.expire(_session(name), _DAY)
            pipe.zadd(_SESSIONS, {name: at})
        case SessionEnd(owner, id, at):
            name = _name(owner, id)
            pipe.delete(_session(name))
            pipe.zrem(_SESSIONS, name)
            pipe.zadd(_ENDED, {name: at})
        case RestChange(backend, key, model, until):
            _store_health(pipe, dumps([backend, key, model]), change, over=until is None)
        case BreakerChange(backend, failures):
            _store_health(pipe, dumps([backend]), change, over=not failures)
        case AnswerNoted(owner, response, id, at):
            pipe.zadd(_ANSWERS, {dumps([owner, response, id]): at})


def _store_health(pipe: Pipeline, name: bytes, change: RestChange | BreakerChange, over: bool) -> None:
    if over:
        pipe.hdel(_RESTS, name)  # type: ignore[arg-type]
    else:
        pipe.hset(_RESTS, name, written([change]))  # type: ignore[arg-type]


def _name(owner: str, id: str) -> bytes:
    return f"{owner}/{id}".encode("utf-8", "surrogatepass")


def _session(name: bytes) -> bytes:
    return _PREFIX + b"session:" + name


def _scope(name: bytes) -> tuple[str, str] | None:
    owner, slash, id = name.decode("utf-8", "replace").partition("/")
    return (owner, id) if slash else None


def _number(id: bytes) -> tuple[int, int]:
    first, _, second = id.partition(b"-")
    return int(first), int(second or 0)


def _is_wrong(result: Any) -> bool:
    return isinstance(result, ResponseError)
