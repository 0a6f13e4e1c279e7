from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import Fault, FaultKind
from proxy_core.profiles.target import ToolIdRule
from proxy_core.turn.content import Part, Seal, Text, Thinking, ToolCall, ToolResult
from proxy_core.turn.events import Ended, Event, Failed
from proxy_core.turn.fold import unfold
from proxy_core.turn.ledger import LedgerStage, SealLedger
from proxy_core.turn.reply import Choice, Reply
from proxy_core.turn.request import ChatRequest, Turn
from proxy_core.turn.toolids import fitted_id

SIGNATURE = Seal("gemini", "CiQBsig")
CLAUDES = Seal("anthropic", "EqQBsig")
LONG = "A text that is long enough to tell which reply it came from, I should think."


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def call(call_id: str = "call_1", arguments: str = '{"city":"Bonn"}', **fields: Any) -> ToolCall:
    return ToolCall(call_id, "weather", arguments, **fields)


def asking(*parts: Part) -> ChatRequest:
    """A client's next request, whose history holds an answer with `parts`."""
    answered = [Turn("user", [Text("hi")]), Turn("assistant", list(parts))]
    return ChatRequest("openai_chat", "m", [*answered, Turn("tool", [ToolResult("call_1", [Text("sunny")])])])


def restored(ledger: SealLedger, protocol: Any, *parts: Part, scope: str = "") -> list[Part]:
    return ledger.restore(asking(*parts), protocol, scope).turns[1].parts


def streamed(ledger: SealLedger, protocol: Any, *parts: Part, end: Event | None = None) -> None:
    """A reply with `parts` as it runs through the stage."""
    stage = LedgerStage(ledger, protocol)
    events = list(unfold(Reply("r", "m", [Choice(0, list(parts), "tool_calls")])))
    for event in [*events[:-1], end or Ended()]:
        assert stage.feed(event) == (event,)


def test_t31_a_calls_signature_comes_back_after_the_client_dropped_it() -> None:
    ledger = SealLedger()
    streamed(ledger, "gemini", call(seal=SIGNATURE))
    assert restored(ledger, "gemini", call()) == [call(seal=SIGNATURE)]


def test_t32_of_parallel_calls_only_the_signed_one_gets_its_signature_back() -> None:
    ledger = SealLedger()
    streamed(ledger, "gemini", call("a", seal=SIGNATURE), call("b", '{"city":"Ulm"}'))
    assert restored(ledger, "gemini", call("a"), call("b", '{"city":"Ulm"}')) == [
        call("a", seal=SIGNATURE),
        call("b", '{"city":"Ulm"}'),
    ]


@pytest.mark.parametrize(
    "arguments", ['{ "b": [1, {"d": 2, "c": null}], "a": 1 }', '{"a":1.0,"b":[1,{"c":null,"d":2}]}']
)
def test_a_call_is_known_again_when_its_arguments_were_written_anew(arguments: str) -> None:
    ledger = SealLedger()
    ledger.remember([call(arguments='{"a":1,"b":[1,{"c":null,"d":2}]}', seal=SIGNATURE)], "gemini")
    assert restored(ledger, "gemini", call(arguments=arguments)) == [call(arguments=arguments, seal=SIGNATURE)]


@pytest.mark.parametrize("arguments", ["", "no json", "[" * 100_000, '{"a":"\\ud83d"}'])
def test_arguments_that_cannot_be_read_are_compared_as_they_stand(arguments: str) -> None:
    ledger = SealLedger()
    ledger.remember([call(arguments=arguments, seal=SIGNATURE)], "gemini")
    assert restored(ledger, "gemini", call(arguments=arguments)) == [call(arguments=arguments, seal=SIGNATURE)]
    assert restored(ledger, "gemini", call(arguments="other")) == [call(arguments="other")]


def test_t32_a_parallel_call_does_not_get_the_signature_of_an_earlier_one_that_is_alike() -> None:
    ledger = SealLedger()
    ledger.remember([call("a", seal=SIGNATURE)], "gemini")
    assert restored(ledger, "gemini", call("b", "{}"), call("c")) == [call("b", "{}"), call("c")]


