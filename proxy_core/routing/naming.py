"""From the name a client asks for to a backend and the name that backend knows the model by."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from proxy_core.config.providers import BUILT_IN
from proxy_core.config.settings import Settings
from proxy_core.errors import ParleyError, invalid, not_found
from proxy_core.routing.upstreams import Backend

type Listed = Mapping[str, Collection[str]]

_PREFIX = re.compile(r"([^:/]+)([:/])(.*)", re.DOTALL)
_ANY = re.compile("")
_NONE = re.compile(r"(?!)")
_GEMINI_RESOURCE = "models/"
"""Gemini's own lists say `models/gemini-2.5-pro`: https://ai.google.dev/api/models"""


@dataclass(frozen=True, slots=True)
class Resolved:
    """`model` is "" when the client named none, or only a backend."""

    backend: str
    model: str


_OWN_PREFIXES: dict[str, re.Pattern[str]] = {
    "openai": re.compile("ft:"),  # https://platform.openai.com/docs/guides/fine-tuning
    "gemini": re.compile("tunedModels/"),
    "anthropic": _NONE,
    "demo": _NONE,
    "openrouter": re.compile("[^:/]+/"),  # author/model, also with a variant: author/model:free
}
"""What may stand before a separator in a vendor's own ids; other dialects take anything (`qwen3:8b`, `meta/llama`)."""


def resolve(model: str, settings: Settings, listed: Listed) -> Resolved:
    """`listed` holds the models of each backend as far as they are known; a backend may be missing.

    Raises ParleyError (not found) when the name begins with a backend that there is not.
    """
    name = _unaliased(model.strip(), settings.aliases).removeprefix(_GEMINI_RESOURCE)
    return _prefixed(name, settings, listed) or _bare(name, settings, listed)


def _unaliased(name: str, aliases: Mapping[str, str]) -> str:
    seen: list[str] = []
    while name in aliases:
        if name in seen:
            raise invalid(f"The aliases {' -> '.join([*seen, name])} go in a circle; correct addons.yaml.", "model")
        seen.append(name)
        name = aliases[name]
    return name


def _prefixed(name: str, settings: Settings, listed: Listed) -> Resolved | None:
    """`backend:model` and `backend/model`; only the first separator counts, since ids hold both kinds themselves."""
    found = _PREFIX.fullmatch(name)
    if found is None:
        return None
    prefix, separator, rest = found.groups()
    backend = settings.backends.get(prefix.lower())
    if backend is None or (separator == "/" and not backend.usable and _is_anothers(name, settings, listed)):
        return None
    return Resolved(backend.name, rest.strip().removeprefix(_GEMINI_RESOURCE))


def _is_anothers(name: str, settings: Settings, listed: Listed) -> bool:
    """Whether `openai/gpt-5` is meant as OpenRouter's id of it, OpenAI itself having no key."""
    return _lister(name, settings, listed) is not None or _takes(name, settings.backends[settings.default_backend])


def _bare(name: str, settings: Settings, listed: Listed) -> Resolved:
    default = settings.backends[settings.default_backend]
    if not name or name in listed.get(default.name, ()):
        return Resolved(default.name, name)
    backend = _lister(name, settings, listed)
    if backend:
        return Resolved(backend, name)
    if _PREFIX.fullmatch(name) and not _takes(name, default):
        raise _unknown(name, settings, listed)
    return Resolved(default.name, name)


def _lister(name: str, settings: Settings, listed: Listed) -> str | None:
    """The default backend if it lists the model, else the first usable one that does."""
    order = [settings.backends[settings.default_backend], *settings.backends.values()]
    return next((backend.name for backend in order if backend.usable and name in listed.get(backend.name, ())), None)


def _takes(name: str, backend: Backend) -> bool:
    """Whether a name with a separator may be one of the backend's own ids."""
    if not backend.usable:
        return False
    elsewhere = backend.name in BUILT_IN and backend.base_url != BUILT_IN[backend.name][1]
    if elsewhere and _split(name)[1] == "/":
        return True  # a gateway of the user's own in the vendor's place
    return _OWN_PREFIXES.get(backend.dialect, _ANY).match(name) is not None


def _unknown(name: str, settings: Settings, listed: Listed) -> ParleyError:
    prefix = re.split("[:/]", name, maxsplit=1)[0]
    usable = ", ".join(backend.name for backend in settings.backends.values() if backend.usable)
    near = nearest(name, settings, listed)
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    return not_found(
        f"There is no backend '{prefix}' for model '{name}'.{meant} Backends: {usable}; GET /v1/models lists models.",
        "model",
    )


def nearest(name: str, settings: Settings, listed: Listed, count: int = 3) -> list[str]:
    """Names that exist and look like `name`, the likeliest first."""
    prefix, separator, rest = _split(name)
    names = list(settings.backends)
    backends = difflib.get_close_matches(prefix.lower(), names, n=1, cutoff=0.6) if prefix not in names else []
    known = list(dict.fromkeys(_known(settings, listed)))
    close = difflib.get_close_matches(name, known, n=count, cutoff=0.6)
    return list(dict.fromkeys([*(f"{backend}{separator}{rest}" for backend in backends if prefix), *close]))[:count]


def _split(name: str) -> tuple[str, str, str]:
    found = _PREFIX.fullmatch(name)
    return (found[1], found[2], found[3]) if found else ("", "", name)


def _known(settings: Settings, listed: Listed) -> Iterator[str]:
    yield from settings.routes
    yield from settings.aliases
    for backend, models in listed.items():
        yield from (f"{backend}:{model}" for model in models)
