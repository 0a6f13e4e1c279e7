"""The one way from options, environment and files to Settings. All problems are found before any is reported."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from proxy_core.config import redis_url, values
from proxy_core.config.backends import key_variable, read_backends
from proxy_core.config.files import Document, read_document, read_dotenv
from proxy_core.config.problems import ConfigError, Problem
from proxy_core.config.providers import DEMO, INTERCEPTED
from proxy_core.config.routes import complaint
from proxy_core.config.settings import (
    Failover,
    HistorySettings,
    Limits,
    LogSettings,
    LoopSettings,
    NetworkSettings,
    RecordSettings,
    RedactionSettings,
    ReplaySettings,
    SavedRoute,
    Settings,
    with_loops_entry,
)
from proxy_core.config.sources import Sources
from proxy_core.config.urls import host_and_port
from proxy_core.routing.rests import Patience
from proxy_core.routing.upstreams import Backend

ROOT = Path(__file__).resolve().parents[2]
"""Where the addons.yaml that comes with Parley lies."""
FILE_NAME = "addons.yaml"
_MIB = 1024 * 1024
_NAMES_OF_FAILOVER = {
    "connect_timeout": "connect",
    "first_byte_timeout": "first_byte",
    "total_timeout": "total",
    "breaker_failures": "failures",
    "breaker_pause": "first_break",
    "breaker_longest_pause": "longest_break",
    "retry_budget": "budget",
    "retry_budget_share": "budget_share",
}
_PATIENCE = {field.name for field in fields(Patience)}
_HOST_PATTERN = re.compile(r"(\*\.)?[A-Za-z0-9._-]+(:(\d{1,5}|\*))?")


def load_settings(options: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> Settings:
    """`options` are those given on the command line, by name (proxy_core.config.options).

    Raises ConfigError with every problem found; no secret is part of it.
    """
    sources = open_sources(options, environ, cwd)
    settings = read_settings(sources, cwd)
    if sources.problems:
        raise ConfigError(sources.problems)
    return settings


def open_sources(options: Mapping[str, Any], environ: Mapping[str, str], cwd: Path) -> Sources:
    """Everything that may say something, read but not yet judged."""
    problems: list[Problem] = []
    sources = Sources(options, environ, read_dotenv(cwd / ".env", problems), (), problems)
    sources.documents = _documents(cwd, sources.get("config"), problems)
    return sources


def read_settings(sources: Sources, cwd: Path) -> Settings:
    """Whatever can be made of the sources; only to be used as long as `sources.problems` stays empty."""
    named = sources.get("config")
    return _assemble(sources, cwd / Path(named).expanduser() if named else _home_file(cwd))


def _home_file(cwd: Path) -> Path:
    """The addons.yaml to write to: the working directory's, else the one that comes with Parley."""
    local, shipped = cwd / FILE_NAME, ROOT / FILE_NAME
    return shipped if shipped.exists() and not local.exists() else local


def _documents(cwd: Path, named: str | None, problems: list[Problem]) -> tuple[Document, ...]:
    """The strongest first: --config, a config.json with primary_backends, addons.yaml."""
    paths = []
    if named and (cwd / Path(named).expanduser()).exists():  # it need not exist before the first setting is saved
        paths.append((cwd / Path(named).expanduser(), named))
    if _has_primary_backends(cwd / "config.json"):
        paths.append((cwd / "config.json", "config.json"))
    if _home_file(cwd).exists():
        paths.append((_home_file(cwd), FILE_NAME))
    unique = {path.resolve(): (path, source) for path, source in reversed(paths)}
    documents = [read_document(path, source, problems) for path, source in reversed(unique.values())]
    return tuple(document for document in documents if document)


def _has_primary_backends(path: Path) -> bool:
    """Whether a config.json is meant for us; many programs have a file of that name."""
    try:
        return '"primary_backends"' in path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False


def _assemble(sources: Sources, config_file: Path) -> Settings:
    backends = read_backends(sources)
    client_key = sources.get("client_key")
    return Settings(
        host=sources.get("host"),
        port=sources.get("port"),
        proxy_host=sources.get("http_proxy_host"),
        proxy_port=sources.get("http_proxy_port"),
        default_backend=_default_backend(sources, backends),
        backends=backends,
        client_key=client_key or "parley-" + secrets.token_urlsafe(32),
        client_key_generated=client_key is None,
        auth_disabled=_auth_disabled(sources),
        aliases=_aliases(sources),
        models=_merged(sources, "models"),
        routes=_routes(sources),
        timeout=sources.get("timeout"),
        command_prefix=sources.get("command_prefix"),
        log=LogSettings(_path(sources.get("log")), sources.get("log_level")),
        config_file=config_file,
        interactive=not sources.get("disable_interactive_mode"),
        interactive_commands=not sources.get("disable_interactive_commands"),
        force_project=sources.get("force_set_project"),
        redact=not sources.get("disable_redact_api_keys_in_prompts"),
        redaction=_redaction(sources),
        loops=_loops(sources),
        model_list_url=sources.get("model_list_url"),
        model_list_token=sources.get("model_list_auth_token"),
        database_url=_storage_url(sources, "database_url", ("sqlite", "postgresql", "postgres")),
        redis_url=_redis_url(sources),
        site_url=sources.get("app_site_url"),
        site_title=sources.get("app_x_title"),
        intercept_hosts=_intercept_hosts(sources, backends),
        limits=_limits(sources),
        network=_network(sources),
        failover=_failover(sources),
        exact_usage=sources.get("exact_usage"),
        history=_history(sources),
        record=_record(sources),
        replay=_replay(sources),
        sources=sources.origins,
        notes=tuple(dict.fromkeys(sources.notes)),
    )


