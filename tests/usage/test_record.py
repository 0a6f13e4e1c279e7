from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from proxy_core.errors import Fault, FaultKind
from proxy_core.exchange.attempt import Attempt
from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.protocols.contract import Call, View
from proxy_core.routing.upstreams import Upstream
from proxy_core.turn.content import Text, ToolCall
from proxy_core.turn.events import BlockStarted, Event, Finished, Started, TextDelta, UsageReported
from proxy_core.turn.reply import Usage
from proxy_core.turn.request import ChatRequest
from proxy_core.usage.record import local_record, record_of
from proxy_core.wire.json import dumps
from tests.usage.making import ANTHROPIC, ASKED, KEY, NO_PRICES, admitted, attempt, exchange

UPSTREAM = Upstream(ANTHROPIC, "claude-sonnet-4-6", KEY)
TEXT: list[Event] = [
    Started("id", "m", None, Usage(input=100, cache_read=50, cache_write_5m=7, output=1)),
    BlockStarted(0, Text("")),
    TextDelta(0, "hello " * 20),
]
WHOLE: list[Event] = [*TEXT, BlockStarted(1, ToolCall("i", "t", "")), UsageReported(Usage(output=40)), Finished("stop")]


def _answered(**fields) -> Attempt:
    return attempt(UPSTREAM, WHOLE, status=200, outcome="answered", **fields)


def test_an_answer_streamed() -> None:
    record = record_of(exchange(admitted(), _answered(), committed=True), ASKED, NO_PRICES)
    assert (record.outcome, record.status, record.finish, record.source) == ("answered", 200, "stop", "provider")
    assert (record.input, record.cache_read, record.cache_write, record.output) == (100, 50, 7, 40)
    assert record.reasoning is None
    assert (record.first_token, record.duration, record.rate) == (2.0, 4.0, 20.0)
    assert (record.backend, record.served, record.model) == ("anthropic", "claude-sonnet-4-6", "claude-sonnet-4-6")
    assert (record.session, record.protocol, record.operation, record.listener) == (
        *("conversation", "anthropic"),
        *("chat", "base_url"),
    )
    assert (record.key_tail, record.tool_calls, record.stream) == ("…cdef", 1, True)
    assert record.cost == pytest.approx((100 * 3 + 50 * 0.3 + 7 * 3.75 + 40 * 15) / 1e6)
    assert record.cost_source == "genai-prices"


def test_a_whole_answer_has_no_first_token_and_its_speed_is_over_all_of_it() -> None:
    record = record_of(exchange(admitted(stream=False), _answered()), ASKED, NO_PRICES)
    assert record.first_token is None
    assert record.rate == 10.0


def test_neither_keys_nor_prompts_are_in_it() -> None:
    text = dumps(asdict(record_of(exchange(admitted(), _answered()), ASKED, NO_PRICES))).decode()
    assert KEY not in text
    assert "hello" not in text
    assert "a prompt" not in text


def test_all_attempts_are_listed_with_what_became_of_them() -> None:
    busy = Fault(FaultKind.RATE_LIMIT, "slow down, prompt was: secret")
    first = attempt(replace(UPSTREAM, model="other"), status=429, outcome="rate_limit", fault=busy)
    record = record_of(exchange(admitted(), first, _answered(), committed=True), ASKED, NO_PRICES)
    assert [(try_["model"], try_["status"], try_["fault"]) for try_ in record.tries] == [
        ("other", 429, "rate_limit"),
        ("claude-sonnet-4-6", 200, None),
    ]
    assert record.fault is None
    assert "secret" not in dumps(asdict(record)).decode()


def test_one_that_failed() -> None:
    fault = Fault(FaultKind.OVERLOADED, "busy", status=503)
    failed = attempt(UPSTREAM, status=503, outcome="overloaded", fault=fault)
    record = record_of(exchange(admitted(), failed, fault=fault), ASKED, NO_PRICES)
    assert (record.outcome, record.status, record.fault) == ("failed", 503, "overloaded")
    assert (record.input, record.output, record.source, record.cost) == (None, None, None, None)


def test_one_that_broke_after_the_client_saw_its_beginning() -> None:
    fault = Fault(FaultKind.CUT, "ended early")
    broken = attempt(UPSTREAM, TEXT, status=200, outcome="failed", fault=fault)
    record = record_of(exchange(admitted(), broken, fault=fault, committed=True), ASKED, NO_PRICES)
    assert (record.outcome, record.status, record.fault) == ("failed", 200, "cut")
    assert (record.input, record.output, record.source) == (100, 30, "estimated")


