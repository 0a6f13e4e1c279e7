"""The shape of addons.yaml, and of the JSON or YAML file that --config names; both take the same keys.

Unknown keys are errors: a misspelt one would otherwise be ignored in silence.
"""

from __future__ import annotations

from dataclasses import fields
from ipaddress import ip_network
from math import inf
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from proxy_core.config.expressions import expression
from proxy_core.profiles.target import ModelProfile
from proxy_core.turn.content import ProtocolName
from proxy_core.turn.request import Effort

type Policy = Literal["k", "m", "km", "mk", "rr"]

_PROFILE_FIELDS = {field.name for field in fields(ModelProfile)}
_PROTOCOL_NICKNAMES = {"openai": "openai_chat", "chat": "openai_chat", "responses": "openai_responses"}


def _protocol(value: Any) -> Any:
    return _PROTOCOL_NICKNAMES.get(value, value) if isinstance(value, str) else value


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _switched_off(value: Any) -> Any:
    return "off" if value is False else value  # YAML 1.1 habits: a bare `off` may be read as false


def _seconds_or_off(value: Any) -> Any:
    """0 means off."""
    if value is None or value is False or value == "off":
        return None if value is None else 0.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < inf:
        raise ValueError("is a number of seconds above 0, or off")
    return value


type HedgeAfter = Annotated[float | None, BeforeValidator(_seconds_or_off)]


def _profile_fields(value: dict[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(value) - _PROFILE_FIELDS):
        raise ValueError(f"unknown field {', '.join(unknown)}; known: {', '.join(sorted(_PROFILE_FIELDS))}")
    return value


class Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True)


class BackendEntry(Entry):
    """A backend of the user's own, or what differs for a built-in one (then `base_url` may be missing)."""

    protocol: Annotated[ProtocolName | None, BeforeValidator(_protocol)] = None
    base_url: str | None = None
    version: str | None = None
    """Appended to base_url when it names none; "" appends nothing."""
    dialect: str | None = None
    api_key: Annotated[list[SecretStr], BeforeValidator(_as_list)] = []
    key_env: str | None = None
    """The environment variable of the key, also numbered _1 to _20; default: NAME_API_KEY."""
    key_optional: bool | None = None
    """Default: true for addresses of this machine and its private network."""
    credentials: Literal["own", "client"] = "own"
    model: str | None = None
    models: list[str] = []
    headers: dict[str, str] = {}
    timeout: float | None = Field(default=None, gt=0)
    hedge_after: HedgeAfter = None
    """Seconds; beats what `failover` says, and a route's own beats this."""
    enabled: bool = True


class PrimaryBackend(Entry):
    """A transparent backend: takes the client's own Authorization, answers come back byte for byte."""

    name: str
    url: str = ""
    """Blank: https://api.openai.com/v1."""
    model: str = ""
    """Blank: the model that the client asks for."""


class RouteEntry(Entry):
    policy: Policy = "k"
    elements: list[str] = []
    hedge_after: HedgeAfter = None


class ToolLoopsEntry(Entry):
    mode: Annotated[Literal["break", "chance", "off"] | None, BeforeValidator(_switched_off)] = None
    max_repeats: int | None = Field(default=None, ge=2, le=1000)
    max_failures: int | None = Field(default=None, ge=2, le=1000)
    ttl: float | None = Field(default=None, gt=0)
    """Seconds."""


class LoopsEntry(Entry):
    """When a reply or a row of tool calls counts as a loop, and what is done then. Lengths are in characters."""

    enabled: bool | None = None
    buffer_size: int | None = Field(default=None, ge=64)
    max_pattern_length: int | None = Field(default=None, ge=1)
    analysis_interval: int | None = Field(default=None, ge=1)
    min_repetitions_short: int | None = Field(default=None, ge=2)
    min_repetitions_medium: int | None = Field(default=None, ge=2)
    min_repetitions_long: int | None = Field(default=None, ge=2)
    min_length: int | None = Field(default=None, ge=1)
    min_length_structured: int | None = Field(default=None, ge=1)
    on_loop: Literal["end", "next_element", "steer"] | None = None
    tool: ToolLoopsEntry | None = None


class ModelEntry(Entry):
    """What is known or wished about one model, by the name it is asked for or as backend:model."""

    profile: Annotated[dict[str, Any], AfterValidator(_profile_fields)] = {}
    temperature: float | None = Field(default=None, ge=0, le=2)
    reasoning_effort: Effort | None = None
    thinking_budget: int | None = Field(default=None, ge=0)
    prompt_price_1m: float | None = Field(default=None, ge=0)
    """US dollars per million tokens; so are the next three."""
    completion_price_1m: float | None = Field(default=None, ge=0)
    cache_read_price_1m: float | None = Field(default=None, ge=0)
    """Not said: as other input; so is the next."""
    cache_write_price_1m: float | None = Field(default=None, ge=0)
    loops: LoopsEntry | None = None


