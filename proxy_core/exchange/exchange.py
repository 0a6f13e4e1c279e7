"""The state machine of one client request: attempts at upstreams, and the one answer that the client gets.

A stream layer drives it: `next_attempt` says what to send; `on_head`, `on_data`, `on_end` and `on_failure` report
what came of it and return the Step to do. Nothing reaches the client before an attempt has generated something, so
up to then a failing attempt costs the client nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.exchange.attempt import HEDGED, Attempt
from proxy_core.exchange.body import Body
from proxy_core.exchange.headers import answer_headers, fault_headers, header_text, is_event_stream, stream_headers
from proxy_core.exchange.inbound import Admitted, HeaderMap
from proxy_core.exchange.keep_alive import KEEP_ALIVE
from proxy_core.exchange.relay import Baton, Carry, Relay, carry_nothing
from proxy_core.exchange.step import HOLD, Head, HeaderList, Step
from proxy_core.exchange.tap import TappedSplitter
from proxy_core.pipeline.lanes import Lane
from proxy_core.pipeline.observers import Cut
from proxy_core.pipeline.passing import PassingStream
from proxy_core.pipeline.stream import AnswerStream, TranslatedStream, UntouchedStream, guarded
from proxy_core.pipeline.whole import translate_reply, translate_reply_to_stream, watch_reply
from proxy_core.protocols.contract import Codec, View
from proxy_core.redaction.blot import blotted
from proxy_core.routing.limits import rest_wanted
from proxy_core.routing.plan import most_telling
from proxy_core.turn.reply import Reply
from proxy_core.wire.json import dumps, unwrapped
from proxy_core.wire.json_array import ArraySplitter
from proxy_core.wire.sse import FrameSplitter

_NO_SUCH_CALL = (404, 405, 501)
_TO_BE_TOLD = frozenset(
    {FaultKind.INVALID_REQUEST, FaultKind.AUTHENTICATION, FaultKind.PERMISSION, FaultKind.BILLING, FaultKind.TOO_LARGE}
)
"""Faults that no answer of our own may hide."""
_MAY_PASS = frozenset({FaultKind.RATE_LIMIT, FaultKind.OVERLOADED})
"""Faults that end by themselves, so that the client is told when."""
_LOOPED = "The model repeated itself."


class Exchange:
    """`attempts` yields one Attempt after another, rendered when it is asked for. `report` takes crashes of our own
    code, which the client hears of as an internal error. `fallback` makes the answer's body where no backend can.
    `settled` is told of each attempt once, when it is over. `clock` counts seconds since 1970. With `abort` a client
    whose answer breaks in the middle is hung up on, instead of being told in its protocol. `carry` has the attempts to
    come ask for the rest of an answer that was begun.
    """

    def __init__(
        self,
        admitted: Admitted,
        client: Codec,
        attempts: Iterator[Attempt | None],
        report: Callable[[Exception], None],
        fallback: Callable[[], bytes] | None = None,
        settled: Callable[[Attempt], None] = lambda attempt: None,
        clock: Callable[[], float] = time.time,
        abort: bool = False,
        carry: Carry = carry_nothing,
    ) -> None:
        self.admitted = admitted
        self.client = client
        self.attempt: Attempt | None = None
        self.history: list[Attempt] = []
        self.committed = False
        self._opened = False
        self._abort = abort
        self.finished = False
        self.fault: Fault | None = None
        self._attempts = attempts
        self._report = report
        self._settled = settled
        self._clock = clock
        self.fallback = fallback
        self.relay = Relay(carry)
        self._follower: Attempt | None = None
        self._stream: AnswerStream | None = None
        self._body = Body()
        self._held: list[bytes] = []
        self._headers = HeaderMap(())

    def next_attempt(self) -> Attempt | None:
        """The next request to send; None when there is none left (then `give_up` says how it ends).

        Raises ParleyError when the request cannot be rendered for that upstream.
        """
        self._stream = None
        self._body = Body()
        self._held = []
        self.attempt = self._rendered()
        return self.attempt

    def attempt_beside(self) -> Attempt | None:
        """The next request to send beside the attempt that is under way; None when there is none for now."""
        self._current.slow = True
        try:
            return self._rendered()
        except ParleyError:
            return None  # what is under way may still succeed

    def _rendered(self) -> Attempt | None:
        attempt, self._follower = self._follower or self._made(), None
        if attempt:
            self.history.append(attempt)
        return attempt

    def _made(self) -> Attempt | None:
        try:
            return next(self._attempts, None)
        except ParleyError:
            raise
        except Exception as error:
            raise ParleyError(self._crash(error)) from error

    def adopt(self, heat: Exchange, step: Step) -> Step:
        """Goes on with the one of several attempts that the client gets, from its first `step` on."""
        self.attempt, self.fault, self._headers = heat.attempt, heat.fault, heat._headers
        self.committed, self.finished = heat.committed, heat.finished
        self._stream, self._body, self._held = heat._stream, heat._body, heat._held
        self.relay.adopt(heat.relay)
        return self._with_attempts(step) if any(attempt.outcome == HEDGED for attempt in self.history) else step

    def on_head(self, status: int, headers: HeaderList) -> None:
        """The upstream's status and headers. A success that streams is read as it comes, all else as a whole."""
        attempt = self._current
        attempt.status = status
        self._headers = attempt.headers = HeaderMap(headers)
        self._body = Body(self._headers.get("content-encoding", "identity"))
        if not self._body.is_readable:
            return
        if status < 300 and self.admitted.stream and self._upstream_streams(attempt):
            self._stream = guarded(self._answer_stream(attempt), partial(_crashed, self._report))

    def on_data(self, data: bytes) -> Step:
        if self.finished:
            return HOLD
        if self._body.is_packed:
            try:
                data = self._body.unpacked(data)
            except ParleyError as error:
                return self.on_failure(error.fault)
        if self._stream is None:
            return self._collect(data)
        chunks = self._stream.feed(data)
        return self._step(chunks) if chunks or self._stream.complete else HOLD

    def on_end(self) -> Step:
        """The upstream's message is complete."""
        if self.finished:
            return HOLD
        if self._stream is None:
            return self._answer_whole()
        chunks = self._stream.close()
        step = self._step(chunks)
        if not (step.retry or step.abort or step.end):
            step = Step(step.head, step.chunks, end=True)
            self._finish(self._outcome())
        return step

    def on_failure(self, fault: Fault) -> Step:
        """No connection, a reset, a time-out."""
        if self.finished:
            return HOLD
        stream = self._stream
        if stream is None or not self.committed or (self.relay.is_running and not stream.ready):
            return self._failed(fault)
        return self._ended(()) if stream.complete else self._over(stream.fail(fault))

    @property
    def may_keep_alive(self) -> bool:
        """Whether this client reads a stream made by us: what passes to a client with its own key stays as it is."""
        attempt = self.attempt
        return self.admitted.stream and attempt is not None and attempt.upstream.backend.credentials == "own"

    def keep_alive(self, early: bool = False) -> Step:
        """A sign of life for a client that waits; `early` sends its head for that, before anything is known."""
        if self.finished or not self.may_keep_alive:
            return HOLD
        ping = (KEEP_ALIVE[self.client.name],)
        if self.committed or self._opened:
            return Step(chunks=ping)
        if not early or self.admitted.call.framing != "sse":
            return HOLD
        self._opened = True
        return Step(
            Head(200, [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")]), ping
        )

    def give_up(self, fault: Fault | None = None) -> Step:
        """The client's answer when nothing more can be tried: the most telling of what came of the attempts."""
        if self.relay.is_running:
            return self._given_up_midway()
        failed = [attempt for attempt in self.history if attempt.fault]
        if self.fallback and failed and _may_answer_ourselves(failed[-1]):
            try:
                return self._answer_here(self.fallback())
            except ParleyError as error:
                fault = error.fault
            except Exception as error:  # noqa: BLE001 - as for answers: a crash becomes a clear error
                fault = self._crash(error)
        answer = None
        if fault is None and failed:
            told = failed[most_telling([attempt.fault for attempt in failed if attempt.fault])]
            fault, answer, self._headers, self.attempt = told.fault, told.answer, told.headers, told
        self.fault = fault or Fault(FaultKind.UPSTREAM, "No backend could be tried.")
        self.finished = True
        if self._opened and not (answer and answer.head is None):
            return Step(chunks=(self.client.write_stream_fault(self.fault),), end=True)
        return self._with_attempts(answer or self._fault_step(self.fault))

    def _answer_here(self, body: bytes) -> Step:
        self._finish("answered here")
        headers = [("content-type", "application/json"), ("content-length", str(len(body)))]
        return Step(Head(200, headers), (body,), end=True)

    def _fault_step(self, fault: Fault) -> Step:
        body = dumps(self.client.write_fault(fault))
        headers = fault_headers(self.admitted, self.attempt, self._headers, fault, len(body))
        return Step(Head(fault.http_status, headers), (body,), end=True)

    def _with_attempts(self, step: Step) -> Step:
        """Says what was tried, where more than one attempt was made."""
        if step.head and len(self.history) > 1:
            tried = "; ".join(attempt.summary for attempt in self.history)
            step.head.headers.append(("x-parley-attempts", header_text(tried.replace("…", "..."))))
        return step

    @property
    def _current(self) -> Attempt:
        assert self.attempt is not None
        return self.attempt

    def _upstream_streams(self, attempt: Attempt) -> bool:
        return is_event_stream(self._headers) or (
            attempt.choice.lane is not Lane.TRANSLATE and self.admitted.call.framing == "json_array"
        )

    def _answer_stream(self, attempt: Attempt) -> AnswerStream:
        if attempt.choice.lane is Lane.TRANSLATE:
            assert attempt.view is not None
            answer = self.relay.answer_for(attempt, self.client)
            return TranslatedStream(attempt.codec, self.client, attempt.view, attempt.stages, attempt.observers, answer)
        splitter = _splitter(attempt) if is_event_stream(self._headers) else ArraySplitter()
        observers = attempt.observers if attempt.make_view else ()
        own = attempt.upstream.backend.credentials == "own"
        stream = PassingStream if self._is_transparent(attempt) else UntouchedStream
        return stream(self.client, attempt.make_view or _no_view, attempt.mirror, observers, splitter, retells=own)

    def _is_transparent(self, attempt: Attempt) -> bool:
        """Whether the answer is returned as it came, whatever it is."""
        return attempt.upstream.backend.credentials == "client" and self.admitted.inbound.listener == "base_url"

    def _step(self, chunks: list[bytes]) -> Step:
        stream = self._stream
        assert stream is not None
        if self.committed and not (stream.cut or stream.fault):
            return Step(chunks=chunks)
        if stream.fault and not (self.committed and stream.ready):
            return self._failed(stream.fault)  # even behind some content: the client has not seen it yet
        if self.committed:
            return self._over(chunks)
        self._held += chunks
        return self._begun(stream) if stream.ready else HOLD

    def _begun(self, stream: AnswerStream) -> Step:
        """The client gets the head, and what was held back of the answer."""
        head, held, self._held = self._stream_head(), self._held, []
        if stream.cut and self._moves_on_plainly(stream.cut, Step(head, held, end=True)):
            return Step(retry=True)
        self.committed = True
        if stream.cut is None:
            return Step(head, held)
        step = self._over(held)
        return Step(head, step.chunks, end=step.end, retry=step.retry)

    def _over(self, chunks: list[bytes]) -> Step:
        """The attempt cannot tell the client's answer to its end: another one does, or it ends here."""
        stream, attempt = self._stream, self._current
        assert stream is not None
        if not attempt.resumable:
            return self._ended(chunks)
        baton = self.relay.baton(attempt, stream.fault, stream.cut)
        self._follower = self._next_runner(attempt, baton) if baton else None
        if baton is None or self._follower is None:
            return self._ended([*chunks, *self.relay.ending(stream.fault, stream.cut)])
        return Step(chunks=[*chunks, *self.relay.hand_over(attempt, self._follower, baton)], retry=True)

    def _moves_on_plainly(self, cut: Cut, answer: Step) -> bool:
        """Whether another attempt answers in place of one whose loop the client has not seen; it gets `answer`, ended,
        should that fail."""
        attempt = self._current
        if not (attempt.resumable and attempt.avoids_loops) or self.relay.is_running:
            return False
        self._follower = self._next_runner(attempt, None)
        if self._follower:
            attempt.fault = Fault(FaultKind.CUT, _LOOPED)
            attempt.answer = Step(answer.head, [*answer.chunks, *self.relay.ending(None, cut)], end=True)
        return self._follower is not None

    def _next_runner(self, attempt: Attempt, baton: Baton | None) -> Attempt | None:
        """The attempt that goes on, made now, since the client is told only of one that there is."""
        assert self._stream is not None
        fault, cut = self._stream.fault, self._stream.cut
        attempt.fault = fault
        self._settle(attempt, "cut" if cut else "failed")  # a loop is no fault of the backend's
        if cut:
            attempt.fault = Fault(FaultKind.CUT, _LOOPED)
        if baton:
            self.relay.ask_on(baton)
        try:
            return self._made()
        except ParleyError:
            return None
        finally:
            attempt.fault = fault

    def _given_up_midway(self) -> Step:
        """Nobody could go on with the answer that the client has the beginning of."""
        chunks, self.fault = self.relay.given_up(self.history)
        self.attempt, self._stream, self.finished = self.relay.spoken[-1], None, True
        return Step(chunks=chunks, end=True)

    def _stream_head(self) -> Head | None:
        if self._opened or self.committed:
            return None
        return Head(200, stream_headers(self.admitted, self._current, self._headers))

    def _collect(self, data: bytes) -> Step:
        try:
            self._body.keep(data)
        except ParleyError as error:
            return self._failed(error.fault)
        return HOLD

    def _answer_whole(self) -> Step:
        body, attempt = self._body.whole(), self._current
        try:
            if (attempt.status or 0) >= 400:
                return self._refused(attempt, body)
            if (attempt.status or 0) >= 300:
                return self._redirected(attempt, body)
            body = unwrapped(body, attempt.upstream.backend.envelope)
            return self._unless_looping(attempt, self._converted(attempt, body))
        except ParleyError as error:
            return self._failed(error.fault)
        except Exception as error:  # noqa: BLE001 - the bridge, as for streams: a crash becomes a clear error
            return self._failed(self._crash(error))

    def _refused(self, attempt: Attempt, body: bytes) -> Step:
        """An error status: passed on as it is within one protocol, else in the client's words."""
        if attempt.upstream.key:  # a backend that refuses a key may repeat it
            body = blotted(body, (attempt.upstream.key,))
        fault = attempt.codec.read_fault(attempt.status or 500, self._headers, body)
        if fault.kind in _MAY_PASS:
            fault.retry_after = rest_wanted(self._headers, fault, self._clock())
        if attempt.codec is not self.client or (self.fallback and attempt.status in _NO_SUCH_CALL):
            return self._failed(fault)
        headers = answer_headers(
            self.admitted, attempt, self._headers, self._headers.get("content-type", "application/json"), len(body)
        )
        return self._failed(fault, Step(Head(attempt.status or 502, headers), (body,), end=True))

    def _redirected(self, attempt: Attempt, body: bytes) -> Step:
        """A client that followed it would send its key for this proxy, and its prompt, past the proxy."""
        if attempt.upstream.backend.credentials == "client":
            self._finish("answered")
            return self._whole_answer(attempt, [body], self._headers.get("content-type", "application/json"))
        where = self._headers.get("location", "another address")
        return self._failed(Fault(FaultKind.UPSTREAM, f"The backend redirects to {where}; set its URL to that."))

    def _converted(self, attempt: Attempt, body: bytes) -> Step:
        content_type = self._headers.get("content-type", "application/json")
        if attempt.choice.lane is not Lane.TRANSLATE and not self._opened:
            return self._whole_answer(attempt, [self._native_body(attempt, body, content_type)], content_type)
        view = attempt.view or (attempt.make_view or _no_view)()
        way = (attempt.codec, self.client, view, attempt.stages, attempt.observers)
        if self.admitted.stream:
            writer = self.relay.answer_for(attempt, self.client) if self.relay.is_running else None
            chunks = translate_reply_to_stream(body, content_type, *way, writer=writer)
            return Step(self._stream_head(), chunks, end=True)
        return self._whole_answer(attempt, [translate_reply(body, content_type, *way)], "application/json")

    def _unless_looping(self, attempt: Attempt, answer: Step) -> Step:
        """Asks elsewhere for an answer that repeats itself, where that is wished; the client gets it if all do."""
        if self.relay.is_running or not (attempt.avoids_loops and attempt.loop and attempt.loop.found):
            self._finish("cut" if self._last_cut else "answered")
            return answer
        self._settle(attempt, "cut")  # before it has a fault: the backend has done its part
        return self._failed(Fault(FaultKind.CUT, _LOOPED), answer)

    def _native_body(self, attempt: Attempt, body: bytes, content_type: str) -> bytes:
        if attempt.tap:
            attempt.tap.scan(body)
        if attempt.observers and attempt.make_view:
            cut = self._watched(attempt, body, content_type)
            if cut:
                return dumps(self.client.write_reply(cut, attempt.make_view()))
        return attempt.mirror.apply(body) if attempt.mirror else body

    def _watched(self, attempt: Attempt, body: bytes, content_type: str) -> Reply | None:
        try:
            return watch_reply(body, content_type, self.client, attempt.observers)
        except ParleyError:
            if self._is_transparent(attempt):
                return None
            raise

    def _whole_answer(self, attempt: Attempt, chunks: list[bytes], content_type: str) -> Step:
        size = sum(map(len, chunks))
        head = Head(attempt.status or 200, answer_headers(self.admitted, attempt, self._headers, content_type, size))
        return Step(head, chunks, end=True)

    def _failed(self, fault: Fault, answer: Step | None = None) -> Step:
        """This attempt has failed before the client saw anything of it."""
        attempt = self._current
        attempt.fault, attempt.answer = fault, answer
        self.fault = fault
        self._settle(attempt, fault.kind)
        return Step(retry=True)

    def _settle(self, attempt: Attempt, outcome: str) -> None:
        if not attempt.outcome:
            attempt.outcome = outcome
            attempt.ended = self._clock()
            self._settled(attempt)

    def abandon(self) -> None:
        """The client has gone."""
        if self.attempt and not self.finished:
            self._settle(self.attempt, "cancelled")
        self.finished = True

    def _ended(self, chunks: Sequence[bytes]) -> Step:
        self._finish(self._outcome())
        if self._abort and self.fault:
            return Step(abort=True)
        return Step(chunks=chunks, end=True)

    def _outcome(self) -> str:
        stream = self._stream
        if stream and stream.cut:
            return "cut"
        return "answered" if stream and stream.complete and stream.fault is None else "failed"

    def _finish(self, outcome: str) -> None:
        self.finished = True
        attempt = self.attempt
        if self._stream and self._stream.fault:
            self.fault = self._stream.fault
            if attempt:
                attempt.fault = self._stream.fault
        elif outcome != "failed":
            self.fault = None
        if attempt:
            self._settle(attempt, outcome)

    @property
    def cut(self) -> Cut | None:
        """The wish of an observer that ended the answer, streamed or in one piece, or an attempt at it."""
        return self._last_cut or next((a.loop.cut for a in self.relay.spoken if a.loop and a.loop.cut), None)

    @property
    def was_cut(self) -> bool:
        """Whether the answer ended there."""
        return self._last_cut is not None

    @property
    def _last_cut(self) -> Cut | None:
        if self._stream:
            return self._stream.cut
        return self.attempt.loop.cut if self.attempt and self.attempt.loop else None

    def _crash(self, error: Exception) -> Fault:
        return _crashed(self._report, error)


def _crashed(report: Callable[[Exception], None], error: Exception) -> Fault:
    report(error)
    return Fault(FaultKind.INTERNAL, "Parley failed while it read the backend's answer; its log says more.")


def _may_answer_ourselves(attempt: Attempt) -> bool:
    return attempt.fault is not None and attempt.fault.kind not in _TO_BE_TOLD


def _splitter(attempt: Attempt) -> FrameSplitter:
    return TappedSplitter(attempt.tap) if attempt.tap else FrameSplitter()


def _no_view() -> View:
    raise LookupError("an answer that is not observed is never ended by us")
