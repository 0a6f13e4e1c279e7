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
        3, 20, 60, 5, 7, early_head=True, after_content="abort", patience=Patience(2, 1, 9, 4, 0.5)
    )


def test_a_file_named_by_config_wins_field_by_field(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.write("addons.yaml", "failover: {connect_timeout: 3, breaker_failures: 2}\n")
    folder.write("mine.yaml", "failover: {connect_timeout: 4}\n")
    failover = folder.load(config="mine.yaml").failover
    assert (failover.connect, failover.patience.failures) == (4, 2)


@pytest.mark.parametrize(
    "text", ["connect_timeout: 0", "keep_alive_after: 0.5", "after_content: retry", "hedge: 1", "retry_budget: -1"]
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
