"""A model call on its way to a backend: commands obeyed, settings applied, secrets hidden, loops broken."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from proxy_core.agents.detection import detect, named
from proxy_core.agents.errands import is_errand, wants_structure
from proxy_core.agents.replies import follow_past_own, own_reply, shape_reply
from proxy_core.agents.rows import Agent
from proxy_core.commands.history import DEFAULT_PREFIX
from proxy_core.commands.marks import OPENING
from proxy_core.commands.obeying import Obeyed, clean_only, obey
from proxy_core.config.settings import LoopSettings, Settings
from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.answers import Answer, json_answer
from proxy_core.exchange.attempt import HEDGED, Attempt
from proxy_core.exchange.attempts import attempts
from proxy_core.exchange.controls import ChatControls
from proxy_core.exchange.dispatch import Dispatcher
from proxy_core.exchange.exchange import Exchange
from proxy_core.exchange.headers import without_own_key
from proxy_core.exchange.house import House
from proxy_core.exchange.inbound import Admitted
from proxy_core.exchange.local import local_answer
from proxy_core.exchange.router import Routing
from proxy_core.exchange.secrecy import Hidden
from proxy_core.exchange.terms import MakeObserver, Terms
from proxy_core.exchange.visit import Visit
from proxy_core.history.heard import Heard
from proxy_core.loops.text import LoopObserver
from proxy_core.loops.tools import PASS, Verdict, sentence, steered
from proxy_core.pipeline.wishes import NO_WISHES, Wishes
from proxy_core.protocols import CODECS
from proxy_core.protocols.contract import View
from proxy_core.routing.plan import only
from proxy_core.routing.upstreams import Upstream
from proxy_core.serving.count import count_tokens, counted
from proxy_core.sessions.effective import Effective, effective
from proxy_core.turn.content import Text
from proxy_core.turn.request import Turn
from proxy_core.wire.json import dumps

logger = logging.getLogger("parley")

_MARKS = (DEFAULT_PREFIX.encode(), OPENING.encode(), b"\\/", b"\\u")
"""One of these stands in every body that holds a command or the proxy's own words, however its JSON is escaped."""
_CALLS = (b"tool_use", b"tool_calls", b"function", b"_call")
"""One of these stands in every body that holds a tool call, in each protocol."""

type Settled = Callable[[Attempt], None]


