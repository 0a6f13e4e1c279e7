"""Where the value of an option comes from: command line, environment, .env, the files, its default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from proxy_core.config.files import Document, Variable
from proxy_core.config.options import BY_NAME, Option
from proxy_core.config.problems import Problem
from proxy_core.config.values import EXAMPLES, READERS


@dataclass(frozen=True, slots=True)
class Found:
    """A raw value, the name it was given under, and the place."""

    value: Any
    field: str
    source: str
    line: int | None = None
    negated: bool = False


@dataclass(slots=True)
class Sources:
    """`documents` are in order of precedence, the strongest first. `origins` fills as options are read."""

    given: Mapping[str, Any]
    environ: Mapping[str, str]
    dotenv: Mapping[str, Variable]
    documents: Sequence[Document]
    problems: list[Problem]
    origins: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What was found and is not used."""

    def variable(self, name: str) -> Variable | None:
        """An environment variable; an empty one counts as not set, and hides the one in .env."""
        found = self.dotenv.get(name)
        if name in self.environ:
            found = Variable(self.environ[name], "environment")
        return found if found and found.value.strip() else None

    def merged_environ(self) -> dict[str, str]:
        names = {*self.environ, *self.dotenv}
        return {name: found.value for name in names if (found := self.variable(name))}

    def get(self, name: str) -> Any:
        """The option's value; its default when it is given nowhere, or wrong (then a problem is noted)."""
        option = BY_NAME[name]
        found = self._find(option)
        if found is None:
            self.origins[name] = "default"
            return option.default
        self.origins[name] = f"{found.source}:{found.line}" if found.line else found.source
        try:
            value = READERS[option.kind](found.value)
        except ValueError as error:
            self._complain(option, found, str(error))
            return option.default
        return not value if found.negated else value

    def is_given(self, name: str) -> bool:
        return self._find(BY_NAME[name]) is not None

    def _complain(self, option: Option, found: Found, reason: str) -> None:
        shown = "" if option.secret else f"{str(found.value)[:60]!r} "
        example = EXAMPLES.get(option.kind)
        remedy = f"For example: {example}" if example else "Correct it."
        self.problems.append(Problem(found.field, shown + reason, remedy, found.source, found.line))

    def _find(self, option: Option) -> Found | None:
        return self._on_command_line(option) or self._in_environment(option) or self._in_files(option)

    def _on_command_line(self, option: Option) -> Found | None:
        value = self.given.get(option.name)
        if value is None or value == "":
            return None
        return Found(value, option.flag if option.has_flag else option.name, "command line")

    def _in_environment(self, option: Option) -> Found | None:
        found = self.variable(option.env)
        if found is None:
            return None
        return Found(found.value, option.env, found.source, found.line, negated=option.env_negates)

    def _in_files(self, option: Option) -> Found | None:
        if option.setting is None:
            return None
        for document in self.documents:
            value = getattr(document.content.settings, option.setting)
            if value is not None:
                line = document.line("settings", option.setting)
                negated = option.name.startswith("disable_")
                return Found(value, f"settings.{option.setting}", document.source, line, negated)
        return None
