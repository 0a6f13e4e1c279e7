"""Everything that can be set from the outside, one row each.

The launcher makes its flags from this table, the addon its mitmproxy options, the loader its environment names.
Precedence: flag, `--set name=value`, environment, .env, addons.yaml, default.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

type Kind = Literal["text", "host", "port", "seconds", "switch", "integer", "secret", "url", "path", "level", "prefix"]

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NONE")


@dataclass(frozen=True, slots=True)
class Option:
    """`name` is the mitmproxy option; the flag is the same with dashes.

    `switch` options are false until given. With `env_negates` the environment variable says the opposite
    (REDACT_API_KEYS_IN_PROMPTS=false is --disable-redact-api-keys-in-prompts). `setting` is the name under
    `settings:` in addons.yaml; there too a negated one is named by its positive.
    """

    name: str
    env: str
    kind: Kind
    help: str
    default: str | int | float | bool | None = None
    has_flag: bool = True
    env_negates: bool = False
    setting: str | None = None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def secret(self) -> bool:
        return self.kind == "secret"


PROVIDERS = ("openai", "openrouter", "gemini", "anthropic")
"""The built-in backends; the first with a key is the default."""

_TITLES = {"openai": "OpenAI", "openrouter": "OpenRouter", "gemini": "Gemini", "anthropic": "Anthropic"}

_KEYS = tuple(
    Option(
        f"{name}_api_key",
        f"{name.upper()}_API_KEY",
        "secret",
        f"{_TITLES[name]}'s key; several go into {name.upper()}_API_KEY_1 to _20",
    )
    for name in PROVIDERS
)
_BASE_URLS = tuple(
    Option(
        f"{name}_api_base_url",
        f"{name.upper()}_API_BASE_URL",
        "url",
        f"another address for {_TITLES[name]}, with or without the version at its end",
    )
    for name in PROVIDERS
)

OPTIONS: tuple[Option, ...] = (
    Option("host", "PROXY_HOST", "host", "address of the base-URL listener", "127.0.0.1", setting="host"),
    Option("port", "PROXY_PORT", "port", "port of the base-URL listener", 8000, setting="port"),
    Option(
        "http_proxy_host",
        "PARLEY_HTTP_PROXY_HOST",
        "host",
        "address for HTTP_PROXY clients",
        "127.0.0.1",
        setting="http_proxy_host",
    ),
    Option(
        "http_proxy_port",
        "PARLEY_HTTP_PROXY_PORT",
        "port",
        "port for HTTP_PROXY clients",
        8080,
        setting="http_proxy_port",
    ),
    Option(
        "default_backend",
        "LLM_BACKEND",
        "text",
        "backend for bare model names; default: the first that has a key",
        setting="default_backend",
    ),
    *_KEYS,
    *_BASE_URLS,
    Option("timeout", "PROXY_TIMEOUT", "seconds", "seconds without a byte from upstream", 300.0, setting="timeout"),
    Option(
        "command_prefix",
        "COMMAND_PREFIX",
        "prefix",
        "what in-chat commands begin with",
        "!/",
        setting="command_prefix",
    ),
    Option("log", "PARLEY_LOG", "path", "write the log to this file instead of the terminal", setting="log"),
    Option("log_level", "LOG_LEVEL", "level", "one of " + ", ".join(LOG_LEVELS), "INFO", setting="log_level"),
    Option(
        "config",
        "PARLEY_CONFIG",
        "path",
        "JSON or YAML file of saved settings and routes; default: the settings part of addons.yaml",
    ),
    Option(
        "disable_interactive_mode",
        "DISABLE_INTERACTIVE_MODE",
        "switch",
        "no banner and no confirmations in replies",
        False,
        setting="interactive_mode",
    ),
    Option(
        "disable_interactive_commands",
        "DISABLE_INTERACTIVE_COMMANDS",
        "switch",
        "leave what looks like a command in the text",
        False,
        setting="interactive_commands",
    ),
    Option(
        "force_set_project",
        "FORCE_SET_PROJECT",
        "switch",
        "send nothing upstream before a project is set",
        False,
        setting="force_set_project",
    ),
    Option(
        "disable_redact_api_keys_in_prompts",
        "REDACT_API_KEYS_IN_PROMPTS",
        "switch",
        "let secrets in prompts through as they are",
        False,
        env_negates=True,
        setting="redact_api_keys_in_prompts",
    ),
    Option("disable_auth", "DISABLE_AUTH", "switch", "ask clients for no key; only while bound to loopback", False),
    Option(
        "client_key",
        "LLM_INTERACTIVE_PROXY_API_KEY",
        "secret",
        "the key clients show; made at start when not set",
        has_flag=False,
    ),
    Option("app_site_url", "APP_SITE_URL", "text", "sent to OpenRouter as HTTP-Referer", has_flag=False),
    Option("app_x_title", "APP_X_TITLE", "text", "sent to OpenRouter as X-Title", has_flag=False),
    Option(
        "loop_detection_enabled",
        "LOOP_DETECTION_ENABLED",
        "switch",
        "cut replies that repeat themselves",
        True,
        has_flag=False,
        setting="loop_detection",
    ),
    Option(
        "loop_detection_buffer_size",
        "LOOP_DETECTION_BUFFER_SIZE",
        "integer",
        "characters of a reply looked back over",
        2048,
        has_flag=False,
    ),
    Option(
        "loop_detection_max_pattern_length",
        "LOOP_DETECTION_MAX_PATTERN_LENGTH",
        "integer",
        "characters of the longest repeated piece",
        500,
        has_flag=False,
    ),
    Option(
        "loop_detection_analysis_interval",
        "LOOP_DETECTION_ANALYSIS_INTERVAL",
        "integer",
        "characters between two looks",
        64,
        has_flag=False,
    ),
    Option(
        "loop_detection_min_repetitions_short",
        "LOOP_DETECTION_MIN_REPETITIONS_SHORT",
        "integer",
        "repetitions of pieces of up to 10 characters",
        8,
        has_flag=False,
    ),
    Option(
        "loop_detection_min_repetitions_medium",
        "LOOP_DETECTION_MIN_REPETITIONS_MEDIUM",
        "integer",
        "repetitions of pieces of up to 50 characters",
        4,
        has_flag=False,
    ),
    Option(
        "loop_detection_min_repetitions_long",
        "LOOP_DETECTION_MIN_REPETITIONS_LONG",
        "integer",
        "repetitions of longer pieces",
        3,
        has_flag=False,
    ),
    Option(
        "exact_usage",
        "PARLEY_EXACT_USAGE",
        "switch",
        "ask for the tokens of streams whose client does not, where they would be estimated",
        False,
        setting="exact_usage",
    ),
    Option("history", "PARLEY_HISTORY", "switch", "keep a readable log of each session", False),
    Option("record", "PARLEY_RECORD", "path", "write the traffic to this file (flows, or HAR where it ends in .har)"),
    Option("record_session", "PARLEY_RECORD_SESSION", "text", "record this session only"),
    Option("replay", "PARLEY_REPLAY", "path", "let this recording answer in place of all backends"),
    Option("replay_fast", "PARLEY_REPLAY_FAST", "switch", "without the pauses of the recording", False),
    Option("model_list_url", "MODEL_LIST_URL", "url", "an aggregator's list of models", has_flag=False),
    Option(
        "model_list_auth_token", "MODEL_LIST_AUTH_TOKEN", "secret", "sent there as Authorization: OAuth", has_flag=False
    ),
    Option(
        "database_url", "PARLEY_DATABASE_URL", "secret", "where usage is kept; default: an SQLite file", has_flag=False
    ),
    Option(
        "redis_url",
        "PARLEY_REDIS_URL",
        "secret",
        "where several instances share sessions and resting keys; default: memory",
        has_flag=False,
    ),
)
"""A database's address may hold its password, so it is treated as a secret."""

BY_NAME: dict[str, Option] = {option.name: option for option in OPTIONS}