class SettingsEntry(Entry):
    """The saved settings. In-chat commands that are persistent write here."""

    host: str | None = None
    port: int | None = None
    http_proxy_host: str | None = None
    http_proxy_port: int | None = None
    default_backend: str | None = None
    timeout: float | None = None
    command_prefix: str | None = None
    log: str | None = None
    log_level: str | None = None
    interactive_mode: bool | None = None
    interactive_commands: bool | None = None
    force_set_project: bool | None = None
    redact_api_keys_in_prompts: bool | None = None
    loop_detection: bool | None = None
    exact_usage: bool | None = None
    failover_routes: dict[str, RouteEntry] = {}


class LimitsEntry(Entry):
    """Sizes in MiB."""

    body_mib: int | None = Field(default=None, ge=1, le=4096)
    decoded_mib: int | None = Field(default=None, ge=1, le=4096)
    flows: int | None = Field(default=None, ge=10)
    """How many exchanges mitmweb keeps."""
    flows_mib: int | None = Field(default=None, ge=1)
    header_kib: int | None = Field(default=None, ge=4, le=16384)
    json_depth: int | None = Field(default=None, ge=16, le=900)
    streams: int | None = Field(default=None, ge=1)
    """Answers under way at once."""
    streams_per_client: int | None = Field(default=None, ge=1)
    idle_seconds: float | None = Field(default=None, gt=0)
    request_seconds: float | None = Field(default=None, gt=0)
    silence_seconds: float | None = Field(default=None, gt=0)
    reading_seconds: float | None = Field(default=None, gt=0)
    redis_ms: int | None = Field(default=None, ge=1, le=10_000)
    """How long a request waits for what other instances know."""


def _network(value: str) -> str:
    return str(ip_network(value, strict=False))


class NetworkEntry(Entry):
    hosts: list[str] = []
    origins: list[str] = []
    allow: list[Annotated[str, AfterValidator(_network)]] = []


class FailoverEntry(Entry):
    """Seconds, unless the name says otherwise."""

    connect_timeout: float | None = Field(default=None, gt=0)
    first_byte_timeout: float | None = Field(default=None, gt=0)
    total_timeout: float | None = Field(default=None, gt=0)
    keep_alive_after: float | None = Field(default=None, ge=1, le=300)
    keep_alive_every: float | None = Field(default=None, ge=1, le=300)
    early_head: bool | None = None
    after_content: Literal["error", "abort", "continue"] | None = None
    hedge_after: HedgeAfter = None
    breaker_failures: int | None = Field(default=None, ge=1)
    breaker_pause: float | None = Field(default=None, gt=0)
    breaker_longest_pause: float | None = Field(default=None, gt=0)
    retry_budget: float | None = Field(default=None, ge=0)
    retry_budget_share: float | None = Field(default=None, ge=0, le=1)


def _expression(value: str) -> str:
    expression(value)
    return value


class RedactionRule(Entry):
    """A secret of the user's own: what the group `secret`, else the first group, else all of it matches.

    With `keywords` it is only looked for in texts that have one of them.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=24)
    regex: Annotated[str, AfterValidator(_expression)]
    keywords: list[str] = []


class RedactionEntry(Entry):
    """How secrets in requests are hidden. `own_keys` are the proxy's own. `allow`: whole secrets that may leave,
    literally or as regular expressions."""

    mode: Literal["reversible", "one_way", "off"] | None = None
    own_keys: Literal["reversible", "one_way"] | None = None
    rules: list[RedactionRule] = []
    allow: list[str] = []


class HistoryEntry(Entry):
    """A readable log of each session, off unless switched on. `keep` is how many full files of a session stay."""

    enabled: bool | None = None
    directory: str | None = None
    max_mib: float | None = Field(default=None, gt=0, le=4096)
    keep: int | None = Field(default=None, ge=0, le=1000)


class ConfigFile(Entry):
    settings: SettingsEntry = SettingsEntry()
    backends: dict[str, BackendEntry] = {}
    primary_backends: list[PrimaryBackend] = []
    aliases: dict[str, str] = {}
    models: dict[str, ModelEntry] = {}
    intercept: list[str] = []
    limits: LimitsEntry = LimitsEntry()
    failover: FailoverEntry = FailoverEntry()
    loops: LoopsEntry = LoopsEntry()
    network: NetworkEntry = NetworkEntry()
    redaction: RedactionEntry = RedactionEntry()
    history: HistoryEntry = HistoryEntry()

    @model_validator(mode="before")
    @classmethod
    def _lift_flat_settings(cls, data: Any) -> Any:
        """A file of saved settings alone may have them at its top level, as the earlier systems' had."""
        if not isinstance(data, dict):
            return data
        flat = {key: value for key, value in data.items() if key in SettingsEntry.model_fields}
        nested = data.get("settings")
        if not flat or not (nested is None or isinstance(nested, dict)):
            return data
        rest = {key: value for key, value in data.items() if key not in flat}
        return {**rest, "settings": {**flat, **(nested or {})}}