class Conversing:
    """One request. `allow` raises ParleyError where the client may not go; one that is not `trusted` has not shown
    the client key, and may not command."""

    def __init__(
        self,
        house: House,
        visit: Visit,
        admitted: Admitted,
        allow: Callable[[Routing], None],
        trusted: bool,
        settled: Settled,
    ) -> None:
        self._trusted = trusted
        self._house = house
        self._settings = house.settings
        self._visit = visit
        self._admitted = admitted
        self._allow = allow
        self._settled = settled
        self._heard: Heard | None = None
        self._session = house.sessions.of(admitted.inbound, admitted.json, admitted.call.protocol)
        self._agent = self._detect()
        visit.session, visit.admitted = self._session, admitted

    def answer(self, intercepted: Upstream | None = None) -> Answer | Exchange:
        """`intercepted` is where the client itself was going, with its own credentials.

        Raises ParleyError where the client is to hear a fault.
        """
        if self._admitted.call.protocol == "openai_responses" and follow_past_own(self._admitted.json):
            self._change("what followed the proxy's own reply follows the one before")
        obeyed = self._obey()
        if obeyed.answer is not None:
            return self._say(obeyed.answer)
        chosen = effective(self._settings, self._session)
        self._visit.project = chosen.project
        if self._settings.force_project and not chosen.project:
            return self._without_project()
        routing = self._route(chosen, obeyed, intercepted)
        self._allow(routing)
        if chosen.one_off and not obeyed.errand and self._is_chat:
            self._visit.one_off = self._session.take_one_off()
        hidden = self._hide(chosen)
        if self._is_chat:
            self._watch_prompt(obeyed.errand)
        return self._begin(chosen, obeyed, routing, hidden)

    @property
    def _is_chat(self) -> bool:
        return self._admitted.call.operation == "chat"

    @property
    def _scope(self) -> str:
        return self._session.scope

    def _detect(self) -> Agent:
        if self._session.agent is not None:
            agent = named(self._session.agent)
        else:
            admitted = self._admitted
            agent = detect(admitted.inbound.headers, admitted.json, admitted.call.protocol)
            self._session.agent = agent.name
        self._visit.agent = agent.name or None
        return agent

    def _obey(self) -> Obeyed:
        """Commands are carried out, and taken out of what goes on, with all that the proxy said before."""
        settings, admitted = self._settings, self._admitted
        if not (settings.interactive_commands and self._trusted):
            return Obeyed()
        body, protocol = admitted.json, admitted.call.protocol
        if admitted.call.operation == "count_tokens":
            obeyed = Obeyed(changed=clean_only(body, protocol, settings.command_prefix, self._agent))
        elif not self._is_chat:
            return Obeyed()
        elif self._holds_nothing_of_ours():
            return Obeyed(errand=bool(self._session.one_off) and is_errand(protocol, body))
        else:
            listed = self._house.catalogue.listed()
            controls = ChatControls(self._session, settings, self._house.saved, listed, self._house.rests)
            greet = self._wants_banner()
            obeyed = obey(body, protocol, settings.command_prefix, self._agent, controls, greet=greet)
        self._visit.commands = obeyed.commands
        if obeyed.changed:
            self._change("commands taken out")
        return obeyed

    def _holds_nothing_of_ours(self) -> bool:
        """Told by the bytes alone, which most requests are: no command, no words of the proxy, no banner due."""
        body = self._admitted.body
        banner = not self._session.greeted and (self._session.settings.interactive or self._wants_banner())
        return not banner and not any(mark in body for mark in (self._settings.command_prefix.encode(), *_MARKS))

    def _wants_banner(self) -> bool:
        """Only where interactive mode was configured: nobody who did not ask is to find a banner in an answer."""
        return self._settings.sources.get("disable_interactive_mode", "default") != "default"

    def _change(self, what: str) -> None:
        admitted = self._admitted
        self._admitted = replace(admitted, body=dumps(admitted.json), changes=(*admitted.changes, what))
        self._visit.admitted = self._admitted

    def _say(self, text: str) -> Answer:
        """The proxy's own words as this client's agent shows them."""
        admitted = self._admitted
        parts = shape_reply(self._agent, admitted.json, admitted.call.protocol, text)
        dispatcher = Dispatcher(admitted, time.time)
        view = View(admitted.model, dispatcher.read(), framing=admitted.call.framing, created=int(time.time()))
        reply = own_reply(parts, admitted.model, admitted.call.protocol, admitted.json)
        self._may_be_followed(reply.id)
        return local_answer(admitted, reply, view)

    def _without_project(self) -> Answer:
        """Said in a reply where there is one; tokens are counted here, all else is refused."""
        admitted, missing = self._admitted, _project_missing(self._settings.command_prefix)
        if self._is_chat:
            return self._say(missing)
        if admitted.call.operation == "count_tokens":
            turns = Dispatcher(admitted, time.time).read()
            return json_answer(counted(admitted.call.protocol, count_tokens(turns)))
        raise ParleyError(Fault(FaultKind.PERMISSION, missing))

    def _route(self, chosen: Effective, obeyed: Obeyed, intercepted: Upstream | None) -> Routing:
        settings = self._settings
        if obeyed.errand and chosen.one_off:
            chosen = replace(chosen, model=self._session.settings.model, one_off=False)
        if intercepted and not (chosen.model or chosen.backend):
            return Routing(intercepted.backend, only(replace(intercepted, model=self._admitted.model)))
        name = chosen.model_for(self._admitted.model, settings.backends, settings.routes)
        self._visit.route = name if name in settings.routes else None
        urls = {"openai": chosen.openai_url} if chosen.openai_url else {}
        return self._house.router.route(self._admitted, name, urls)

    def _hide(self, chosen: Effective) -> Hidden | None:
        if not chosen.redact:
            return None
        self._admitted, hidden = self._house.secrecy.hide(self._admitted, self._scope)
        self._visit.admitted, self._visit.redactions = self._admitted, hidden.counts
        return hidden

    def _watch_prompt(self, errand: bool) -> None:
        """What an agent asks for its own sake is no part of the conversation whose window one wants to see."""
        admitted = self._admitted
        self._visit.prefix = self._house.prefixes.see(self._scope, admitted.json, admitted.call.protocol)
        if not errand:
            self._house.contexts.keep(self._scope, admitted)

    def _begin(self, chosen: Effective, obeyed: Obeyed, routing: Routing, hidden: Hidden | None) -> Answer | Exchange:
        self._keep_our_key(routing)
        admitted = self._admitted
        client = CODECS[admitted.call.protocol]
        terms = self._terms(chosen, obeyed, hidden)
        dispatcher = Dispatcher(admitted, time.time, terms)
        if admitted.call.operation == "count_tokens" and routing.first.protocol != client.name:
            return json_answer(counted(client.name, count_tokens(dispatcher.read())))
        verdict = self._judge_tools(chosen, dispatcher)
        if verdict.finding and verdict.action == "break":
            return self._say(sentence(verdict.finding, self._off("tool-loop-detection")))
        if verdict.finding and verdict.action == "steer":
            finding = verdict.finding
            terms.amend = lambda request: steered(request, finding)
        elif self._session.notice and self._is_chat:
            notice, self._session.notice = self._session.notice, None
            terms.amend = lambda request: replace(request, turns=[*request.turns, Turn("user", [Text(notice)])])
        if self._admitted.stream and self._is_chat:
            terms.continues = routing.others and self._settings.failover.after_content == "continue"
            terms.resumes = lambda upstream: self._why_resumable(chosen, routing.others, upstream)
        fallback = _local_count(admitted, dispatcher) if admitted.call.operation == "count_tokens" else None
        return Exchange(
            admitted,
            client,
            attempts(routing.plan, dispatcher),
            _report,
            fallback,
            settled=self._remember,
            abort=self._settings.failover.after_content == "abort",
            carry=dispatcher.go_on,
        )

    def _keep_our_key(self, routing: Routing) -> None:
        """Backends that take the client's own key do not get the one for this proxy that was shown beside it."""
        inbound, key = self._admitted.inbound, self._settings.client_key
        if key and routing.first.credentials == "client" and inbound.listener == "base_url":
            inbound = replace(inbound, headers=without_own_key(inbound.headers, key))
            inbound.query = {name: value for name, value in inbound.query.items() if (name, value) != ("key", key)}
            self._visit.admitted = self._admitted = replace(self._admitted, inbound=inbound)

    def _remember(self, attempt: Attempt) -> None:
        if attempt.meter:
            self._may_be_followed(attempt.meter.id)
        if (self._visit.heard or attempt.outcome == "cut") and attempt.outcome != HEDGED:
            self._note_answer(attempt)
        self._settled(attempt)

    def _note_answer(self, attempt: Attempt) -> None:
        """Of several attempts side by side, the client's answer need not be the one that was rendered last."""
        if self._visit.heard:
            parts = (*attempt.stages, *attempt.observers)
            heard = next((part for part in parts if isinstance(part, Heard)), None)
            if heard and attempt.goes_on:
                heard.before = self._heard
            self._visit.heard = self._heard = heard
        if attempt.outcome == "cut":
            self._visit.steer_after_loop = self._loops_of(attempt.upstream).on_loop == "steer"

    def _may_be_followed(self, reply_id: str) -> None:
        """A later request may say no more of the conversation than which reply it follows."""
        if self._admitted.call.protocol == "openai_responses" and reply_id:
            self._house.sessions.answered(self._session, reply_id)

    def _judge_tools(self, chosen: Effective, dispatcher: Dispatcher) -> Verdict:
        tools = self._settings.loops.tool
        if not (self._is_chat and chosen.tool_loop_detection) or tools.mode == "off":
            return PASS
        if not any(mark in self._admitted.body for mark in _CALLS):
            return PASS
        verdict = self._house.tool_loops.judge(self._scope, dispatcher.read(), tools, time.monotonic())
        if verdict.finding:
            self._visit.tool_loop = f"{verdict.action}: {verdict.finding.names} {verdict.finding.repeats} times"
        return verdict

    def _off(self, setting: str) -> str | None:
        settings = self._settings
        return f"{settings.command_prefix}set({setting}=false)" if settings.interactive_commands else None

    def _terms(self, chosen: Effective, obeyed: Obeyed, hidden: Hidden | None) -> Terms:
        settings, admitted = self._settings, self._admitted
        terms = Terms(
            wishes=chosen.wishes,
            defaults=lambda upstream: _wishes_of(settings, upstream),
            preface=obeyed.confirmations,
            observers=tuple(self._observers(chosen, hidden)),
            ledger=self._house.ledger,
            scope=self._scope,
            exact_usage=settings.exact_usage,
        )
        if hidden:
            terms.check = hidden.check
            terms.conceal = hidden.again
        if hidden and hidden.may_come_back and admitted.call.operation == "completions":
            terms.put_back = hidden.completions
        if hidden and hidden.may_come_back:
            json_answer = wants_structure(admitted.call.protocol, admitted.json)
            terms.stages = lambda: (*self._listeners(), *hidden.stages(json_answer))
            terms.rewrite = "placeholders of secrets may come back"
        return terms

    def _listeners(self) -> Iterator[Heard]:
        """Who hears the answer for the history, where one is kept."""
        if self._settings.history.enabled and self._is_chat:
            self._visit.heard = heard = Heard()
            yield heard

    def _observers(self, chosen: Effective, hidden: Hidden | None) -> Iterator[MakeObserver]:
        if self._settings.history.enabled and not (hidden and hidden.may_come_back):
            yield lambda attempt: next(self._listeners())
        if chosen.loop_detection or self._watches_some_model():
            off = self._off("loop-detection")
            yield lambda attempt: self._loop_observer(attempt, off)

    def _watches_some_model(self) -> bool:
        """Though replies are not watched in general."""
        entries = self._settings.models.values()
        return self._session.settings.loop_detection is None and any(e.loops and e.loops.enabled for e in entries)

    def _why_resumable(self, chosen: Effective, others: bool, upstream: Upstream) -> str:
        """Why an answer is not to end where it breaks off or repeats itself; "" where it is."""
        if others and self._settings.failover.after_content == "continue":
            return "an answer that breaks off is gone on with"
        loops = self._loops_of(upstream)
        if loops.on_loop == "end" or not loops.enabled or not (chosen.loop_detection or self._watches_some_model()):
            return ""
        return f"on a loop: {loops.on_loop}" if others or loops.on_loop == "steer" else ""

    def _loops_of(self, upstream: Upstream) -> LoopSettings:
        """What the session says beats what is configured for the model."""
        loops = self._settings.loops_of(upstream.backend.name, upstream.model)
        said = self._session.settings.loop_detection
        return loops if said is None else replace(loops, enabled=said)

    def _loop_observer(self, attempt: Attempt, off: str | None) -> LoopObserver:
        loops = self._loops_of(attempt.upstream)
        attempt.loop = LoopObserver(loops, off)
        attempt.avoids_loops = loops.on_loop == "next_element"
        attempt.steers = loops.on_loop == "steer"
        return attempt.loop


def _wishes_of(settings: Settings, upstream: Upstream) -> Wishes:
    """What addons.yaml wishes for a model."""
    entry = settings.override(upstream.backend.name, upstream.model)
    return Wishes(entry.temperature, entry.reasoning_effort, entry.thinking_budget) if entry else NO_WISHES


def _project_missing(prefix: str) -> str:
    return f"A project has to be named before anything goes to a model: {prefix}set(project=NAME)"


def _local_count(admitted: Admitted, dispatcher: Dispatcher) -> Callable[[], bytes]:
    """The token count that is answered where no backend counts: an estimate over system, tools and messages."""
    return lambda: dumps(counted(admitted.call.protocol, count_tokens(dispatcher.read())))


def _report(error: Exception) -> None:
    logger.error("Parley failed while it handled an answer", exc_info=error)
