"""Recall and precision on the corpus: `python -m tests.redaction.figures`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from proxy_core.redaction.finder import Finder
from tests.redaction.corpus import Example, secrets
from tests.redaction.lookalikes import lookalikes


@dataclass
class Figures:
    secrets: int = 0
    found: int = 0
    lookalikes: int = 0
    false: int = 0
    missed: list[Example] = field(default_factory=list)
    wrong: list[tuple[Example, str, bytes]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.found / self.secrets

    @property
    def precision(self) -> float:
        return self.found / (self.found + self.false)


def measure(examples: Iterable[Example], finder: Finder) -> Figures:
    """A secret is found when nothing of it is left; a finding that holds no part of a secret is false."""
    figures = Figures()
    for example in examples:
        data = example.text.encode()
        findings = finder.find(data)
        places = [(data.index(secret.encode()), secret.encode()) for secret in example.secrets]
        figures.lookalikes += not places
        for start, secret in places:
            figures.secrets += 1
            covered = any(f.start <= start and f.end >= start + len(secret) for f in findings)
            figures.found += covered
            if not covered:
                figures.missed.append(example)
        for finding in findings:
            if not any(finding.start < start + len(secret) and finding.end > start for start, secret in places):
                figures.false += 1
                figures.wrong.append((example, finding.rule, data[finding.start : finding.end]))
    return figures


def main() -> None:
    figures = measure([*secrets(), *lookalikes()], Finder())
    print(f"secrets {figures.secrets}, found {figures.found}, recall {figures.recall:.4f}")
    print(f"look-alikes {figures.lookalikes}, false findings {figures.false}, precision {figures.precision:.4f}")
    for family, count in Counter(example.family for example in figures.missed).items():
        print(f"  missed {family}: {count}")
    for example, rule, _ in figures.wrong:
        print(f"  false {rule} in {example.family}")


if __name__ == "__main__":
    main()
