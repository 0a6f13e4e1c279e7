"""Two proxies' memories, with the log between them in the test's hands."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import ANY

import pytest

from proxy_core.errors import Fault, FaultKind
from proxy_core.loops.tools import Heard
from proxy_core.routing.rests import Patience
from proxy_core.sessions.session import REPEATED, Session
from proxy_core.sharing.changes import SessionChange, SessionEnd
from proxy_core.sharing.identity import identity
from proxy_core.sharing.replica import Snapshot
from tests.sessions.asking import inbound
from tests.sharing.making import KEYS, Instance, mirrored, told

LIMITED = Fault(FaultKind.RATE_LIMIT, "slow down")
DOWN = Fault(FaultKind.UPSTREAM, "no connection")


@pytest.fixture
def a() -> Instance:
    return Instance()


@pytest.fixture
def b() -> Instance:
    return Instance(ahead=5000)


def test_what_is_set_at_one_holds_at_the_other(a: Instance, b: Instance) -> None:
    session = a.asks("hi", session="s")
    a.sets(session, model="openai:gpt-5", temperature=0.5, redact=False, greeted=True, notice=REPEATED)
    told(a, b)
    there = b.asks("hi", session="s")
    assert there.settings == session.settings
    assert (there.greeted, there.notice, there.requests) == (True, REPEATED, 2)
    b.sets(there, model=None)
    told(b, a)
    assert session.settings.as_dict() == {"temperature": 0.5, "redact": False}
    assert session.requests == 2


def test_nothing_is_told_twice(a: Instance, b: Instance) -> None:
    session = a.asks("hi")
    a.tools.take_over(session.scope, Heard(a.clock.now - 3.0005, "same_call", 2))
    a.sets(session, model="m", one_off="n")
    told(a, b)
    for here in (a, b):
        here.replica.changed(mirrored(here, session))
        assert not here.replica.has_pending


def test_two_things_set_at_once_in_two_places_both_hold(a: Instance, b: Instance) -> None:
    here = a.asks("hi", session="s")
    told(a, b)
    there = mirrored(b, here)
    a.sets(here, model="m", project="of a")
    b.sets(there, project="of b")
    first, second = a.tell()[1], b.tell()[1]
    for instance in (a, b):
        instance.hear(first, own=instance is a)
        instance.hear(second, own=instance is b)
    assert here.settings == there.settings
    assert here.settings.as_dict() == {"model": "m", "project": "of b"}


def test_what_is_still_to_be_told_is_not_undone_by_what_is_read(a: Instance, b: Instance) -> None:
    here = a.asks("hi", session="s")
    told(a, b)
    a.sets(here, model="older")
    earlier = a.tell()[1]
    b.sets(mirrored(b, here), model="newer", project="p")
    b.hear(earlier)
    assert mirrored(b, here).settings.as_dict() == {"model": "newer", "project": "p"}
    later = b.tell()[1]
    b.hear(later, own=True)
    for data in (earlier, later):
        a.hear(data, own=data is earlier)
    assert here.settings == mirrored(b, here).settings


def test_a_one_off_model_is_claimed_by_its_token(a: Instance, b: Instance) -> None:
    here = a.asks("hi", session="s")
    assert a.sets(here, one_off="m") is None
    told(a, b)
    there = mirrored(b, here)
    assert there.one_off == "m"
    here.take_one_off()
    there.take_one_off()
    claim = a.replica.changed(here)
    assert claim
    assert claim == b.replica.changed(there)
    assert a.replica.take().claims == [claim]
    here.give_back("m")
    a.replica.changed(here)
    here.take_one_off()
    assert a.replica.changed(here) != claim


def test_a_conversation_without_a_name_goes_on_elsewhere(a: Instance, b: Instance) -> None:
    """Wherever the client's address seems to be."""
    here = a.asks("hello", client="10.0.0.1")
    told(a, b)
    there = b.asks("hello", "go on", client="10.0.0.2")
    assert (there.owner, there.id) == (here.owner, here.id)
    b.sets(there, model="m")
    told(b, a)
    assert a.asks("hello", "go on", "more") is here
    assert here.settings.model == "m"
    told(a, b)
    assert b.asks("hello", "go on", "more", "and more") is there
    assert b.asks("something else").id != here.id


def test_a_conversation_taken_back_elsewhere_begins_with_what_was_set_up_to_there(a: Instance, b: Instance) -> None:
    here = a.asks("hello")
    a.sets(here, model="first")
    a.asks("hello", "two")
    a.sets(here, model="second")
    a.asks("hello", "two", "three")
    told(a, b)
    branch = b.asks("hello", "another two")
    assert branch.id != here.id
    assert branch.settings.model == "first"


