"""From an admitted request and an upstream to an Attempt: choose the lane, render the request for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from proxy_core.errors import not_found
from proxy_core.exchange.attempt import Attempt, OutgoingRequest
from proxy_core.exchange.headers import LISTS, REQUIRED, own_credentials, passed_up
from proxy_core.exchange.inbound import Admitted
from proxy_core.exchange.meter import Meter
from proxy_core.exchange.relay import Baton
from proxy_core.exchange.step import HeaderList
from proxy_core.exchange.tap import BodyMeter
from proxy_core.exchange.terms import Terms
from proxy_core.pipeline.lanes import Lane, LaneChoice, choose_lane
from proxy_core.pipeline.rendering import render
from proxy_core.pipeline.splice import Mirror, ModelMirror, replace_string_field
from proxy_core.pipeline.stages import Preface, Stage
from proxy_core.pipeline.unfinished import Unfinished
from proxy_core.pipeline.wishes import Wishes
from proxy_core.profiles.pictures import Form, picture_form
from proxy_core.protocols import BACKENDS, CODECS, endpoint_path
from proxy_core.protocols.contract import BackendCodec, View
from proxy_core.routing.upstreams import Upstream
from proxy_core.turn.ledger import LedgerStage
from proxy_core.turn.losses import Losses
from proxy_core.turn.request import ChatRequest
from proxy_core.turn.seals import FOREIGN_MARK
from proxy_core.wire.json import dumps

_CHAT_ONLY = ("embeddings", "images", "completions")
_MODEL_IN_PATH = frozenset({"gemini"})
_USAGE_ON_DEMAND = frozenset({"openai_chat"})
"""https://platform.openai.com/docs/api-reference/chat/create#chat_create-stream_options"""


