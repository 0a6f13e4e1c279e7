"""The state machine of one client request, event by event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from proxy_core.config.settings import LoopSettings
from proxy_core.errors import Fault, FaultKind, ParleyError, invalid
from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.inbound import HeaderMap
from proxy_core.exchange.step import HOLD, Step
from proxy_core.loops.text import LoopObserver
from proxy_core.pipeline.lanes import Lane
from proxy_core.wire.json import dumps, loads
from tests.exchange.making import DONE, FORBIDDEN, JSON, REFUSAL, REPLY, SSE, admitted, attempt, chunk, made, view

BROKEN = Fault(FaultKind.UPSTREAM, "It broke.")


def whole(exchange: Exchange, body: bytes, status: int = 200, headers=JSON) -> Step:
    exchange.next_attempt()
    exchange.on_head(status, headers)
    assert exchange.on_data(body) == HOLD
    return exchange.on_end()


def streaming(exchange: Exchange) -> None:
    exchange.next_attempt()
    exchange.on_head(200, SSE)


def status_of(step: Step) -> int | None:
    return step.head.status if step.head else None


def headers_of(step: Step) -> HeaderMap:
    assert step.head
    return HeaderMap(step.head.headers)


def test_a_whole_answer_of_the_same_protocol_passes_with_its_length() -> None:
    case = made(attempt(1))
    step = whole(case.exchange, REPLY)
    assert (status_of(step), step.chunks, step.end) == (200, [REPLY], True)
    assert headers_of(step)["content-length"] == str(len(REPLY))
    assert case.settled == [(1, "answered")]


@pytest.mark.parametrize(
    ("body", "heard"),
    [
        (b'{"response": ' + REPLY + b"}", REPLY),
        (b'{"response": ' + REPLY + b', "cost": 1}', REPLY),
        (REPLY, REPLY),
        (REPLY[:-1] + b', "response": {"a": 1}}', REPLY[:-1] + b', "response": {"a": 1}}'),
    ],
)
def test_an_answer_in_an_envelope_is_taken_out(body: bytes, heard: bytes) -> None:
    wrapping = attempt(1)
    wrapping.upstream = replace(wrapping.upstream, backend=replace(wrapping.upstream.backend, envelope="response"))
    step = whole(made(wrapping).exchange, body)
    assert loads(b"".join(step.chunks)) == loads(heard)


def test_nothing_is_given_out_before_something_was_generated() -> None:
    case = made(attempt(1), asked=admitted(stream=True))
    streaming(case.exchange)
    opening = chunk("")
    assert case.exchange.on_data(opening) == HOLD
    assert not case.exchange.committed
    step = case.exchange.on_data(chunk("Hi"))
    assert status_of(step) == 200
    assert b"".join(step.chunks) == opening + chunk("Hi")
    assert case.exchange.on_data(chunk(None, "stop") + DONE).only_chunks
    assert case.exchange.on_end() == Step(end=True, chunks=[])
    assert case.settled == [(1, "answered")]


@pytest.mark.parametrize("committed", [False, True])
def test_a_stream_that_breaks_is_tried_elsewhere_until_the_client_saw_some(committed: bool) -> None:
    case = made(attempt(1), attempt(2), asked=admitted(stream=True))
    streaming(case.exchange)
    case.exchange.on_data(chunk("Hi" if committed else ""))
    step = case.exchange.on_failure(BROKEN)
    assert step.retry is not committed
    assert step.end is committed
    assert (b"It broke." in b"".join(step.chunks)) is committed
    assert case.settled == [(1, "failed" if committed else "upstream")]
    assert case.exchange.fault == BROKEN


def test_where_it_is_wished_a_client_is_hung_up_on_instead() -> None:
    case = made(attempt(1), asked=admitted(stream=True), abort=True)
    streaming(case.exchange)
    case.exchange.on_data(chunk("Hi"))
    assert case.exchange.on_failure(BROKEN) == Step(abort=True)


def test_an_answer_that_is_complete_is_no_failure_whatever_comes_behind() -> None:
    case = made(attempt(1), asked=admitted(stream=True))
    streaming(case.exchange)
    case.exchange.on_data(chunk("Hi", "stop") + DONE)
    assert case.exchange.on_failure(BROKEN) == Step(end=True)
    assert case.settled == [(1, "answered")]
    assert case.exchange.fault is None


def test_what_comes_after_the_end_is_nothing() -> None:
    case = made(attempt(1))
    whole(case.exchange, REPLY)
    assert case.exchange.on_data(b"late") == case.exchange.on_end() == case.exchange.on_failure(BROKEN) == HOLD
    case.exchange.abandon()
    assert case.settled == [(1, "answered")]


def test_a_client_that_goes_settles_its_attempt_as_cancelled() -> None:
    case = made(attempt(1), asked=admitted(stream=True))
    streaming(case.exchange)
    case.exchange.abandon()
    case.exchange.abandon()
    assert case.settled == [(1, "cancelled")]
    assert case.exchange.fault is None


def test_the_client_hears_the_most_telling_of_what_failed() -> None:
    case = made(attempt(1), attempt(2), attempt(3))
    assert whole(case.exchange, REFUSAL, 429, [*JSON, ("Retry-After", "7")]).retry
    assert whole(case.exchange, FORBIDDEN, 403).retry
    case.exchange.next_attempt()
    assert case.exchange.on_failure(BROKEN).retry
    assert case.exchange.next_attempt() is None
    step = case.exchange.give_up()
    assert (status_of(step), b"".join(step.chunks)) == (429, REFUSAL)
    headers = headers_of(step)
    assert headers["x-parley-backend"] == "b1"
    assert [part.split()[0] for part in headers["x-parley-attempts"].split("; ")] == ["b1:m", "b2:m", "b3:m"]
    assert case.settled == [(1, "rate_limit"), (2, "permission"), (3, "upstream")]


def test_the_wait_is_told_once_however_the_backend_spells_it() -> None:
    case = made(attempt(1, Lane.TRANSLATE), asked=admitted(protocol="anthropic"))
    whole(case.exchange, REFUSAL, 429, [*JSON, ("Retry-After", "7")])
    case.exchange.next_attempt()
    step = case.exchange.give_up()
    assert step.head
    assert [value for name, value in step.head.headers if name.lower() == "retry-after"] == ["7"]


def test_without_any_attempt_the_client_still_hears_something() -> None:
    case = made()
    assert case.exchange.next_attempt() is None
    assert status_of(case.exchange.give_up()) == 502


def test_a_request_that_cannot_be_rendered_is_told_as_it_is() -> None:
    def rendering() -> Iterator[Attempt]:
        raise invalid("'n' cannot be carried.", "n")
        yield

    case = made(rendering=rendering())
    with pytest.raises(ParleyError) as caught:
        case.exchange.next_attempt()
    step = case.exchange.give_up(caught.value.fault)
    assert status_of(step) == 400
    assert b"'n' cannot be carried." in b"".join(step.chunks)


def test_a_crash_while_rendering_is_reported_and_told_as_our_own() -> None:
    def rendering() -> Iterator[Attempt]:
        raise KeyError("choices")
        yield

    case = made(rendering=rendering())
    with pytest.raises(ParleyError) as caught:
        case.exchange.next_attempt()
    assert caught.value.fault.kind is FaultKind.INTERNAL
    assert [type(crash) for crash in case.crashes] == [KeyError]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_handed_to_the_client_who_would_follow_it(status: int) -> None:
    """With its key for this proxy and its prompt."""
    case = made(attempt(1))
    assert whole(case.exchange, b"", status, [("Location", "https://elsewhere.test/v1")]).retry
    case.exchange.next_attempt()
    step = case.exchange.give_up()
    assert status_of(step) == 502
    assert "location" not in headers_of(step)
    assert b"https://elsewhere.test/v1" in b"".join(step.chunks)


def test_a_redirect_of_the_clients_own_provider_passes() -> None:
    case = made(attempt(1, credentials="client"))
    step = whole(case.exchange, b"Moved", 307, [("Location", "https://elsewhere.test/v1")])
    assert (status_of(step), headers_of(step)["location"]) == (307, "https://elsewhere.test/v1")
    assert case.settled == [(1, "answered")]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ([*JSON, ("Content-Encoding", "gzip")], REPLY),
        ([*JSON, ("Content-Encoding", "unheard-of")], REPLY),
    ],
)
def test_an_answer_with_a_wrong_encoding_is_tried_elsewhere(headers, body: bytes) -> None:
    case = made(attempt(1), attempt(2))
    case.exchange.next_attempt()
    case.exchange.on_head(200, headers)
    assert case.exchange.on_data(body).retry
    assert status_of(whole(case.exchange, REPLY)) == 200


def test_an_answer_that_is_no_json_is_tried_elsewhere() -> None:
    case = made(attempt(1, Lane.TRANSLATE), attempt(2))
    assert whole(case.exchange, b"<html>", headers=[("content-type", "text/html")]).retry
    assert case.settled == [(1, "upstream")]


def test_a_count_that_no_backend_makes_is_made_here() -> None:
    case = made(attempt(1), fallback=lambda: b'{"input_tokens":7}')
    assert whole(case.exchange, b"{}", 404).retry
    case.exchange.next_attempt()
    step = case.exchange.give_up()
    assert (status_of(step), step.chunks) == (200, (b'{"input_tokens":7}',))
    assert case.exchange.fault is None


def test_a_count_that_a_backend_refuses_for_the_key_is_not_made_here() -> None:
    case = made(attempt(1), fallback=lambda: b"{}")
    assert whole(case.exchange, FORBIDDEN, 403).retry
    case.exchange.next_attempt()
    assert status_of(case.exchange.give_up()) == 403


@pytest.mark.parametrize(("error", "status"), [(invalid("'messages' is no list.", "messages"), 400), (KeyError(), 500)])
def test_a_count_that_cannot_be_made_is_told_instead_of_leaving_the_client_hanging(error, status: int) -> None:
    def fallback() -> bytes:
        raise error

    case = made(attempt(1), fallback=fallback)
    whole(case.exchange, b"{}", 404)
    case.exchange.next_attempt()
    assert status_of(case.exchange.give_up()) == status


LOOPING = dumps(
    {**loads(REPLY), "choices": [{"index": 0, "message": {"role": "assistant", "content": "again. " * 999}}]}
)


def looping(number: int) -> Attempt:
    loop = LoopObserver(LoopSettings())
    return attempt(number, observers=[loop], loop=loop, avoids_loops=True, make_view=view)


def test_an_answer_that_repeats_itself_is_asked_for_elsewhere_and_settled_once() -> None:
    """It says nothing against the backend's health, so it has no fault when it is settled."""
    faults: list[Fault | None] = []
    case = made(looping(1), attempt(2))
    case.exchange._settled = lambda over: faults.append(over.fault)
    assert whole(case.exchange, LOOPING).retry
    assert faults == [None]
    assert status_of(whole(case.exchange, REPLY)) == 200
    assert faults == [None, None]


