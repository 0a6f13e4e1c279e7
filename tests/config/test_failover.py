from __future__ import annotations

from pathlib import Path

import pytest

from proxy_core.config.settings import Failover
from proxy_core.routing.rests import Patience
from tests.config.loading import Folder

ALL = """
failover:
  connect_timeout: 3
  first_byte_timeout: 20
  total_timeout: 60
  keep_alive_after: 5
  keep_alive_every: 7
  early_head: true
  after_content: abort
  hedge_after: 2.5
  breaker_failures: 2
  breaker_pause: 1
  breaker_longest_pause: 9
  retry_budget: 4
  retry_budget_share: 0.5
"""


def test_without_a_word_failures_stay_visible(tmp_path: Path) -> None:
    failover = Folder(tmp_path).load().failover
    assert failover == Failover()
    assert (failover.early_head, failover.after_content) == (False, "error")


def test_every_number_can_be_set(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("addons.yaml", ALL)
    assert folder.load().failover == Failover(
        3, 20, 60, 5, 7, early_head=True, after_content="abort", hedge_after=2.5, patience=Patience(2, 1, 9, 4, 0.5)
    )


def test_an_answer_that_breaks_off_may_be_gone_on_with(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("addons.yaml", "failover: {after_content: continue}\n")
    assert folder.load().failover == Failover(after_content="continue")


def test_a_file_named_by_config_wins_field_by_field(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("addons.yaml", "failover: {connect_timeout: 3, breaker_failures: 2}\n")
    folder.write("mine.yaml", "failover: {connect_timeout: 4}\n")
    failover = folder.load(config="mine.yaml").failover
    assert (failover.connect, failover.patience.failures) == (4, 2)


@pytest.mark.parametrize(
    "text",
    [
        "connect_timeout: 0",
        "keep_alive_after: 0.5",
        "after_content: retry",
        "hedge: 1",
        "retry_budget: -1",
        "hedge_after: 0",
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(tmp_path: Path, text: str) -> None:
    folder = Folder(tmp_path)
    folder.write("addons.yaml", f"failover:\n  {text}\n")
    (problem,) = folder.problems()
    assert text.partition(":")[0] in problem


def test_routes_may_share_load_with_weights(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("addons.yaml", "settings: {failover_routes: {s: {policy: rr, elements: ['a:m*3', 'b:m']}}}\n")
    assert folder.load().routes["s"].elements == ("a:m*3", "b:m")


HEDGED = """
settings:
  failover_routes:
    fast: {policy: m, elements: ['a:m', 'b:m'], hedge_after: 1}
    cheap: {policy: m, elements: ['a:m', 'b:m'], hedge_after: off}
    plain: {policy: m, elements: ['a:m', 'b:m']}
backends:
  a: {base_url: 'http://127.0.0.1:1', hedge_after: 3}
  b: {base_url: 'http://127.0.0.1:2', hedge_after: false}
  c: {base_url: 'http://127.0.0.1:3'}
"""


def test_hedging_is_off_unless_it_is_said_where(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("addons.yaml", HEDGED)
    settings = folder.load()
    assert settings.failover.hedge_after is None
    assert {name: route.hedge_after for name, route in settings.routes.items()} == {
        "fast": 1,
        "cheap": 0,
        "plain": None,
    }
    assert [settings.backends[name].hedge_after for name in "abc"] == [3, 0, None]


@pytest.mark.parametrize("value", ["0", "-1", "soon", "true", ".inf", ".nan", "[1]"])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("failover: {{hedge_after: {}}}", "failover.hedge_after"),
        ("backends: {{a: {{base_url: 'http://127.0.0.1:1', hedge_after: {}}}}}", "backends.a.hedge_after"),
        (
            "settings: {{failover_routes: {{r: {{policy: m, hedge_after: {}}}}}}}",
            "settings.failover_routes.r.hedge_after",
        ),
    ],
)
def test_what_is_no_time_to_hedge_after_is_refused(tmp_path: Path, text: str, place: str, value: str) -> None:
    folder = Folder(tmp_path)
    folder.write("addons.yaml", text.format(value) + "\n")
    (problem,) = folder.problems()
    assert place in problem
    assert "is a number of seconds above 0, or off" in problem