def test_a_custom_calls_text_is_not_read_as_json() -> None:
    ledger = SealLedger()
    ledger.remember([call(arguments="[1, 2]", custom=True, seal=SIGNATURE)], "gemini")
    assert restored(ledger, "gemini", call("x", "[1,2]", custom=True)) == [call("x", "[1,2]", custom=True)]


def test_a_signature_is_found_by_tool_and_arguments_where_the_id_is_another() -> None:
    ledger = SealLedger()
    ledger.remember([call("made_up", seal=SIGNATURE)], "gemini")
    assert restored(ledger, "gemini", call("")) == [call("", seal=SIGNATURE)]


def test_t35_the_thoughts_before_a_call_come_back_first_in_their_turn_and_in_order() -> None:
    ledger = SealLedger()
    first, hidden = Thinking("Hm.", CLAUDES), Thinking("", Seal("anthropic", "Er"), redacted=True)
    later = Thinking("And now?", Seal("anthropic", "Es"))
    streamed(ledger, "anthropic", first, hidden, Text("Look:"), later, call("a"), call("b"))
    expected = [first, hidden, Text("Look:"), later, call("a"), call("b")]
    assert restored(ledger, "anthropic", Text("Look:"), call("a"), call("b")) == expected


def test_t36_a_thought_of_nothing_but_a_signature_comes_back_too() -> None:
    ledger = SealLedger()
    streamed(ledger, "anthropic", Thinking("", CLAUDES), call())
    assert restored(ledger, "anthropic", call()) == [Thinking("", CLAUDES), call()]


def test_t37_the_clients_unsigned_copy_of_several_thoughts_gives_way_to_the_originals() -> None:
    ledger = SealLedger()
    thoughts = [Thinking("One.", CLAUDES), Thinking("Two.", Seal("anthropic", "Es"))]
    streamed(ledger, "anthropic", *thoughts, call())
    assert restored(ledger, "anthropic", Thinking("One.Two."), call()) == [*thoughts, call()]


def test_what_the_client_kept_stays_as_it_is() -> None:
    ledger = SealLedger()
    streamed(ledger, "anthropic", Thinking("One.", CLAUDES), Thinking("Two.", CLAUDES), call())
    request = asking(Thinking("One.", CLAUDES), call(seal=Seal("anthropic", "own")))
    assert ledger.restore(request, "anthropic") is request


def test_thoughts_between_and_after_calls_come_back_where_they_stood() -> None:
    ledger = SealLedger()
    end = Text("", SIGNATURE)
    thought = Thinking("Next.", Seal("gemini", "Cn"))
    streamed(ledger, "gemini", call("a"), thought, call("b"), end)
    assert restored(ledger, "gemini", call("a"), call("b")) == [call("a"), thought, call("b"), end]


def test_thoughts_do_not_come_back_to_a_call_that_is_merely_alike() -> None:
    ledger = SealLedger()
    ledger.remember([Thinking("A secret of somebody else.", CLAUDES), call("theirs")], "anthropic")
    request = asking(call("mine"))
    assert ledger.restore(request, "anthropic") is request
    assert restored(ledger, "anthropic", call("theirs", "{}")) == [call("theirs", "{}")]


def test_long_texts_and_thoughts_get_their_own_seals_back_by_their_words() -> None:
    ledger = SealLedger()
    ledger.remember([Thinking(LONG, CLAUDES), Text(LONG, Seal("anthropic", "text"))], "anthropic")
    assert restored(ledger, "anthropic", Thinking(LONG), Text(LONG)) == [
        Thinking(LONG, CLAUDES),
        Text(LONG, Seal("anthropic", "text")),
    ]


def test_short_texts_are_too_common_to_be_known_again() -> None:
    ledger = SealLedger()
    ledger.remember([Text("OK", SIGNATURE)], "gemini")
    assert len(ledger) == 0


def test_only_the_backend_that_made_a_seal_gets_it_back() -> None:
    ledger = SealLedger()
    ledger.remember([call(seal=SIGNATURE)], "gemini")
    request = asking(call())
    assert ledger.restore(request, "anthropic") is request
    ledger.remember([call(seal=SIGNATURE), Thinking(LONG, SIGNATURE)], "anthropic")
    assert ledger.restore(request, "anthropic") is request


