"""Comments, markers and metadata, found again by mitmproxy's own filter expressions."""

from __future__ import annotations

from typing import Any

import pytest
from mitmproxy import flowfilter, http
from mitmproxy.flow import Flow
from mitmproxy.utils import emoji

from addons.host.exchanges import LOST_TO
from addons.records import MARKERS, RECORD, deeds_of, name_attempt, write_record
from proxy_core.errors import Fault, FaultKind
from proxy_core.exchange.visit import Visit
from tests.addons.flows import GOOD, attempt_flow, client_flow, eventful, failed_over, hedged, visit
from tests.usage.making import attempt, record


def written(made: Visit, **usage: Any) -> http.HTTPFlow:
    flow = client_flow()
    write_record(flow, made, record(**usage))
    return flow


def matches(expression: str, flow: http.HTTPFlow) -> bool:
    found = flowfilter.parse(expression)
    assert found is not None
    return bool(found(flow))


@pytest.mark.parametrize(
    "expression",
    [
        "~comment translated",
        '~comment "failed over"',
        "~comment redacted",
        "~comment busy:one",
        "~comment tools.3",
        "~meta anthropic",
        "~meta my-session",
        "~meta codex",
        "~meta github-token",
        "~marked",
        "~marker leftwards",
        "~marked & ~comment rate_limit",
    ],
)
def test_an_eventful_flow_is_found_and_a_plain_one_is_not(expression: str) -> None:
    plain = client_flow()
    write_record(plain, visit(attempt(GOOD, status=200, outcome="answered"), session=None), record())
    plain.metadata[RECORD]["protocol"] = "openai_chat"
    assert matches(expression, written(eventful()))
    assert not matches(expression, plain)


def test_a_clients_flow_is_found_with_its_attempts_and_no_others() -> None:
    first, second = written(eventful()), written(eventful())
    tries = [attempt_flow(first, made) for made in failed_over()]
    for flow in tries:
        name_attempt(flow)
    expression = f"~meta {first.id[:8]}"
    assert [matches(expression, flow) for flow in (first, *tries, second)] == [True, True, True, False]
    assert [flow.comment for flow in tries] == [f"attempt {n} for {first.id[:8]}" for n in (1, 2)]
    assert next(deeds_of(tries[1])) == f"attempt 2 for the client's flow {first.id[:8]}"


@pytest.mark.parametrize("marker", MARKERS.values())
def test_markers_are_signs_that_mitmproxy_knows(marker: str) -> None:
    sign = emoji.emoji[marker]
    assert len(sign.rstrip("\ufe0f")) == 1
    assert ord(sign[0]) < 0x10000, "terminals and plain fonts have no others"


@pytest.mark.parametrize(
    ("made", "marker"),
    [
        (visit(*failed_over(), tool_loop="break: Read 5 times"), "looped"),
        (visit(*failed_over()), "failed over"),
        (visit(*hedged()), "hedged"),
        (visit(*reversed(hedged())), "hedged"),
        (visit(attempt(GOOD), redactions={"token": 1}), "redacted"),
        (visit(fault=Fault(FaultKind.NOT_FOUND, "No such model.")), "failed"),
        (visit(commands=("help",)), "commanded"),
        (visit(failed_over()[1]), "translated"),
    ],
)
def test_what_happened_marks_the_flow(made: Visit, marker: str) -> None:
    assert written(made).marked == MARKERS[marker]


def test_the_attempt_that_lost_is_marked_and_says_to_which() -> None:
    client = written(visit(*hedged()))
    assert client.comment.startswith("hedged; ")
    lost, won = (attempt_flow(client, made) for made in hedged())
    lost.metadata[LOST_TO] = 2
    for flow in (lost, won):
        name_attempt(flow)
    assert (lost.marked, won.marked) == (MARKERS["hedged"], "")
    assert lost.comment == f"attempt 1 for {client.id[:8]}, hedged: attempt 2 was faster"
    assert "hedged: attempt 2 was faster" in deeds_of(lost)
    assert [matches('~comment "hedged"', flow) for flow in (client, lost, won)] == [True, True, False]


def test_what_is_as_usual_has_no_marker() -> None:
    flow = written(visit(attempt(GOOD, status=200, outcome="answered")))
    assert flow.marked == ""
    assert flow.comment == "good:two …efgh 200 answered 4.00s"


def test_all_that_was_done_is_told() -> None:
    flow = written(eventful(), cost=0.0123, cache_lost_cost=0.0243)
    assert list(deeds_of(flow)) == [
        "session: my-session, agent codex",
        "changed: 1 secret redacted",
        "redacted: github-token (2)",
        "prompt cache: the prompt's beginning changed at tools[3]; about 9000 cached tokens are read anew, "
        "$0.02 more than from the cache",
        "route: route",
        "attempt 1: busy:one (key …abcd), 429 rate_limit after 4.00 s",
        "  translate: anthropic to openai_chat",
        "  loss: cache_control dropped: busy has no marks",
        "attempt 2: good:two (key …efgh), 200 answered after 4.00 s",
        "  translate: anthropic to openai_chat",
        "cost: $0.01",
        f"client and attempts together: filter by ~meta {flow.id[:8]}",
    ]


def test_a_refused_request_says_why_and_an_unknown_price_says_nothing() -> None:
    told = list(deeds_of(written(visit(fault=Fault(FaultKind.NOT_FOUND, "No such model.")), cost=None)))
    assert "attempts: none, nothing went to a backend" in told
    assert "fault: not_found: No such model." in told
    assert not [line for line in told if line.startswith("cost")]


def test_the_record_survives_a_file() -> None:
    flow = written(eventful())
    again = Flow.from_state(flow.get_state())
    assert isinstance(again, http.HTTPFlow)
    assert list(deeds_of(again)) == list(deeds_of(flow))
    assert again.marked == flow.marked