def _path(value: str | None) -> Path | None:
    return Path(value).expanduser() if value else None


def _default_backend(sources: Sources, backends: Mapping[str, Backend]) -> str:
    """The one that was named; else the first with a key, else the first that needs none, else demo."""
    named = sources.get("default_backend")
    if named is None:
        own = [backend for backend in backends.values() if backend.name != DEMO]
        return next(
            (backend.name for usable in (_has_key, _is_usable) for backend in own if usable(backend)),
            DEMO,
        )
    name = named.lower()
    origin = sources.origins["default_backend"]
    if name not in backends:
        known = ", ".join(sorted(backends))
        sources.problems.append(Problem("default backend", f"{named!r} is not known.", f"Known: {known}.", origin))
    elif not backends[name].usable:
        remedy = f"Set {key_variable(name)}, or choose another backend."
        sources.problems.append(Problem("default backend", f"{named!r} has no key.", remedy, origin))
    return name


def _has_key(backend: Backend) -> bool:
    return bool(backend.keys)


def _is_usable(backend: Backend) -> bool:
    return backend.usable


def _auth_disabled(sources: Sources) -> bool:
    if not sources.get("disable_auth"):
        return False
    for name in ("host", "http_proxy_host"):
        address = sources.get(name)
        if not values.is_loopback(address):
            reason = f"would let anyone in who reaches {address}."
            remedy = "Bind to 127.0.0.1, or leave authentication on."
            sources.problems.append(Problem("--disable-auth", reason, remedy, sources.origins["disable_auth"]))
    return True


def _merged(sources: Sources, section: str) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for document in reversed(sources.documents):
        merged.update(getattr(document.content, section))
    return merged


def _aliases(sources: Sources) -> dict[str, str]:
    aliases = _merged(sources, "aliases")
    for alias in aliases:
        seen = [alias]
        while (following := aliases.get(seen[-1])) and following not in seen:
            seen.append(following)
        if following == alias:
            circle = " -> ".join([*seen, alias])
            sources.problems.append(Problem(f"aliases.{alias}", f"goes in a circle: {circle}.", "End it at a model."))
    return aliases


def _routes(sources: Sources) -> dict[str, SavedRoute]:
    entries = [document.content.settings.failover_routes for document in sources.documents]
    names = {name for routes in entries for name in routes}
    routes = {}
    for document, found in reversed(list(zip(sources.documents, entries, strict=True))):
        for name, entry in found.items():
            routes[name] = SavedRoute(entry.policy, tuple(entry.elements), entry.hedge_after)
            for index, element in enumerate(entry.elements):
                if wrong := complaint(element, entry.policy, names):
                    sources.problems.append(_element_problem(document, name, index, *wrong))
    return routes


def _element_problem(document: Document, route: str, index: int, reason: str, remedy: str) -> Problem:
    location = ("settings", "failover_routes", route, "elements", index)
    field = f"settings.failover_routes.{route}.elements[{index}]"
    return Problem(field, reason, remedy, document.source, document.line(*location))


def _loops(sources: Sources) -> LoopSettings:
    """The files' `loops`, then what the environment says."""
    loops = LoopSettings()
    for document in reversed(sources.documents):
        loops = with_loops_entry(loops, document.content.loops)
    names = ("enabled", "buffer_size", "max_pattern_length", "analysis_interval")
    counts = ("min_repetitions_short", "min_repetitions_medium", "min_repetitions_long")
    found = {name: sources.get(f"loop_detection_{name}") for name in (*names, *counts)}
    given = {name: value for name, value in found.items() if sources.is_given(f"loop_detection_{name}")}
    return replace(loops, **given)


