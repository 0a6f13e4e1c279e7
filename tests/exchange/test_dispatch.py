"""An admitted request on its way to an upstream: the lane, the address, the headers, the body."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.errors import Fault, FaultKind, ParleyError, invalid
from proxy_core.exchange.attempt import Attempt, OutgoingRequest
from proxy_core.exchange.attempts import attempts
from proxy_core.exchange.dispatch import Dispatcher
from proxy_core.exchange.inbound import Admitted, HeaderMap
from proxy_core.exchange.intake import admit, find_call
from proxy_core.exchange.terms import Terms
from proxy_core.pipeline.lanes import Lane
from proxy_core.pipeline.wishes import Wishes
from proxy_core.routing.plan import Plan
from proxy_core.routing.upstreams import Backend, Upstream
from proxy_core.turn.request import ChatRequest
from proxy_core.wire.json import dumps, loads
from tests.exchange.making import inbound

CHAT: dict[str, Any] = {"model": "m", "temperature": 1, "odd": [1], "messages": [{"role": "user", "content": "Hi"}]}
OPENAI = Backend("o", "openai_chat", "https://o.test/v1", ("sk-backend-0123456789",))
ANTHROPIC = Backend("a", "anthropic", "https://a.test/v1", ("sk-backend-0123456789",))
GEMINI = Backend("g", "gemini", "https://g.test/v1beta", ("sk-backend-0123456789",))


def asked(body: dict[str, Any] | None = None, target: str = "/v1/chat/completions", **headers: str) -> Admitted:
    given = [("content-type", "application/json"), ("authorization", "Bearer mine"), *headers.items()]
    request = inbound(given, target, dumps(CHAT if body is None else body))
    return admit(request, find_call(request), 1 << 20, 100)


def dispatched(request: Admitted, upstream: Upstream, **terms: Any) -> Attempt:
    return Dispatcher(request, lambda: 7.0, Terms(**terms)).attempt(1, upstream)


@pytest.mark.parametrize(
    ("backend", "model", "terms", "lane"),
    [
        (OPENAI, "m", {}, Lane.VERBATIM),
        (OPENAI, "other", {}, Lane.EDIT),
        (OPENAI, "m", {"wishes": Wishes(temperature=0.5)}, Lane.TRANSLATE),
        (OPENAI, "m", {"defaults": lambda upstream: Wishes(temperature=0.5)}, Lane.VERBATIM),  # the client said 1
        (OPENAI, "m", {"preface": "Hello."}, Lane.TRANSLATE),
        (OPENAI, "m", {"amend": lambda request: request}, Lane.TRANSLATE),
        (ANTHROPIC, "m", {}, Lane.TRANSLATE),
    ],
)
def test_the_lane_says_what_has_to_change(backend: Backend, model: str, terms: dict[str, Any], lane: Lane) -> None:
    choice = dispatched(asked(), Upstream(backend, model, "k"), **terms).choice
    assert choice.lane is lane
    assert choice.reason


def test_in_the_verbatim_lane_every_byte_stays() -> None:
    request = asked()
    made = dispatched(request, Upstream(OPENAI, "m", "k"))
    assert made.request.body is request.body
    assert made.request.url == "https://o.test/v1/chat/completions"
    assert made.started == 7.0
    assert made.observers == (made.meter,)


def test_in_the_edit_lane_only_the_model_changes_and_the_answer_names_the_clients() -> None:
    made = dispatched(asked(), Upstream(OPENAI, "other", "k"))
    assert loads(made.request.body) == {**CHAT, "model": "other"}
    assert made.mirror
    assert made.mirror.apply(b'{"model":"theirs"}') == b'{"model":"m"}'


def test_a_preface_leaves_the_request_as_the_client_wrote_it() -> None:
    request = asked()
    made = dispatched(request, Upstream(OPENAI, "m", "k"), preface="Hello.")
    assert made.request.body is request.body
    assert len(made.stages) == 1


def test_a_request_is_amended_before_it_is_rendered() -> None:
    def without_turns(request: ChatRequest) -> ChatRequest:
        request.turns = []
        return request

    made = dispatched(asked(), Upstream(OPENAI, "m", "k"), amend=without_turns)
    assert loads(made.request.body)["messages"] == []


@pytest.mark.parametrize(
    ("said", "lane"),
    [
        ({"stream": True}, Lane.TRANSLATE),
        ({"stream": True, "stream_options": {"include_usage": False}}, Lane.TRANSLATE),
        ({"stream": True, "stream_options": {"include_usage": True}}, Lane.VERBATIM),
        ({}, Lane.VERBATIM),
    ],
)
def test_usage_is_asked_for_where_the_client_does_not_and_it_is_wished(said: dict[str, Any], lane: Lane) -> None:
    request = asked({**CHAT, **said})
    made = dispatched(request, Upstream(OPENAI, "m", "k"), exact_usage=True)
    assert made.choice.lane is lane
    sent = loads(made.request.body)
    assert sent.pop("stream_options", {"include_usage": True}) == {"include_usage": True}
    assert sent == {name: value for name, value in {**CHAT, **said}.items() if name != "stream_options"}
    assert dispatched(request, Upstream(OPENAI, "m", "k")).choice.lane is Lane.VERBATIM


@pytest.mark.parametrize(
    ("backend", "expected"), [(OPENAI, "authorization"), (ANTHROPIC, "x-api-key"), (GEMINI, "x-goog-api-key")]
)
def test_the_backends_key_takes_the_place_of_the_clients(backend: Backend, expected: str) -> None:
    made = dispatched(asked(cookie="a=b"), Upstream(backend, "m", "sk-backend-0123456789"))
    headers = HeaderMap(made.request.headers)
    assert "sk-backend-0123456789" in headers[expected]
    assert "mine" not in str(made.request.headers)
    assert "cookie" not in headers
    assert headers["accept-encoding"] == "identity"


def test_a_transparent_backend_gets_the_clients_own_key() -> None:
    transparent = Backend("t", "openai_chat", "https://t.test/v1", credentials="client")
    headers = dispatched(asked(), Upstream(transparent, "m")).request.headers
    assert ("authorization", "Bearer mine") in headers


def test_a_query_goes_along_without_the_key_whatever_bytes_are_in_it() -> None:
    made = dispatched(asked(target="/v1/chat/completions?key=mine&api-version=2&odd=%E9\udce9"), Upstream(OPENAI, "m"))
    base, _, query = made.request.url.partition("?")
    assert base == "https://o.test/v1/chat/completions"
    assert query.startswith("api-version=2&odd=")
    assert query.isascii()


@pytest.mark.parametrize("target", ["/v1/embeddings", "/v1/completions"])
def test_what_only_one_protocol_has_goes_nowhere_else(target: str) -> None:
    with pytest.raises(ParleyError) as caught:
        dispatched(asked({"model": "m", "input": "x", "prompt": "x"}, target), Upstream(ANTHROPIC, "m"))
    assert caught.value.fault.kind is FaultKind.NOT_FOUND


PICTURE = {
    "model": "aggregator:ideogram-v2",
    "prompt": "A cat",
    "n": 2,
    "size": "1792x1024",
    "seed": 7,
    "quality": "hd",
}


@pytest.mark.parametrize("address", ["https://o.test/raw/pictures", "https://o.test/ideogram/generate"])
def test_a_picture_is_asked_for_in_its_services_form(address: str) -> None:
    upstream = Upstream(OPENAI, "ideogram-v2" if "raw" in address else "V_2", "k", url=address)
    made = dispatched(asked(PICTURE, "/v1/images/generations"), upstream)
    assert made.request.url == address
    assert loads(made.request.body) == {
        "image_request": {"prompt": "A cat", "num_images": 2, "aspect_ratio": "ASPECT_16_9", "seed": 7}
    }
    assert [loss.path for loss in made.losses.items] == ["quality"]


@pytest.mark.parametrize(
    ("model", "url"), [("dall-e-3", "https://o.test/raw"), ("recraftv3", None), ("ideogram", None)]
)
def test_pictures_of_openais_form_stay_as_they_are(model: str, url: str | None) -> None:
    made = dispatched(
        asked({**PICTURE, "model": model}, "/v1/images/generations"), Upstream(OPENAI, model, "k", url=url)
    )
    assert loads(made.request.body) == {**PICTURE, "model": model}


def test_the_last_look_stops_what_must_not_leave() -> None:
    def stop(request: OutgoingRequest) -> None:
        raise invalid(request.url)

    with pytest.raises(ParleyError, match=r"https://o\.test/v1/chat/completions"):
        dispatched(asked(), Upstream(OPENAI, "m"), check=stop)


def test_watchers_are_made_for_each_attempt() -> None:
    seen: list[int] = []

    class Watcher:
        def see(self, event: object) -> None:
            pass

    def make(attempt: Attempt) -> Watcher:
        seen.append(attempt.number)
        return Watcher()

    dispatcher = Dispatcher(asked(), lambda: 0.0, Terms(observers=(make,)))
    first, second = (dispatcher.attempt(number, Upstream(OPENAI, "m")) for number in (1, 2))
    assert seen == [1, 2]
    assert first.observers[1] is not second.observers[1]


def plan_of(*upstreams: Upstream, heard: list[Fault | None] | None = None) -> Plan:
    for upstream in upstreams:
        fault = yield upstream
        if heard is not None:
            heard.append(fault)


def test_an_upstream_that_cannot_carry_the_request_is_passed_over() -> None:
    request = asked({"model": "m", "input": "x"}, "/v1/embeddings")
    heard: list[Fault | None] = []
    plan = plan_of(Upstream(ANTHROPIC, "m"), Upstream(OPENAI, "m"), heard=heard)
    made = list(attempts(plan, Dispatcher(request, lambda: 0.0)))
    assert [(attempt.number, attempt.upstream.backend.name) for attempt in made] == [(1, "o")]
    assert [fault.kind if fault else None for fault in heard] == [FaultKind.NOT_FOUND, None]


def test_where_none_can_carry_it_the_client_hears_why() -> None:
    request = asked({"model": "m", "input": "x"}, "/v1/embeddings")
    with pytest.raises(ParleyError, match="has no embeddings"):
        list(attempts(plan_of(Upstream(ANTHROPIC, "m")), Dispatcher(request, lambda: 0.0)))


def test_the_plan_hears_what_came_of_each_attempt() -> None:
    heard: list[Fault | None] = []
    plan = plan_of(Upstream(OPENAI, "m"), Upstream(OPENAI, "n"), heard=heard)
    busy = Fault(FaultKind.OVERLOADED, "busy")
    for attempt in attempts(plan, Dispatcher(asked(), lambda: 0.0)):
        attempt.fault = busy
    assert heard == [busy, busy]


def test_t52_beta_flags_of_the_client_and_of_the_configuration_are_put_together() -> None:
    backend = Backend("a", "anthropic", "https://a.test/v1", ("sk-1",), headers={"anthropic-beta": "b-2, c-3"})
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    request = asked(body, "/v1/messages", **{"Anthropic-Beta": "a-1,b-2"})
    headers = dispatched(request, Upstream(backend, "m", "sk-1")).request.headers
    assert [value for name, value in headers if name.lower() == "anthropic-beta"] == ["a-1,b-2,c-3"]