class Dispatcher:
    """Renders attempts. `read` parses the client's request once, however many attempts are made of it."""

    def __init__(
        self,
        admitted: Admitted,
        clock: Callable[[], float],
        terms: Terms | None = None,
    ) -> None:
        self._admitted = admitted
        self._terms = terms or Terms()
        self._client = CODECS[admitted.call.protocol]
        self._clock = clock
        self._request: ChatRequest | None = None
        self._unfinished: Unfinished | None = None
        self._again: Upstream | None = None

    def go_on(self, baton: Baton) -> None:
        """Has the attempts to come ask for the rest of an answer."""
        conceal, unfinished = self._terms.conceal, baton.unfinished
        self._unfinished = replace(unfinished, text=conceal(unfinished.text), note=conceal(unfinished.note))
        self._again = baton.again

    def same_again(self) -> Upstream | None:
        """The upstream that is to be asked once more, before any other."""
        again, self._again = self._again, None
        return again

    def attempt(self, number: int, upstream: Upstream) -> Attempt:
        """Raises ParleyError where the request cannot be carried to that upstream."""
        self._check_operation(upstream)
        choice = self._choose(upstream)
        codec = BACKENDS[upstream.backend.protocol]
        if choice.lane is Lane.TRANSLATE and (codec.name != self._client.name or any(self._rewrites(upstream))):
            attempt = self._translated(number, upstream, codec, choice)
        else:
            attempt = self._native(number, upstream, codec, choice)
        self._terms.check(attempt.request)
        attempt.started = self._clock()
        if self._unfinished or self._resumes(upstream):
            attempt.resumable, attempt.continues = True, self._terms.continues
        if self._unfinished:
            attempt.goes_on = self._unfinished.why
        if self._admitted.call.operation == "chat":
            attempt.meter = Meter(self._clock)
            attempt.observers = (attempt.meter, *(make(attempt) for make in self._terms.observers))
        elif self._admitted.call.operation in _CHAT_ONLY:
            attempt.meter = attempt.tap = BodyMeter(self._clock)
        return attempt

    def _check_operation(self, upstream: Upstream) -> None:
        operation = self._admitted.call.operation
        if operation in _CHAT_ONLY and upstream.backend.protocol != "openai_chat":
            raise not_found(
                f"Backend '{upstream.backend.name}' has no {operation}; name a model of an OpenAI-compatible backend."
            )

    def _choose(self, upstream: Upstream) -> LaneChoice:
        admitted = self._admitted
        client = admitted.call.protocol
        edits = list(admitted.changes)
        if upstream.model and admitted.model != upstream.model:
            edits.append(f"model '{admitted.model}' is '{upstream.model}' there")
        if self._picture_form(upstream):
            edits.append("its service has a form of its own")
        chats = admitted.call.operation == "chat"
        rewrites = [*self._rewrites(upstream), *self._additions(upstream)] if chats else []
        return choose_lane(client, upstream.backend.protocol, edits, rewrites)

    def _rewrites(self, upstream: Upstream) -> Iterator[str]:
        """Why a request is rendered anew even for a backend of the client's own protocol."""
        terms = self._terms
        if FOREIGN_MARK in self._admitted.body:
            yield "a signature of another provider"
        wishes = self._wishes(upstream)
        if wishes:
            yield wishes.reason
        if terms.amend:
            yield "a notice to the model"
        if terms.exact_usage and self._hides_usage():
            yield "its tokens are to be counted"
        if self._unfinished:
            yield self._unfinished.why

    def _hides_usage(self) -> bool:
        """Whether its backend would not tell what was used."""
        admitted = self._admitted
        if admitted.call.protocol not in _USAGE_ON_DEMAND or not admitted.stream:
            return False
        return not self.read().include_usage

    def _resumes(self, upstream: Upstream) -> str:
        """Why the answer is to be one that can be gone on with. Not one that has to be JSON: what two models said of
        it would hardly fit together."""
        admitted = self._admitted
        why = self._terms.resumes(upstream) if admitted.stream and admitted.call.operation == "chat" else ""
        if not why or upstream.backend.credentials != "own":
            return ""
        request = self.read()
        is_json = request.output is not None and request.output.kind != "text"
        return "" if is_json or (request.sampling.n or 1) > 1 else why

    def _additions(self, upstream: Upstream) -> Iterator[str]:
        """Why a reply is rendered anew, to a request that stays as the client wrote it."""
        if self._terms.preface:
            yield "a text of the proxy's own in front"
        if self._terms.stages:
            yield self._terms.rewrite
        if why := self._resumes(upstream):
            yield why

    def _wishes(self, upstream: Upstream) -> Wishes:
        defaults = self._terms.defaults(upstream)
        return self._terms.wishes.over(defaults.where_unsaid(self.read()) if defaults else defaults)

    def _picture_form(self, upstream: Upstream) -> Form | None:
        """Only an address of its own has one: what ends in OpenAI's path takes OpenAI's form."""
        asks = self._admitted.call.operation == "images"
        return picture_form(f"{upstream.model} {upstream.url}") if asks and upstream.url else None

    def _native(self, number: int, upstream: Upstream, codec: BackendCodec, choice: LaneChoice) -> Attempt:
        admitted = self._admitted
        body = admitted.body
        renamed = upstream.model not in ("", admitted.model) and codec.name not in _MODEL_IN_PATH
        if renamed and "model" in admitted.json:
            body = replace_string_field(body, "model", upstream.model)
        elif renamed:
            body = dumps({"model": upstream.model, **admitted.json})
        losses = Losses()
        if form := self._picture_form(upstream):
            body = dumps(form(admitted.json, losses))
        own = upstream.backend.credentials == "own"
        headers = self._outgoing_headers(upstream, codec, passed_up(admitted.inbound.headers, credentials=not own))
        shown = self._shown_model(upstream)
        rendered = choice.lane is Lane.TRANSLATE
        return Attempt(
            number=number,
            upstream=upstream,
            codec=codec,
            choice=choice,
            request=OutgoingRequest(admitted.inbound.method, self._url(upstream, rendered), headers, body),
            losses=losses,
            mirror=self._mirror(shown) if shown and choice.lane is Lane.EDIT and own else None,
            view=self._view(shown) if rendered else None,
            stages=[*self._first_stages(), *self._last_stages(upstream)] if rendered else [],
            make_view=lambda: self._view(shown),
        )

    def _mirror(self, shown: str) -> Mirror:
        mirror = ModelMirror(shown)
        return self._terms.put_back(mirror.apply) if self._terms.put_back else mirror

    def _translated(self, number: int, upstream: Upstream, codec: BackendCodec, choice: LaneChoice) -> Attempt:
        admitted = self._admitted
        shown = self._shown_model(upstream)
        request = self.read()
        if self._terms.amend:
            request = self._terms.amend(request)
        ledger, protocol = self._terms.ledger, upstream.backend.protocol
        if ledger and protocol != admitted.call.protocol:
            request = ledger.restore(request, protocol, self._terms.scope)
        rendered = render(request, upstream, codec, self._wishes(upstream), self._unfinished)
        headers = self._outgoing_headers(upstream, codec, self._fitting_headers(upstream), rendered.call.headers)
        path = upstream.backend.base_url + rendered.call.path
        url = self._given_url(upstream.url, rendered=True) if upstream.url else path
        return Attempt(
            number=number,
            upstream=upstream,
            codec=codec,
            choice=choice,
            request=OutgoingRequest("POST", url, headers, dumps(rendered.call.body)),
            losses=rendered.losses,
            view=self._view(shown),
            stages=[*self._first_stages(), *rendered.stages, *self._last_stages(upstream)],
        )

    def _fitting_headers(self, upstream: Upstream) -> HeaderList:
        """Of the client's: all that its own protocol knows, little in another."""
        headers = self._admitted.inbound.headers
        if upstream.backend.protocol == self._admitted.call.protocol:
            return passed_up(headers, credentials=upstream.backend.credentials != "own")
        accept = "text/event-stream" if self._admitted.stream else "application/json"
        agent = [("user-agent", headers["user-agent"])] if "user-agent" in headers else []
        return [("content-type", "application/json"), ("accept", accept), *agent]

    def _first_stages(self) -> Sequence[Stage]:
        """They see the reply as the model made it: arguments are still JSON."""
        return self._terms.stages() if self._terms.stages else ()

    def _last_stages(self, upstream: Upstream) -> Iterator[Stage]:
        terms = self._terms
        if terms.preface and not self._unfinished:
            yield Preface(terms.preface)
        if terms.ledger and upstream.backend.protocol != self._admitted.call.protocol:
            yield LedgerStage(terms.ledger, upstream.backend.protocol, terms.scope)

    def _shown_model(self, upstream: Upstream) -> str:
        return f"{upstream.backend.name}:{upstream.model}" if upstream.backend.shows_own_name else self._admitted.model

    def _view(self, shown: str) -> View:
        return View(
            model=shown,
            request=self.read(),
            framing=self._admitted.call.framing,
            created=int(self._clock()),
        )

    def read(self) -> ChatRequest:
        """The client's request as turns."""
        if self._request is None:
            request = self._client.read_request(self._admitted.json, self._admitted.call)
            self._request = replace(request, stream=self._admitted.stream)
        return self._request

    def _url(self, upstream: Upstream, rendered: bool) -> str:
        """The upstream's address with the client's own query, less its key. What is `rendered` anew is asked for as
        events."""
        admitted = self._admitted
        if upstream.url:
            return self._given_url(upstream.url, rendered)
        path = endpoint_path(admitted.call, upstream.model, admitted.stream)
        base, _, query = path.partition("?")
        named = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)
        own = {name: value for name, value in admitted.inbound.query.items() if name != "key" and name not in named}
        if admitted.call.framing == "json_array" and not rendered:
            named.pop("alt", None)
        query = urlencode({**named, **own}, errors="surrogateescape")
        return upstream.backend.base_url + base + (f"?{query}" if query else "")

    def _given_url(self, url: str, rendered: bool) -> str:
        if not rendered or self._admitted.call.framing != "json_array":
            return url
        return url + ("&alt=sse" if "?" in url else "?alt=sse")

    def _outgoing_headers(
        self, upstream: Upstream, codec: BackendCodec, headers: HeaderList, more: Mapping[str, str] | None = None
    ) -> HeaderList:
        """`headers` with those of the codec, the backend's own and its key over them; answers uncompressed."""
        over: dict[str, str] = {"accept-encoding": "identity", **(more or {}), **upstream.backend.headers}
        if upstream.backend.credentials == "own" and upstream.key:
            over |= codec.auth_headers(upstream.key)
        elif upstream.backend.credentials == "client" and self._admitted.inbound.listener == "base_url":
            over |= own_credentials(self._admitted.inbound, codec)
        present = {name.lower() for name, _ in headers}
        for name, value in REQUIRED.get(codec.name, {}).items():
            if name not in present:
                over.setdefault(name, value)
        for name in over.keys() & LISTS:
            over[name] = _listed(value for other, value in [*headers, *over.items()] if other.lower() == name)
        replaced = {name.lower() for name in over}
        kept = [(name, value) for name, value in headers if name.lower() not in replaced]
        return [*kept, *over.items()]


def _listed(values: Iterable[str]) -> str:
    """One list of several, each entry once."""
    return ",".join(dict.fromkeys(entry.strip() for value in values for entry in value.split(",") if entry.strip()))
