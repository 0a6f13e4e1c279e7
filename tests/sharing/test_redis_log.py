"""On a real Redis, where one is installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest
import trustme

pytest.importorskip("redis")

from redis.exceptions import ResponseError

from proxy_core.errors import FaultKind
from proxy_core.sharing import redis_log
from proxy_core.sharing.changes import AnswerNoted, BreakerChange, Change, RestChange, SessionChange, SessionEnd
from proxy_core.sharing.redis_log import TROUBLE, RedisLog, reason
from proxy_core.sharing.replica import Snapshot
from tests.sharing.server import RedisServer, free_port

SET = SessionChange("o", "s", {"model": "m", "greeted": True}, 1_700_000_000.5, used=2)


class Logs:
    """Two proxies' logs on one Redis; `told` is what they report."""

    def __init__(self, server: RedisServer) -> None:
        self.told: list[tuple[str, str]] = []
        self.server = server
        self.one, self.other = self.open(), self.open()

    def open(self, url: str | None = None) -> RedisLog:
        return RedisLog(url or self.server.url, lambda key, why: self.told.append((key, why)))


def run(server: RedisServer, act: Callable[[Logs], Coroutine[Any, Any, None]]) -> list[tuple[str, str]]:
    """What was reported."""

    async def main() -> list[tuple[str, str]]:
        logs = Logs(server)
        try:
            await act(logs)
        finally:
            await logs.one.close()
            await logs.other.close()
        return logs.told

    return asyncio.run(main())


async def now(log: RedisLog) -> float:
    return (await log.load()).now


def test_what_one_tells_the_other_reads_in_order(server: RedisServer) -> None:
    async def act(logs: Logs) -> None:
        at = await now(logs.one)
        await logs.other.load()
        told: list[Change] = [
            SessionEnd("o", "old", at),
            SET,
            RestChange("openai", "digest", "m", at + 30, FaultKind.RATE_LIMIT, 2),
            BreakerChange("local", 5, at + 5, 5.0, True),
            AnswerNoted("o", "resp_1", "s", at),
        ]
        own = await logs.one.exchange(told)
        assert own.entries == [(True, told)]
        more = SessionChange("o", "s", {"model": None}, at)
        await logs.one.exchange([more])
        assert (await logs.other.exchange([])).entries == [(False, told), (False, [more])]
        assert (await logs.other.exchange([])).entries == []

    assert run(server, act) == []


def test_who_comes_later_finds_what_it_has_come_to(server: RedisServer) -> None:
    async def act(logs: Logs) -> None:
        assert await logs.one.load() == Snapshot(ANY)
        at = await now(logs.one)
        rest, over = RestChange("b", None, "m", at + 30, FaultKind.OVERLOADED), RestChange("b", None, "n", at - 1)
        breaker, answer = BreakerChange("local", 5, at + 5, 5.0), AnswerNoted("o", "resp/1", "s/1", at)
        first, later = (
            SessionChange("o", "a/b", {"project": "p"}, at, 1),
            SessionChange("o", "s", {"model": "m"}, at + 1),
        )
        changes = [rest, over, breaker, answer, later, first, SessionChange("o", "gone", {}, at)]
        await logs.one.exchange(
            [*changes, SessionEnd("o", "gone", at + 2), SessionChange("o", "s", {"project": "q"}, at + 2, 4)]
        )
        stored = await logs.other.load()
        merged = SessionChange("o", "s", {"model": "m", "project": "q"}, at + 2, 4)
        assert stored.sessions == [first, merged]
        assert stored.ended == [SessionEnd("o", "gone", at + 2)]
        assert sorted(stored.health, key=str) == sorted([rest, breaker], key=str)
        assert stored.answers == [answer]
        assert (await logs.other.exchange([])).entries == []

    assert run(server, act) == []


