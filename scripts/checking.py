"""`parley check`: what is in force and from where, what is wrong, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from proxy_core.config import redis_url
from proxy_core.config.addresses import clash
from proxy_core.config.backends import key_variable
from proxy_core.config.load import open_sources, read_settings
from proxy_core.config.options import OPTIONS, PROVIDERS, Option
from proxy_core.config.problems import Problem
from proxy_core.config.settings import Settings
from proxy_core.config.sources import Sources
from proxy_core.routing.upstreams import Backend


def check(given: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> int:
    """Prints the report. 1 when the proxy would not start."""
    sources = open_sources(given, environ, cwd)
    settings = read_settings(sources, cwd)
    problems = tuple(dict.fromkeys(sources.problems))
    if clashing := clash((settings.host, settings.port), (settings.proxy_host, settings.proxy_port)):
        problems = (*problems, clashing)
    parts = (_options(sources), _backends(settings), _files(sources, settings), _sharing(settings), _missing(settings))
    for line in chain.from_iterable(parts):
        print(line)
    for line in _problems(problems):
        print(line)
    return 1 if problems else 0


def _options(sources: Sources) -> Iterator[str]:
    yield "Options"
    for option in OPTIONS:
        value = sources.get(option.name)
        yield f"  {option.name:<38} {_shown(option, value):<34} {sources.origins[option.name]}"


def _shown(option: Option, value: Any) -> str:
    if value is None:
        return "-"
    if option.secret:
        return "(set)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _backends(settings: Settings) -> Iterator[str]:
    yield "\nBackends"
    for backend in settings.backends.values():
        default = " (default)" if backend.name == settings.default_backend else ""
        yield f"  {backend.name:<16} {backend.protocol:<17} {backend.base_url:<52} {_credentials(backend)}{default}"


def _credentials(backend: Backend) -> str:
    if backend.credentials == "client":
        return "the client's own key"
    if backend.keys:
        return f"{len(backend.keys)} key{'s'[: len(backend.keys) > 1]}"
    return "needs no key" if backend.key_optional else "no key"


def _files(sources: Sources, settings: Settings) -> Iterator[str]:
    yield "\nFiles"
    for document in sources.documents:
        yield f"  read      {document.source}"
    yield f"  saved to  {settings.config_file}"


def _sharing(settings: Settings) -> Iterator[str]:
    if settings.redis_url and not redis_url.complaint(settings.redis_url):
        yield "\nSharing"
        yield f"  sessions and resting keys, with all instances at Redis {redis_url.shown(settings.redis_url)}"


def _missing(settings: Settings) -> Iterator[str]:
    without = [backend.name for backend in settings.backends.values() if not backend.usable]
    if without or settings.client_key_generated:
        yield "\nMissing"
    for name in without:
        several = f", or {key_variable(name)}_1 to _20" if name in PROVIDERS else ""
        yield f"  {name}: set {key_variable(name)}{several}"
    if settings.client_key_generated and not settings.auth_disabled:
        yield "  the clients' key: one is made at every start; set LLM_INTERACTIVE_PROXY_API_KEY to keep one"
    for note in settings.notes:
        yield f"  {note}"
    if settings.client_key_generated and settings.redis_url:
        yield "  the clients' key: instances that share a Redis need the same one; set LLM_INTERACTIVE_PROXY_API_KEY"
    if not any(backend.keys for backend in settings.backends.values()):
        yield f"  no backend has a key: {settings.default_backend} answers"


def _problems(problems: Sequence[Problem]) -> Iterator[str]:
    if not problems:
        yield "\nNo problem found."
        return
    yield f"\n{len(problems)} problem{'s'[: len(problems) > 1]}; the proxy would not start:"
    yield from (f"  {problem}" for problem in problems)