def test_nobody_reads_from_the_log_what_was_said(a: Instance) -> None:
    a.asks("tell nobody", user_agent="Agent/1.0")
    assert b"nobody" not in a.tell()[1]
    stranger = Instance(known=identity("another client key"))
    mine, other = a.asks("tell nobody"), stranger.asks("tell nobody")
    assert mine.owner != other.owner
    known, strange = a.sessions.conversation_of(mine), stranger.sessions.conversation_of(other)
    assert known
    assert strange
    assert set(known.texts).isdisjoint(strange.texts)


def test_a_key_that_was_set_by_mistake_stays_here(a: Instance, caplog: pytest.LogCaptureFixture) -> None:
    session = a.asks("hi", session="s")
    a.sets(session, project="sk-secret-of-ours", model="m")
    a.sets(session, model="n")
    data = a.tell()[1]
    assert b"sk-secret" not in data
    assert b'"model":"n"' in data
    assert session.settings.project == "sk-secret-of-ours"
    assert [record.getMessage() for record in caplog.records] == [
        "A key stands in what was set for session s; it is not shared"
    ]


def test_an_answer_is_followed_elsewhere(a: Instance, b: Instance) -> None:
    here = a.asks("hi", session="s")
    a.sessions.answered(here, "resp_1")
    told(a, b)
    there = b.sessions.of(inbound(), {"previous_response_id": "resp_1"}, "openai_responses")
    assert there.id == "s"


def test_an_ended_session_is_ended_everywhere(a: Instance, b: Instance) -> None:
    here = a.asks("hello")
    a.sets(here, model="m")
    told(a, b)
    b.sessions.end(mirrored(b, here))
    told(b, a)
    assert a.sessions.all() == []
    again = a.asks("hello", "more")
    assert again is not here
    assert again.settings.model is None


def test_a_session_begun_again_is_not_ended_by_what_ended_the_one_before(a: Instance, b: Instance) -> None:
    here = a.asks("hi", session="s")
    told(a, b)
    a.clock.now += 1
    a.sessions.end(here)
    a.clock.now += 1
    again = a.asks("hi", session="s")
    a.sets(again, model="m")
    told(a, b)
    assert mirrored(a, again) is again
    assert mirrored(b, again).settings.model == "m"


def test_the_sessions_of_all_are_bounded(a: Instance, b: Instance) -> None:
    for number in range(4):
        a.asks("hi", session=f"a{number}")
        a.clock.now += 1
        b.clock.now += 1
    told(a, b)
    for number in range(3):
        b.asks("hi", session=f"b{number}")
        a.clock.now += 1
        b.clock.now += 1
    told(b, a)
    assert [session.id for session in a.sessions.all()] == ["b2", "b1", "b0", "a3", "a2"]
    assert [session.id for session in b.sessions.all()] == ["b2", "b1", "b0", "a3", "a2"]


def test_a_key_that_rests_at_one_is_passed_over_at_the_other(a: Instance, b: Instance) -> None:
    a.rests.failed("openai", KEYS[0], "m", LIMITED, 30.0)
    told(a, b)
    assert b.rests.wakes_in("openai", KEYS[0], "m") == pytest.approx(30.0)
    assert b.rests.wakes_in("openai", KEYS[0], "other") == b.rests.wakes_in("openai", KEYS[1], "m") == 0
    b.rests.succeeded("openai", KEYS[0], "m")
    told(b, a)
    assert a.rests.wakes_in("openai", KEYS[0], "m") == 0


def test_a_refused_key_rests_for_all_models_everywhere(a: Instance, b: Instance) -> None:
    a.rests.failed("openai", KEYS[1], "m", Fault(FaultKind.AUTHENTICATION, "no"), None)
    data = a.tell()[1]
    b.hear(data)
    assert KEYS[1].encode() not in data
    assert b.rests.wakes_in("openai", KEYS[1], "other") == pytest.approx(60.0)
    assert b.rests.states("openai", KEYS[1])[0][2] is FaultKind.AUTHENTICATION


def test_a_rest_of_a_key_that_is_not_ours_is_none_of_our_business(a: Instance) -> None:
    stranger = Instance(keys=("sk-three",))
    stranger.rests.failed("openai", "sk-three", "m", LIMITED, 30.0)
    told(stranger, a)
    assert a.rests.wakes_in("openai", "sk-three", "m") == 0
    a.rests.failed("local", None, "m", LIMITED, 30.0)
    told(a, stranger)
    assert stranger.rests.wakes_in("local", None, "m") == pytest.approx(30.0)


def test_a_rest_that_somebody_wrote_to_last_for_ever_does_not(a: Instance) -> None:
    a.hear(b'[{"kind":"rest","backend":"x","key":null,"model":"m","until":9e15,"why":"rate_limit","times":1}]')
    assert a.rests.wakes_in("x", None, "m") == 24 * 3600.0


