from __future__ import annotations

from typing import Any

from proxy_core.dashboard.feed import LIFETIME, SILENCE, DashboardFeed

SECTIONS: dict[str, Any] = {"running": [], "counts": {"live": 0}}


def feed(sections: dict[str, Any]) -> DashboardFeed:
    return DashboardFeed(lambda: sections, lambda: 12.5)


def events(data: bytes | None) -> dict[str, str]:
    assert data is not None
    found = {}
    for block in data.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "event" in lines:
            found[lines["event"]] = lines["data"]
    return found


def test_all_is_told_first_with_the_time_and_when_to_come_back() -> None:
    first = feed(SECTIONS)()
    assert first
    assert first.startswith(b"retry: 2000\n\n")
    assert events(first) == {"now": "12.5", "running": "[]", "counts": '{"live":0}'}


def test_then_only_what_has_changed() -> None:
    sections = dict(SECTIONS)
    told = feed(sections)
    told()
    assert told() == b""
    sections["counts"] = {"live": 1}
    assert events(told()) == {"now": "12.5", "counts": '{"live":1}'}
    assert told() == b""


def test_a_sign_of_life_when_nothing_happens() -> None:
    told = feed(SECTIONS)
    told()
    said = [told() for _ in range(2 * SILENCE)]
    assert [data for data in said if data] == [b": still here\n\n"] * 2


def test_it_ends_after_a_while_so_that_the_browser_shows_again_that_it_may() -> None:
    told = feed(SECTIONS)
    said = [told() for _ in range(LIFETIME + 1)]
    assert None not in said[:-1]
    assert said[-1] is None


def test_line_breaks_in_names_cannot_make_events() -> None:
    told = feed({"running": [{"asked": "a\n\nevent: evil\ndata: 1"}]})
    assert set(events(told())) == {"now", "running"}
