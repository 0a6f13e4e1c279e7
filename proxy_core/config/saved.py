"""Settings and routes that outlast the program: changed by command, written to a file, in force at once.

A flag or an environment variable wins over the file. A setting that is saved all the same counts once that is gone;
`Saved.note` says so.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from proxy_core.config import values
from proxy_core.config.atomic import locked, replace_whole
from proxy_core.config.backends import key_variable
from proxy_core.config.edit import Unchangeable, put, remove
from proxy_core.config.files import parse_tree, read_text
from proxy_core.config.load import FILE_NAME
from proxy_core.config.options import OPTIONS, Option
from proxy_core.config.problems import ConfigError
from proxy_core.config.routes import POLICIES, complaint
from proxy_core.config.settings import SavedRoute, Settings
from proxy_core.errors import Fault, FaultKind, ParleyError, invalid, not_found
from proxy_core.routing.naming import resolve
from proxy_core.routing.plan import split_weight

type Edit = Callable[[str], str]

_ROUTES = "failover_routes"
_ROUTE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_READERS: dict[str, Callable[[Any], Any]] = {
    "default_backend": values.text,
    "interactive_mode": values.switch,
    "redact_api_keys_in_prompts": values.switch,
    "command_prefix": values.prefix,
    "loop_detection": values.switch,
}
_SHORT = {
    "interactive": "interactive_mode",
    "redact": "redact_api_keys_in_prompts",
    "prefix": "command_prefix",
}
_OPTION: dict[str, Option] = {option.setting: option for option in OPTIONS if option.setting}
NAMES = tuple(_READERS)
"""What `set` and `unset` take."""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a change. `file` is where it was written; `stronger` names what wins over it, by setting."""

    file: str
    stronger: Mapping[str, str] = field(default_factory=dict)

    @property
    def shadowed(self) -> bool:
        return bool(self.stronger)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why the change has no effect yet, where that is so."""
        return tuple(
            f"{name.replace('_', '-')} is saved in {self.file}, but {source} wins over it until that is removed"
            for name, source in self.stronger.items()
        )

    @property
    def note(self) -> str:
        """For the end of a confirmation: "saved in addons.yaml"."""
        return "; ".join(self.warnings) or f"saved in {self.file}"


class SavedSettings:
    """`settings` gives those in force; `reload` reads the files anew and raises ConfigError when they are wrong.
    `listed` gives the models of each backend as far as they are known.

    Everything that changes raises ParleyError and then has changed nothing, unless its message says otherwise.
    """

    def __init__(
        self,
        settings: Callable[[], Settings],
        reload: Callable[[], None],
        listed: Callable[[], Mapping[str, Collection[str]]] = dict,
    ) -> None:
        self._settings = settings
        self._reload = reload
        self._listed = listed

    def save(self, settings: Mapping[str, Any], routes: Mapping[str, SavedRoute | None]) -> Saved:
        """All of it in one write; None takes a setting or a route out of the file."""
        values_of = {_setting(name): self._checked(name, value) for name, value in settings.items()}
        for name, route in routes.items():
            self._check_route(name, route)

        def edit(text: str) -> str:
            for setting, value in values_of.items():
                place = _place(text, setting, self._file)
                text = _without(text, place) if value is None else put(text, place, value)
            for name, route in routes.items():
                text = self._without_route(text, name) if route is None else self._with_route(text, name, route)
            return text

        self._change(edit)
        return self._saved(values_of)

    def set(self, name: str, value: Any) -> Saved:
        return self.save({name: value}, {})

    def unset(self, name: str) -> Saved:
        """The file no longer says anything about it; nothing is written where it did not."""
        return self.save({name: None}, {})

    def routes(self) -> Mapping[str, SavedRoute]:
        return self._settings().routes

    def route(self, name: str) -> SavedRoute:
        """Raises ParleyError when there is none of that name."""
        found = self.routes().get(name)
        if found is None:
            near = difflib.get_close_matches(name, self.routes(), n=1)
            meant = f" Did you mean '{near[0]}'?" if near else f" Routes: {', '.join(self.routes()) or 'none yet'}."
            raise not_found(f"There is no route '{name}'.{meant}")
        return found

    def create_route(self, name: str, policy: str) -> Saved:
        """A route that is there already gets the policy and keeps its elements."""
        _check_policy(policy)
        return self._edit_route(name, lambda route: replace(route, policy=policy))  # type: ignore[arg-type]

    def delete_route(self, name: str) -> Saved:
        self.route(name)
        return self.save({}, {name: None})

    def append(self, name: str, elements: Sequence[str]) -> Saved:
        """An element that is in the route already moves."""
        added = self._elements(name, elements)
        return self._edit_route(name, lambda route: replace(route, elements=(*_others(route, added), *added)))

    def prepend(self, name: str, elements: Sequence[str]) -> Saved:
        added = self._elements(name, elements)
        return self._edit_route(name, lambda route: replace(route, elements=(*added, *_others(route, added))))

    def clear(self, name: str) -> Saved:
        self.route(name)
        return self._edit_route(name, lambda route: replace(route, elements=()))

    @property
    def _file(self) -> Path:
        return self._settings().config_file or Path(FILE_NAME)

    def _checked(self, name: str, value: Any) -> Any:
        setting = _setting(name)
        if value is None:
            return None
        try:
            read = _READERS[setting](value)
        except ValueError as error:
            raise invalid(f"'{setting.replace('_', '-')}' {error}") from None
        return self._usable_backend(read) if setting == "default_backend" else read

    def _usable_backend(self, name: str) -> str:
        """The next start would end with an error if the default backend had no key."""
        known = self._settings().backends
        backend = known.get(name.lower())
        if backend is None:
            near = difflib.get_close_matches(name.lower(), known, n=1)
            meant = f" Did you mean '{near[0]}'?" if near else ""
            raise not_found(f"There is no backend '{name}'.{meant} Backends: {', '.join(known)}.")
        if not backend.usable:
            raise invalid(f"Backend '{backend.name}' has no key; set {key_variable(backend.name)} first.")
        return backend.name

    def _check_route(self, name: str, route: SavedRoute | None) -> None:
        if route is None:
            return
        if not _ROUTE_NAME.fullmatch(name):
            raise invalid(
                f"'{name}' cannot name a route: a name has up to 64 letters, digits, '.', '_' and '-', "
                "and begins with a letter or digit."
            )
        _check_policy(route.policy)
        for element in route.elements:
            if wrong := complaint(element, route.policy, {*self.routes(), name}):
                raise invalid(" ".join(wrong))

    def _elements(self, name: str, elements: Iterable[str]) -> tuple[str, ...]:
        """Cleaned, and each known to lead to a backend."""
        policy = self.route(name).policy
        cleaned = dict.fromkeys(element.strip() for element in elements if element.strip())
        if not cleaned:
            raise invalid(f"Name at least one model for route '{name}': backend:model.")
        self._check_route(name, SavedRoute(policy, tuple(cleaned)))
        for element in cleaned:
            resolve(split_weight(element)[0], self._settings(), self._listed())
        return tuple(cleaned)

    def _edit_route(self, name: str, change: Callable[[SavedRoute], SavedRoute]) -> Saved:
        """`change` gets the route as the file has it at that moment."""
        self._check_route(name, SavedRoute("k"))

        def edit(text: str) -> str:
            held = _at(text, (*_place(text, _ROUTES, self._file), name))
            known = _route_of(held) if held is not None else self.routes().get(name, SavedRoute("k"))
            return self._with_route(text, name, change(known))

        self._change(edit)
        return Saved(self._file.name)

    def _with_route(self, text: str, name: str, route: SavedRoute) -> str:
        place = (*_place(text, _ROUTES, self._file), name)
        held = _at(text, place)
        if held is None:
            hedged = {} if route.hedge_after is None else {"hedge_after": route.hedge_after or "off"}
            return put(text, place, {"policy": route.policy, "elements": list(route.elements), **hedged})
        if _route_of(held).policy != route.policy:
            text = put(text, (*place, "policy"), route.policy)
        if _route_of(held).elements != route.elements:
            text = put(text, (*place, "elements"), list(route.elements))
        return text

    def _without_route(self, text: str, name: str) -> str:
        place = (*_place(text, _ROUTES, self._file), name)
        if _at(text, place) is None:
            raise invalid(f"Route '{name}' does not stand in {self._file.name} but in another file; remove it there.")
        return remove(text, place)

    def _change(self, edit: Edit) -> None:
        """Writes what `edit` makes of the file, and puts it in force."""
        path = self._file.resolve()
        try:
            with locked(path.parent):
                written = any(_attempt(path, edit) for _ in range(_TRIES))
        except BlockingIOError:
            raise _busy(path) from None
        except OSError as error:
            raise _unwritable(path, error) from error
        if not written:
            raise _busy(path)
        try:
            self._reload()
        except ConfigError as error:
            raise invalid(
                f"Saved in {path.name}, but it is not in force, since the settings are wrong: {error}"
            ) from None

    def _saved(self, changed: Iterable[str]) -> Saved:
        named = {setting: self._stronger(setting) for setting in changed}
        return Saved(self._file.name, {setting: source for setting, source in named.items() if source})

    def _stronger(self, setting: str) -> str | None:
        """Where the value in force comes from, when that is not the file or something weaker."""
        option = _OPTION[setting]
        origin = self._settings().sources.get(option.name, "default")
        place = re.sub(r":\d+$", "", origin)
        named = {
            "command line": f"the flag {option.flag}",
            "environment": f"the variable {option.env}",
            ".env": f"{option.env} in .env",
        }
        if place in named:
            return named[place]
        return None if place in ("default", FILE_NAME) or Path(place).name == self._file.name else origin


def _setting(name: str) -> str:
    setting = name.strip().lower().replace("-", "_")
    setting = _SHORT.get(setting, setting)
    if setting not in _READERS:
        shown = [known.replace("_", "-") for known in NAMES]
        near = difflib.get_close_matches(name.replace("_", "-"), shown, n=1)
        meant = f" Did you mean '{near[0]}'?" if near else ""
        raise invalid(f"'{name}' is no saved setting.{meant} There are {', '.join(shown)}.")
    return setting


def _place(text: str, setting: str, file: Path) -> tuple[str, ...]:
    """Where a setting stands, or is to stand: under `settings`, or at the top, as the earlier systems had it."""
    tree = parse_tree(text)
    nested = tree.get("settings")
    if isinstance(nested, dict) and setting in nested:
        return ("settings", setting)
    flat = {*_OPTION, _ROUTES} & {*tree}
    alone = not tree and file.name != FILE_NAME
    return (setting,) if setting in tree or (nested is None and (flat or alone)) else ("settings", setting)


def _at(text: str, place: Iterable[str]) -> Any:
    found = parse_tree(text)
    for step in place:
        if not isinstance(found, dict) or step not in found:
            return None
        found = found[step]
    return found


def _without(text: str, place: tuple[str, ...]) -> str:
    return text if _at(text, place) is None else remove(text, place)


def _others(route: SavedRoute, elements: Collection[str]) -> Iterable[str]:
    return (element for element in route.elements if element not in elements)


def _check_policy(policy: str) -> None:
    if policy not in POLICIES:
        raise invalid(f"'{policy}' is no policy; there are {', '.join(POLICIES)}.")


def _route_of(held: Any) -> SavedRoute:
    return SavedRoute(held.get("policy", "k"), tuple(held.get("elements", ())))


def _attempt(path: Path, edit: Edit) -> bool:
    """False when someone else wrote the file in the meantime."""
    before = _read(path)
    after = _edited(path, before, edit)
    if _read(path) != before:
        return False
    if after != before:
        replace_whole(path, after)
    return True


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _edited(path: Path, before: bytes | None, edit: Edit) -> bytes:
    """Read anew from the disk, so that what was changed by hand since the start is kept."""
    text = (before or b"").decode("utf-8", "surrogateescape")
    _check(path, text)
    windows = "\r\n" in text
    text = text.replace("\r\n", "\n")
    if path.suffix.lower() == ".json" and not text.strip():
        text = "{}\n"
    try:
        after = edit(text)
    except Unchangeable as error:
        raise invalid(f"{path.name} cannot be changed here: {error}. Edit it by hand.") from None
    _check(path, after)
    return (after.replace("\n", "\r\n") if windows else after).encode("utf-8", "surrogateescape")


def _check(path: Path, text: str) -> None:
    problems = []
    if read_text(text, path.name, problems) is None:
        told = "\n".join(str(problem) for problem in problems)
        raise invalid(f"{path.name} was left as it is, since something in it has to be corrected first: {told}")


def _busy(path: Path) -> ParleyError:
    return ParleyError(Fault(FaultKind.CONFLICT, f"{path.name} is being changed by someone else; try again."))


def _unwritable(path: Path, error: OSError) -> ParleyError:
    message = (
        f"{path} cannot be written ({error.strerror}); nothing was changed. Check it and its folder's permissions."
    )
    return ParleyError(Fault(FaultKind.INTERNAL, message))