@pytest.mark.parametrize("opened", [False, True])
def test_the_client_gets_an_answer_that_repeats_itself_if_all_do(opened: bool) -> None:
    case = made(looping(1), asked=admitted(stream=opened))
    case.exchange.next_attempt()
    if opened:
        assert case.exchange.keep_alive(early=True).head
    case.exchange.on_head(200, JSON)
    case.exchange.on_data(LOOPING)
    assert case.exchange.on_end().retry
    assert case.exchange.next_attempt() is None
    step = case.exchange.give_up()
    assert status_of(step) == (None if opened else 200)
    assert b"again. again." in b"".join(step.chunks)


def test_a_waiting_client_may_get_its_head_early_and_then_its_fault_as_an_event() -> None:
    case = made(attempt(1), asked=admitted(stream=True))
    case.exchange.next_attempt()
    assert case.exchange.keep_alive() == HOLD
    assert status_of(case.exchange.keep_alive(early=True)) == 200
    assert case.exchange.keep_alive(early=True) == Step(chunks=(b": ping\n\n",))
    assert case.exchange.on_failure(BROKEN).retry
    case.exchange.next_attempt()
    step = case.exchange.give_up()
    assert step.head is None
    assert b"It broke." in b"".join(step.chunks)


def test_a_client_with_its_own_key_is_sent_nothing_of_ours() -> None:
    case = made(attempt(1, credentials="client"), asked=admitted(stream=True))
    case.exchange.next_attempt()
    assert case.exchange.keep_alive(early=True) == HOLD


def test_a_refusal_that_repeats_our_key_is_told_without_it() -> None:
    refused = attempt(1)
    refused.upstream = replace(refused.upstream, key="sk-ours-0123456789")
    case = made(refused)
    body = dumps({"error": {"message": "Incorrect API key provided: sk-ours-0123456789.", "type": "invalid_request"}})
    whole(case.exchange, body, 400)
    step = case.exchange.give_up()
    told = b"".join(step.chunks)
    assert b"Incorrect API key provided" in told
    assert b"sk-ours" not in told
    assert case.exchange.fault
    assert "sk-ours" not in case.exchange.fault.message
