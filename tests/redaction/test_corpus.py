"""The figures that are promised, on a corpus made anew."""

from __future__ import annotations

import pytest

from proxy_core.redaction.finder import Finder
from proxy_core.redaction.rules import RULES
from tests.redaction.corpus import secrets
from tests.redaction.figures import measure
from tests.redaction.lookalikes import lookalikes


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_recall_and_precision(seed: int) -> None:
    figures = measure([*secrets(seed), *lookalikes(seed)], Finder())
    assert figures.secrets >= 300
    assert figures.lookalikes >= 300
    assert figures.recall >= 0.98, [(example.family, example.text[:80]) for example in figures.missed]
    assert figures.precision >= 0.98, [(example.family, rule) for example, rule, _ in figures.wrong]


def test_every_rule_names_its_source_and_a_keyword() -> None:
    assert all(rule.source.startswith("https://") and rule.keywords and all(rule.keywords) for rule in RULES)


def test_every_rule_compiles_and_its_window_holds_its_keyword() -> None:
    for rule in RULES:
        assert rule.compiled()
        assert all(len(keyword) < rule.window for keyword in rule.keywords)
