"""The configuration as the rest of the program sees it: validated, whole, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from proxy_core.config.schema import LoopsEntry, ModelEntry, RedactionRule
from proxy_core.routing.rests import Patience
from proxy_core.routing.upstreams import Backend


@dataclass(frozen=True, slots=True)
class ToolLoopSettings:
    """`ttl` is in seconds: requests of one session that lie further apart are not counted together. `max_failures`
    is for calls that differ, but fail with the same words."""

    mode: Literal["break", "chance", "off"] = "chance"
    max_repeats: int = 5
    max_failures: int = 8
    ttl: float = 300.0


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """Sizes are in characters of the reply's text. A piece that repeats itself is a loop when it has come as often as
    the repetitions of its length say and all of it together is long enough: `min_length` in prose,
    `min_length_structured` in code, tables, rulers and data."""

    enabled: bool = True
    buffer_size: int = 2048
    max_pattern_length: int = 500
    analysis_interval: int = 64
    min_repetitions_short: int = 8
    min_repetitions_medium: int = 4
    min_repetitions_long: int = 3
    min_length: int = 500
    min_length_structured: int = 1800
    on_loop: Literal["end", "next_element", "steer"] = "end"
    tool: ToolLoopSettings = ToolLoopSettings()


@dataclass(frozen=True, slots=True)
class LogSettings:
    """`file` None: the terminal. Level "NONE" silences everything once the start has succeeded."""

    file: Path | None = None
    level: str = "INFO"


@dataclass(frozen=True, slots=True)
class RedactionSettings:
    """How secrets in requests are hidden; the proxy's own always are. `rules` come on top of the built-in ones."""

    mode: Literal["reversible", "one_way", "off"] = "reversible"
    own_keys: Literal["reversible", "one_way"] = "one_way"
    rules: tuple[RedactionRule, ...] = ()
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes; but levels of `json_depth`, numbers of flows and of streams under way, seconds from `idle` on: a
    connection between two requests, a request until all of it is there, silence within it, an answer that is not
    taken, a request that waits for what other proxies know."""

    body: int = 32 * 1024 * 1024
    decoded: int = 256 * 1024 * 1024
    flows: int = 2000
    flows_bytes: int = 512 * 1024 * 1024
    headers: int = 128 * 1024
    json_depth: int = 200
    streams: int = 4000
    streams_per_client: int = 2000
    idle: float = 600.0
    request: float = 300.0
    silence: float = 30.0
    reading: float = 300.0
    sharing: float = 0.1


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """`hosts` are further names of ours, `origins` the pages that may call us, `allow` the private networks (as
    addresses or CIDR) that requests may be sent to without being a configured backend."""

    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failover:
    """Seconds. `first_byte` None is the timeout between bytes; `total`, for one attempt, None is unlimited.

    A client that waits hears its protocol's keep-alive after `keep_alive_after` seconds of silence and then every
    `keep_alive_every`, once its head has been sent; with `early_head` the head is then sent for that, so that
    a failure of all attempts comes inside a 200. `after_content` says how an answer ends that breaks after its first
    content: with the protocol's terminal error, or by hanging up; or "continue": the next attempt goes on in the same
    answer, and the error comes when nobody can.

    `hedge_after`: an attempt that has generated nothing for so long gets another beside it; None or 0 is never.
    """

    connect: float = 10.0
    first_byte: float | None = None
    total: float | None = None
    keep_alive_after: float = 15.0
    keep_alive_every: float = 15.0
    early_head: bool = False
    after_content: Literal["error", "abort", "continue"] = "error"
    hedge_after: float | None = None
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """`max_bytes` is the size of a file, `keep` how many full ones of a session stay. `directory` None is the default
    one (proxy_core.history.files)."""

    enabled: bool = False
    directory: Path | None = None
    max_bytes: int = 16 * 1024 * 1024
    keep: int = 3


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """Where the traffic is written to, and whose: `session` None means everybody's."""

    file: Path
    session: str | None = None


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """The recording that answers in place of all backends; `fast`: without its pauses."""

    file: Path
    fast: bool = False


@dataclass(frozen=True, slots=True)
class SavedRoute:
    """Elements are `backend:model`, with a weight in policy "rr": `backend:model*3`. `hedge_after` is in seconds, 0
    for never, None where the route says nothing."""

    policy: Literal["k", "m", "km", "mk", "rr"]
    elements: tuple[str, ...] = ()
    hedge_after: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """`backends` always holds "demo". `sources` says where each option's value came from, for `parley check`.

    `intercept_hosts` are `host:port`; a port of `*` means any.
    """

    host: str
    port: int
    proxy_host: str
    proxy_port: int
    default_backend: str
    backends: dict[str, Backend] = field(repr=False)
    client_key: str = field(repr=False)
    client_key_generated: bool = False
    auth_disabled: bool = False
    aliases: Mapping[str, str] = field(default_factory=dict)
    models: Mapping[str, ModelEntry] = field(default_factory=dict)
    routes: Mapping[str, SavedRoute] = field(default_factory=dict)
    timeout: float = 300.0
    command_prefix: str = "!/"
    log: LogSettings = LogSettings()
    config_file: Path | None = None
    """Where persistent settings and routes are written."""
    interactive: bool = True
    interactive_commands: bool = True
    force_project: bool = False
    redact: bool = True
    redaction: RedactionSettings = RedactionSettings()
    loops: LoopSettings = LoopSettings()
    model_list_url: str | None = None
    model_list_token: str | None = field(default=None, repr=False)
    database_url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    site_url: str | None = None
    site_title: str | None = None
    intercept_hosts: tuple[str, ...] = ()
    limits: Limits = Limits()
    network: NetworkSettings = NetworkSettings()
    failover: Failover = Failover()
    exact_usage: bool = False
    history: HistorySettings = HistorySettings()
    record: RecordSettings | None = None
    replay: ReplaySettings | None = None
    notes: tuple[str, ...] = ()
    """What was found in the environment and is not used, in words."""
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> frozenset[str]:
        """Every key and token known here; none may be seen by anyone."""
        keys = [key for backend in self.backends.values() for key in backend.keys]
        return frozenset(filter(None, [*keys, self.client_key, self.model_list_token]))

    def override(self, backend: str, model: str) -> ModelEntry | None:
        """What addons.yaml says about a model, the more exact name first."""
        return self.models.get(f"{backend}:{model}") or self.models.get(model)

    def loops_of(self, backend: str, model: str) -> LoopSettings:
        entry = self.override(backend, model)
        return with_loops_entry(self.loops, entry.loops) if entry and entry.loops else self.loops

    def keys_of(self, backend: str) -> tuple[str, ...]:
        return self.backends[backend].keys


def with_loops_entry(loops: LoopSettings, entry: LoopsEntry) -> LoopSettings:
    """`loops`, and what the entry says otherwise."""
    given = entry.model_dump(exclude_none=True, exclude={"tool"})
    tool = entry.tool.model_dump(exclude_none=True) if entry.tool else {}
    return replace(loops, **given, tool=replace(loops.tool, **tool))
