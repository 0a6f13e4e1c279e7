"""What every part of a request writer has to know."""

from __future__ import annotations

from dataclasses import dataclass

from proxy_core.profiles.target import Dialect, Target
from proxy_core.protocols.openai_chat.tables import NAME, TITLE, TURNS_FIELD
from proxy_core.turn.content import Extra, ProtocolName
from proxy_core.turn.losses import Losses


@dataclass(slots=True)
class Writing:
    """`own`: the client speaks chat completions too, so its extras are at home here."""

    target: Target
    losses: Losses
    origin: ProtocolName

    @property
    def own(self) -> bool:
        return self.origin == NAME

    @property
    def dialect(self) -> Dialect:
        return self.target.dialect

    @property
    def as_given(self) -> bool:
        """Whether the client's own words for what dialects differ in go on as they are."""
        return self.own and self.dialect.as_given

    def turn_path(self, index: int) -> str:
        return f"{TURNS_FIELD[self.origin]}[{index}]"

    def kept(self, extra: Extra, path: str) -> Extra:
        """The fields that go along; from another protocol none does. Notes of the reader never do."""
        if self.own:
            return {key: value for key, value in extra.items() if not key.startswith("_")}
        self.losses.drop_extra(path, extra, TITLE)
        return {}

    def cached(self, cache: Extra | None) -> Extra:
        if cache is None:
            return {}
        if self.dialect.cache_control or self.as_given:
            return {"cache_control": cache}
        self.losses.drop("cache_control", f"{self.dialect.name} has no marks for its prompt cache")
        return {}
