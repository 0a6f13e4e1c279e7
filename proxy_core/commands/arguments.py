"""A command's arguments, as its effect asks for them."""

from __future__ import annotations

from proxy_core.commands.draft import CommandError
from proxy_core.commands.grammar import Argument, nearest


class Arguments:
    def __init__(self, arguments: tuple[Argument, ...]) -> None:
        self._arguments = arguments
        self.bare = tuple(argument.value for argument in arguments if argument.key is None)
        self.pairs = tuple((argument.key, argument.value) for argument in arguments if argument.key is not None)

    def __bool__(self) -> bool:
        return bool(self._arguments)

    def named(self, key: str) -> str | None:
        """The value of `key`, the last of several."""
        return dict(self.pairs).get(key)

    def all_named(self, *keys: str) -> list[str]:
        return [value for key, value in self.pairs if key in keys]

    def only(self, *keys: str, bare: bool | None = None) -> None:
        """Raises CommandError for a key that is none of `keys`; one bare value may stand for the only key."""
        for key, _ in self.pairs:
            if key not in keys:
                near = nearest(key, keys)
                meant = f" - did you mean '{near}'?" if near else ""
                allowed = f"; allowed: {', '.join(keys)}" if keys else "; there are none here"
                raise CommandError(f"unknown argument '{key}'{meant}{allowed}")
        if bare is None and len(self.bare) > (1 if len(keys) == 1 else 0):
            raise CommandError(f"'{self.bare[-1]}' is no argument; allowed: {', '.join(keys) or 'none'}")