def test_everything_has_an_end(server: RedisServer) -> None:
    async def act(logs: Logs) -> None:
        at = await now(logs.one)
        await logs.one.exchange(
            [replace(SET, at=at), SessionEnd("o", "x", at), AnswerNoted("o", "r", "s", at), BreakerChange("b", 1)],
            ["t"],
        )

    run(server, act)
    client = server.client
    assert len(list(client.scan_iter())) == 7
    assert all(0 < client.ttl(key) <= 90_000 for key in client.scan_iter())


def test_one_of_two_that_claim_the_same_gets_it(server: RedisServer) -> None:
    async def act(logs: Logs) -> None:
        await logs.one.load()
        await logs.other.load()
        both = await asyncio.gather(logs.one.exchange([SET], ["a", "t"]), logs.other.exchange([SET], ["t", "b"]))
        assert sorted(news.lost for news in both) == [frozenset(), frozenset({"t"})]

    run(server, act)


def test_what_is_no_longer_in_the_log_is_missed(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_log, "_LOG", 1)

    async def act(logs: Logs) -> None:
        await logs.one.load()
        await logs.one.exchange([SET])
        await logs.other.load()
        assert not (await logs.other.exchange([])).missed
        for _ in range(300):  # Redis trims a stream by whole nodes, of a hundred entries
            await logs.one.exchange([SET])
        assert (await logs.other.exchange([])).missed
        await logs.other.load()
        assert not (await logs.other.exchange([])).missed

    run(server, act)


def test_a_redis_that_was_emptied_is_noticed(server: RedisServer) -> None:
    async def act(logs: Logs) -> None:
        await logs.one.load()
        await logs.one.exchange([SET])
        server.client.flushall()
        assert (await logs.one.exchange([])).missed

    run(server, act)


def test_a_connection_that_was_made_anew_is_noticed(server: RedisServer) -> None:
    async def act(logs: Logs) -> None:
        await logs.one.load()
        server.kill()
        server.start()
        server.client.ping()
        with pytest.raises(TROUBLE):
            await logs.one.exchange([SET])

    run(server, act)


def test_garbage_in_the_log_is_passed_over_and_reported(server: RedisServer) -> None:
    async def act(logs: Logs) -> None:
        await logs.one.load()
        client = server.client
        client.xadd("parley:1:changes", {"nothing": "of ours"})
        client.xadd("parley:1:changes", {"i": "x", "c": '{"no": "list"}'})
        client.xadd("parley:1:changes", {"i": "x", "c": b"\xff" * 10})
        client.xadd(
            "parley:1:changes",
            {"i": "x", "c": b'[{"kind": "later version"}, {"kind": "end", "owner": "o", "id": "s", "at": 1.0}]'},
        )
        client.xadd(
            "parley:1:changes",
            {"c": b'[{"kind": "session", "owner": "o", "id": "s", "at": 1.0, "set": {"openai_url": "file:///etc"}}]'},
        )
        news = await logs.one.exchange([SET])
        assert [changes for _, changes in news.entries] == [[], [], [], [SessionEnd("o", "s", 1.0)], [], [SET]]

    told = run(server, act)
    assert {key for key, _ in told} == {"parley:1:changes"}
    assert len(told) == 5
    assert not any("etc" in why for _, why in told)


def test_garbage_in_the_store_is_passed_over_and_reported(server: RedisServer) -> None:
    client = server.client
    client.zadd("parley:1:sessions", {"o/s": 1, "o/bad": 2, "o/worse": 3, "o/text": 4, "nothing": 5, "o/gone": 6})
    client.zadd("parley:1:sessions", {"o/never": 7})
    client.hset("parley:1:session:o/never", mapping={"at": b"nan"})
    client.hset(
        "parley:1:session:o/s", mapping={"model": b'"m"', "of a later version": b"1", "at": b"2.5", "used": b"1"}
    )
    client.hset("parley:1:session:o/bad", mapping={"temperature": b"99"})
    client.hset("parley:1:session:o/worse", mapping={"model": b"no json"})
    client.set("parley:1:session:o/text", "text")
    client.hset("parley:1:rests", mapping={"a": b"{}", "b": b'[{"kind": "end", "owner": "o", "id": "s", "at": 1}]'})
    client.zadd("parley:1:answers", {"[1, 2, 3]": 1, "no json": 2})
    client.set("parley:1:ended", "text")

    async def act(logs: Logs) -> None:
        stored = await logs.one.load()
        assert stored.sessions == [SessionChange("o", "s", {"model": "m"}, 2.5, 1)]
        assert (stored.ended, stored.health, stored.answers) == ([], [], [])

    assert {key for key, _ in run(server, act)} == {
        "parley:1:session:o/bad",
        "parley:1:session:o/worse",
        "parley:1:session:o/text",
        "parley:1:session:o/never",
        "parley:1:session:nothing",
        "parley:1:rests",
        "parley:1:answers",
        "parley:1:ended",
    }