def test_a_backend_that_is_down_costs_one_probe_of_all(a: Instance, b: Instance) -> None:
    for here in (a, b):
        here.rests.patience = Patience(failures=2)
    for _ in range(2):
        a.rests.failed("openai", KEYS[0], "m", DOWN, None)
    told(a, b)
    assert b.rests.is_open("openai")
    assert b.rests.wakes_in("openai", KEYS[0], "m") == pytest.approx(5.0)
    for here in (a, b):
        here.clock.now += 6
    a.rests.begin("openai")
    told(a, b)
    assert b.rests.wakes_in("openai", KEYS[0], "m") > 0
    a.rests.succeeded("openai", KEYS[0], "m")
    told(a, b)
    assert not b.rests.is_open("openai")


def test_a_row_of_tool_calls_is_counted_across(a: Instance, b: Instance) -> None:
    here = a.asks("hi", session="s")
    a.tools.take_over(here.scope, Heard(a.clock.now - 10, "same_call", 5, 1, answered=12))
    a.replica.changed(here)
    told(a, b)
    heard = b.tools.heard_of(here.scope)
    assert heard
    assert heard == Heard(ANY, "same_call", 5, 1, answered=12)
    assert heard.at == pytest.approx(b.clock.now - 10)
    b.tools.take_over(here.scope, None)
    b.replica.changed(mirrored(b, here))
    told(b, a)
    assert a.tools.heard_of(here.scope) is None


def _stored(session: Session, here: Instance, **fields: object) -> SessionChange:
    return SessionChange(session.owner, session.id, fields, here.clocks.now(), used=3)  # type: ignore[arg-type]


def test_one_that_comes_takes_over_what_is_stored(a: Instance, b: Instance) -> None:
    session = a.asks("hi", session="s")
    b.replica.load(Snapshot(b.clocks.now(), [_stored(session, a, model="m")]))
    assert mirrored(b, session).settings.model == "m"
    assert mirrored(b, session).requests == 3
    assert not b.replica.has_pending


def test_what_was_set_while_redis_was_away_is_told_and_what_others_set_is_heard(a: Instance) -> None:
    session = a.asks("hi", session="s")
    a.sets(session, model="before", project="before")
    a.replica.take()
    a.clock.now += 10
    a.sets(session, model="meanwhile")
    batch = a.replica.take()
    a.replica.put_back(batch)
    a.replica.load(Snapshot(a.clocks.now(), [_stored(session, a, model="before", project="of another")]))
    assert session.settings.as_dict() == {"model": "meanwhile", "project": "of another"}
    assert b'"set":{"model":"meanwhile"}' in a.tell()[1]


def test_what_could_not_be_told_is_told_with_what_came_after(a: Instance, b: Instance) -> None:
    session = a.asks("hi", session="s")
    other = a.asks("hi", session="other")
    a.sets(session, model="m", project="p")
    batch = a.replica.take()
    a.sets(session, model="n")
    a.rests.failed("openai", KEYS[0], "m", LIMITED, 30.0)
    a.sessions.end(other)
    a.replica.put_back(batch)
    told(a, b)
    assert mirrored(b, session).settings.as_dict() == {"model": "n", "project": "p"}
    assert mirrored(b, session).requests == 1
    assert b.sessions.get(other.owner, "other") is None
    assert b.rests.wakes_in("openai", KEYS[0], "m") > 0


def test_a_store_that_lost_everything_is_told_all(a: Instance, b: Instance) -> None:
    session = a.asks("hi", session="s")
    a.sets(session, model="m")
    told(a, b)
    a.replica.load(Snapshot(a.clocks.now()))
    fresh = Instance()
    told(a, fresh)
    assert mirrored(fresh, session).settings.model == "m"


def test_a_store_set_back_to_an_earlier_time_is_told_what_it_forgot(a: Instance) -> None:
    session = a.asks("hi", session="s")
    a.sets(session, model="m")
    old = replace(_stored(session, a, model="older", project="gone"), at=a.clocks.now() - 100)
    a.replica.take()
    a.replica.load(Snapshot(a.clocks.now(), [old]))
    assert session.settings.as_dict() == {"model": "m"}
    data = a.tell()[1]
    assert b'"model":"m"' in data
    assert b'"project":null' in data


def test_what_was_ended_while_redis_was_away_is_ended(a: Instance) -> None:
    ended, used_since = a.asks("hi", session="ended"), a.asks("hi", session="used since")
    a.replica.take()
    end = a.clocks.now() + 1
    a.clock.now += 2
    a.asks("hi", session="used since")
    ends = [SessionEnd(session.owner, session.id, end) for session in (ended, used_since)]
    a.replica.load(Snapshot(a.clocks.now(), ended=ends))
    assert [session.id for session in a.sessions.all()] == ["used since"]


@pytest.mark.parametrize("at", [b"-1e300", b"1e300"])
def test_a_session_of_another_age_is_none_from_before_or_after_time(a: Instance, at: bytes) -> None:
    a.hear(b'[{"kind":"session","owner":"o","id":"s","set":{},"at":%s}]' % at)
    [session] = a.sessions.all()
    assert 0 <= a.sessions.idle(session) <= 86_400