def _redaction(sources: Sources) -> RedactionSettings:
    """Modes by the strongest document; rules and allowances of all."""
    redaction = RedactionSettings()
    for entry in (document.content.redaction for document in reversed(sources.documents)):
        redaction = RedactionSettings(
            mode=entry.mode or redaction.mode,
            own_keys=entry.own_keys or redaction.own_keys,
            rules=(*entry.rules, *redaction.rules),
            allow=(*entry.allow, *redaction.allow),
        )
    return redaction


def _storage_url(sources: Sources, name: str, schemes: tuple[str, ...]) -> str | None:
    """Checked by its scheme alone; its text may hold a password and is never shown."""
    url = sources.get(name)
    if url and url.partition("://")[0].partition("+")[0].lower() not in schemes:
        wanted = " or ".join(f"{scheme}://…" for scheme in schemes[:2])
        env = "PARLEY_" + name.upper()
        sources.problems.append(Problem(env, "has an unknown scheme.", f"Write {wanted}.", sources.origins[name]))
    return url


def _redis_url(sources: Sources) -> str | None:
    url = sources.get("redis_url")
    wrong = redis_url.complaint(url) if url else None
    if wrong:
        sources.problems.append(Problem("PARLEY_REDIS_URL", *wrong, sources.origins["redis_url"]))
    return url


def _intercept_hosts(sources: Sources, backends: Mapping[str, Backend]) -> tuple[str, ...]:
    hosts = dict.fromkeys(f"{host}:*" for host in INTERCEPTED)
    hosts.update(dict.fromkeys(host_and_port(backend.base_url) for backend in backends.values()))
    for document in sources.documents:
        for index, host in enumerate(document.content.intercept):
            if not _HOST_PATTERN.fullmatch(host):
                line = document.line("intercept", index)
                remedy = "Write api.example.com, *.example.com or api.example.com:8443."
                problem = Problem(f"intercept[{index}]", f"{host!r} is no host.", remedy, document.source, line)
                sources.problems.append(problem)
            hosts[host.lower() if ":" in host else f"{host.lower()}:*"] = None
    return tuple(hosts)


def _network(sources: Sources) -> NetworkSettings:
    entries = [document.content.network for document in sources.documents]
    return NetworkSettings(
        hosts=tuple(dict.fromkeys(host.lower() for entry in entries for host in entry.hosts)),
        origins=tuple(dict.fromkeys(origin for entry in entries for origin in entry.origins)),
        allow=tuple(dict.fromkeys(network for entry in entries for network in entry.allow)),
    )


def _limits(sources: Sources) -> Limits:
    limits = Limits()
    for document in reversed(sources.documents):
        entry = document.content.limits
        given = {
            "body": entry.body_mib and entry.body_mib * _MIB,
            "decoded": entry.decoded_mib and entry.decoded_mib * _MIB,
            "flows": entry.flows,
            "flows_bytes": entry.flows_mib and entry.flows_mib * _MIB,
            "headers": entry.header_kib and entry.header_kib * 1024,
            "json_depth": entry.json_depth,
            "streams": entry.streams,
            "streams_per_client": entry.streams_per_client,
            "idle": entry.idle_seconds,
            "request": entry.request_seconds,
            "silence": entry.silence_seconds,
            "reading": entry.reading_seconds,
            "sharing": entry.redis_ms and entry.redis_ms / 1000,
        }
        limits = replace(limits, **{name: value for name, value in given.items() if value})
    return limits


def _failover(sources: Sources) -> Failover:
    failover = Failover()
    for document in reversed(sources.documents):
        given = {
            _NAMES_OF_FAILOVER.get(name, name): value
            for name, value in document.content.failover.model_dump(exclude_none=True).items()
        }
        patience = {name: given.pop(name) for name in _PATIENCE if name in given}
        failover = replace(failover, patience=replace(failover.patience, **patience), **given)
    return failover


def _history(sources: Sources) -> HistorySettings:
    """The files' `history`, the strongest last, then the option."""
    history = HistorySettings()
    for document in reversed(sources.documents):
        entry = document.content.history
        given = {
            "enabled": entry.enabled,
            "directory": entry.directory and Path(entry.directory).expanduser(),
            "max_bytes": entry.max_mib and int(entry.max_mib * _MIB),
            "keep": entry.keep,
        }
        history = replace(history, **{name: value for name, value in given.items() if value is not None})
    wanted = sources.get("history")
    return replace(history, enabled=wanted) if sources.is_given("history") else history


def _record(sources: Sources) -> RecordSettings | None:
    file = _path(sources.get("record"))
    return RecordSettings(file, sources.get("record_session")) if file else None


def _replay(sources: Sources) -> ReplaySettings | None:
    file, fast = _path(sources.get("replay")), sources.get("replay_fast")
    if file and not file.is_file():
        origin = sources.origins["replay"]
        sources.problems.append(Problem("--replay", f"{str(file)!r} is no file.", "Name a recording.", origin))
    return ReplaySettings(file, fast) if file else None