def test_without_its_log_nothing_can_be_shared(server: RedisServer) -> None:
    server.client.set("parley:1:changes", "text")

    async def act(logs: Logs) -> None:
        await logs.one.load()
        with pytest.raises(ResponseError, match="delete it, or use another database"):
            await logs.one.exchange([])

    assert run(server, act)[0][0] == "parley:1:changes"


def test_it_speaks_tls(server: RedisServer, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "redis.pem"))
    if not server.client.config_get("tls-port"):
        pytest.skip("this redis-server was built without TLS")
    for name, value in (("tls-cert-file", "redis.pem"), ("tls-key-file", "redis.pem"), ("tls-ca-cert-file", "ca.pem")):
        server.client.config_set(name, str(tmp_path / value))
    port = free_port()
    server.client.config_set("tls-auth-clients", "no", "tls-port", port)

    async def main() -> None:
        log = RedisLog(f"rediss://127.0.0.1:{port}?ssl_ca_certs={tmp_path}/ca.pem")
        assert (await log.load()).sessions == []
        await log.close()
        log = RedisLog(f"rediss://127.0.0.1:{port}")
        with pytest.raises(TROUBLE, match="CERTIFICATE_VERIFY_FAILED"):
            await log.load()
        await log.close()

    asyncio.run(main())


def test_wrong_passwords_and_empty_places_are_told_without_the_password(server: RedisServer) -> None:
    server.client.config_set("requirepass", "right-password")

    async def fails(url: str) -> str:
        log = RedisLog(url)
        with pytest.raises(TROUBLE) as caught:
            await log.load()
        await log.close()
        return reason(caught.value)

    async def main() -> None:
        wrong, none = await fails(server.url_with("wrong-password")), await fails(server.url_with(""))
        assert "password" in wrong
        assert "wrong-password" not in wrong
        assert "Authentication required" in none
        log = RedisLog(server.url_with("right-password"))
        await log.load()
        await log.close()
        server.kill()
        assert "wrong-password" not in await fails(server.url_with("wrong-password"))

    asyncio.run(main())


def test_what_is_of_no_use_any_more_goes(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_log, "_MOST_ANSWERS", 3)

    async def act(logs: Logs) -> None:
        at = await now(logs.one)
        old = at - 100_000
        told: list[Change] = [SessionChange("o", name, {}, when) for name, when in (("old", old), ("new", at))]
        told += [SessionEnd("o", name, when) for name, when in (("long ago", at - 4000), ("just now", at))]
        told += [AnswerNoted("o", f"r{number}", "s", at + number) for number in range(5)]
        await logs.one.exchange([*told, AnswerNoted("o", "old", "s", old)])
        client = server.client
        await logs.other.load()
        await logs.other.exchange([SET, SessionEnd("o", "x", at), AnswerNoted("o", "r5", "s", at + 5)])
        assert client.zrange("parley:1:sessions", 0, -1) == [b"o/new"]
        assert client.zrange("parley:1:ended", 0, -1) == [b"o/just now", b"o/x"]
        assert [answer.response for answer in (await logs.one.load()).answers] == ["r3", "r4", "r5"]

    run(server, act)