def test_one_that_the_client_cancelled_half_way() -> None:
    left = attempt(UPSTREAM, TEXT, status=200, outcome="cancelled")
    record = record_of(exchange(admitted(), left, committed=True), ASKED, NO_PRICES)
    assert (record.outcome, record.status, record.finish) == ("cancelled", 200, None)
    assert (record.input, record.output, record.source) == (100, 30, "estimated")
    assert record.cost is not None


def test_one_that_the_client_cancelled_before_it_saw_anything() -> None:
    record = record_of(exchange(admitted(), attempt(UPSTREAM, outcome="cancelled")), ASKED, NO_PRICES)
    assert (record.outcome, record.status, record.source, record.cost) == ("cancelled", None, None, None)
    unsent = record_of(exchange(admitted()), ASKED, NO_PRICES)
    assert (unsent.outcome, unsent.backend, unsent.tries) == ("cancelled", None, ())


def test_the_prompt_is_estimated_only_where_nobody_counted() -> None:
    uncounted = attempt(UPSTREAM, [BlockStarted(0, Text("")), TextDelta(0, "x" * 9)], status=200, outcome="answered")
    asked = replace(ASKED, prompt_tokens=lambda: 77)
    record = record_of(exchange(admitted(), uncounted, committed=True), asked, NO_PRICES)
    assert (record.input, record.output, record.source) == (77, 3, "estimated")

    def never() -> int:
        raise AssertionError("the provider has counted")

    record_of(exchange(admitted(), _answered()), replace(ASKED, prompt_tokens=never), NO_PRICES)


def test_answered_here_after_no_backend_could() -> None:
    failed = attempt(UPSTREAM, status=404, outcome="not_found", fault=Fault(FaultKind.NOT_FOUND, "no"))
    record = record_of(exchange(admitted(), failed), ASKED, NO_PRICES)
    assert (record.outcome, record.status, record.fault) == ("local", 200, None)


def test_an_unknown_price_is_unknown() -> None:
    upstream = Upstream(replace(ANTHROPIC, name="x", base_url="http://10.0.0.1/v1", dialect="default"), "mine", KEY)
    record = record_of(exchange(admitted(), attempt(upstream, WHOLE, outcome="answered")), ASKED, NO_PRICES)
    assert (record.cost, record.cost_source, record.output) == (None, None, 40)


def test_a_model_that_only_the_client_named() -> None:
    """An intercepted request: the upstream's model is the client's own."""
    record = record_of(
        exchange(admitted(), attempt(Upstream(ANTHROPIC, ""), WHOLE, outcome="answered")), ASKED, NO_PRICES
    )
    assert record.served == "claude-sonnet-4-6"
    assert record.cost is not None


def test_losses_are_counted_over_request_and_reply() -> None:
    view = View("m", ChatRequest("anthropic", "m", []))
    view.losses.drop("a", "no such field")
    made = _answered(view=view)
    made.losses.drop("b", "no such field")
    assert record_of(exchange(admitted(), made), ASKED, NO_PRICES).losses == 2


def test_refused_and_answered_without_any_exchange() -> None:
    inbound = Inbound("base_url", "POST", "/v1/chat/completions", HeaderMap([]))
    refused = local_record(inbound, ASKED, Fault(FaultKind.AUTHENTICATION, "no key"), Call("openai_chat", "chat"))
    assert (refused.outcome, refused.status, refused.fault, refused.model) == ("refused", 401, "authentication", "")
    command = local_record(inbound, ASKED, admitted=admitted("openai_chat"))
    assert (command.outcome, command.status, command.model) == ("local", 200, "claude-sonnet-4-6")
    unrendered = exchange(admitted(), fault=Fault(FaultKind.INVALID_REQUEST, "no"))
    assert record_of(unrendered, ASKED, NO_PRICES).outcome == "refused"


def test_a_lost_cache_is_priced_where_its_tokens_were_read_anew() -> None:
    asked = replace(ASKED, cache_lost=9000)
    sent = record_of(exchange(admitted(), attempt(UPSTREAM)), asked, NO_PRICES)
    assert sent.cache_lost_tokens == 9000
    assert sent.cache_lost_cost == pytest.approx(9000 * (3.0 - 0.3) / 1e6)
    unsent = record_of(exchange(admitted(), fault=Fault(FaultKind.NOT_FOUND, "None.")), asked, NO_PRICES)
    assert (unsent.cache_lost_tokens, unsent.cache_lost_cost) == (None, None)