def test_scopes_are_kept_apart() -> None:
    ledger = SealLedger()
    ledger.remember([call(seal=SIGNATURE)], "gemini", scope="ann")
    assert restored(ledger, "gemini", call(), scope="bob") == [call()]
    assert restored(ledger, "gemini", call(), scope="ann") == [call(seal=SIGNATURE)]


def test_only_what_the_model_said_is_touched_and_the_clients_request_stays_unchanged() -> None:
    ledger = SealLedger()
    ledger.remember([call(seal=SIGNATURE), Text(LONG, SIGNATURE)], "gemini")
    request = asking(call())
    request.turns[0].parts = [Text(LONG)]
    new = ledger.restore(request, "gemini")
    assert new.turns[0] is request.turns[0]
    assert new.turns[1].parts == [call(seal=SIGNATURE)]
    assert request.turns[1].parts == [call()]


def test_fields_of_the_backends_protocol_are_not_given_to_another() -> None:
    ledger = SealLedger()
    ledger.remember([Thinking("Hm.", CLAUDES, extra={"item": 1}), call()], "anthropic")
    assert restored(ledger, "anthropic", call()) == [Thinking("Hm.", CLAUDES), call()]


@pytest.mark.parametrize("given", ["functions.weather:0", "x" * 100])
def test_a_call_is_known_again_by_the_id_that_the_client_was_shown_instead(given: str) -> None:
    ledger = SealLedger()
    ledger.remember([Thinking("Hm.", CLAUDES), call(given)], "anthropic")
    for shown in (given, fitted_id(given, ToolIdRule())):
        assert restored(ledger, "anthropic", call(shown)) == [Thinking("Hm.", CLAUDES), call(shown)]


def test_a_reply_that_failed_is_not_remembered() -> None:
    ledger = SealLedger()
    streamed(ledger, "gemini", call(seal=SIGNATURE), end=Failed(Fault(FaultKind.CUT, "cut")))
    assert len(ledger) == 0


def test_the_oldest_of_use_goes_first_when_there_are_too_many() -> None:
    ledger = SealLedger(max_entries=4)  # each signed call is two: by its id and by its content
    for name in "ab":
        ledger.remember([call(name, f'"{name}"', seal=SIGNATURE)], "gemini")
    restored(ledger, "gemini", call("a", '"a"'))
    ledger.remember([Text(LONG, SIGNATURE)], "gemini")
    assert len(ledger) == 4
    assert restored(ledger, "gemini", call("a", '"a"')) == [call("a", '"a"', seal=SIGNATURE)]


def test_bytes_are_bounded_and_counted_right() -> None:
    ledger = SealLedger(max_bytes=10_000)
    for number in range(100):
        ledger.remember([Thinking("x" * 100, CLAUDES), call(str(number))], "anthropic")
        assert ledger.bytes <= 10_000
    assert 5 < len(ledger) < 40
    kept = len(ledger)
    ledger.remember([call("99", seal=Seal("anthropic", "s" * 20_000))], "anthropic")
    assert len(ledger) == ledger.bytes == 0 < kept


def test_remembering_the_same_reply_twice_does_not_count_twice() -> None:
    ledger = SealLedger()
    ledger.remember([call(seal=SIGNATURE)], "gemini")
    before = (len(ledger), ledger.bytes)
    ledger.remember([call(seal=SIGNATURE)], "gemini")
    assert (len(ledger), ledger.bytes) == before


def test_entries_end_with_age_unless_they_are_of_use() -> None:
    clock = Clock()
    ledger = SealLedger(max_age=10, clock=clock)
    ledger.remember([call("a", seal=SIGNATURE)], "gemini")
    clock.now = 9
    assert restored(ledger, "gemini", call("a")) == [call("a", seal=SIGNATURE)]
    clock.now = 18
    assert restored(ledger, "gemini", call("a")) == [call("a", seal=SIGNATURE)]
    clock.now = 29
    assert restored(ledger, "gemini", call("a")) == [call("a")]
    assert len(ledger) == ledger.bytes == 0
