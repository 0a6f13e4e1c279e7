"""Every setting of `set` and `unset`, one row each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, get_args

from proxy_core.commands.draft import CommandError, Draft, SavedName
from proxy_core.commands.grammar import nearest
from proxy_core.config import values
from proxy_core.errors import ParleyError
from proxy_core.turn.effort import as_effort
from proxy_core.turn.request import Effort

_EFFORTS = get_args(Effort.__value__)
_LARGEST_BUDGET = 1_048_576


@dataclass(frozen=True, slots=True)
class Setting:
    """`session` is the field of SessionSettings, `saved` the name under which it lasts; one of them or both.

    `read` makes the value of what was typed, or raises CommandError. `said` is the confirmation, with {value};
    `after` does what else follows.
    """

    name: str
    summary: str
    value: str
    example: str
    read: Callable[[str, Draft], Any]
    said: str
    unsaid: str
    session: str | None = None
    saved: SavedName | None = None
    aliases: tuple[str, ...] = ()
    after: Callable[[Draft], None] = field(default=lambda draft: None)

    def put(self, typed: str, draft: Draft, key: str) -> str:
        value = self.read(typed, draft)
        self._store(value, draft)
        self.after(draft)
        said, draft.said_instead = draft.said_instead, None
        return said or self.said.format(key=key, value=value)

    def take_away(self, draft: Draft) -> str:
        self._store(None, draft)
        return self.unsaid

    def _store(self, value: Any, draft: Draft) -> None:
        if self.session:
            setattr(draft.settings, self.session, value)
        if self.saved:
            draft.saved[self.saved] = value


def _switch(name: str) -> Callable[[str, Draft], bool]:
    def read(typed: str, draft: Draft) -> bool:
        try:
            return False if typed.lower() == "none" else values.switch(typed)
        except ValueError:
            raise CommandError(
                f"Invalid boolean value for {name}: {typed} (true or false, also on/off, yes/no, 1/0)"
            ) from None

    return read


def check_model(typed: str, draft: Draft) -> str:
    """`typed`, when it leads to a backend; raises CommandError otherwise."""
    prefix, colon, model = typed.partition(":")
    if not typed or (colon and not (prefix and model)):
        raise CommandError("model must be specified as <backend>:<model> or <backend>/<model>")
    try:
        known = draft.controls.check_model(typed, draft.settings.backend)
    except ParleyError as error:
        raise CommandError(error.fault.message) from None
    return typed if known is not False else _unlisted(typed, draft)


def _unlisted(typed: str, draft: Draft) -> str:
    near = draft.controls.nearest_models(typed)
    meant = f" - did you mean '{near[0]}'?" if near else ""
    if draft.interactive:
        raise CommandError(f"model {typed} not available{meant}")
    draft.said_instead = f"model {typed} set (but may be invalid/unavailable){meant}"
    return typed


def check_backend(typed: str, draft: Draft) -> str:
    name = typed.lower()
    states = {state.name: state for state in draft.controls.backends()}
    if name not in states:
        near = nearest(name, states)
        meant = f" - did you mean '{near}'?" if near else ""
        raise CommandError(f"backend {typed} not supported{meant} (there are {', '.join(sorted(states))})")
    if not states[name].usable:
        raise CommandError(f"backend {name} not functional: no key is set for it")
    return name


def _project(typed: str, draft: Draft) -> str:
    if not typed:
        raise CommandError("project must have a name")
    return typed


def _temperature(typed: str, draft: Draft) -> float:
    try:
        value = float(typed)
    except ValueError:
        raise CommandError(f"Invalid temperature value: {typed}") from None
    if not 0.0 <= value <= 2.0:
        raise CommandError("Temperature must be between 0.0 and 2.0 (OpenAI supports up to 2.0, Gemini up to 1.0)")
    return value


def _effort(typed: str, draft: Draft) -> Effort:
    effort = as_effort(typed.lower())
    if effort is None:
        near = nearest(typed.lower(), _EFFORTS)
        meant = f" - did you mean '{near}'?" if near else ""
        raise CommandError(f"reasoning-effort must be one of {', '.join(_EFFORTS)}, got: {typed}{meant}")
    return effort


def _budget(typed: str, draft: Draft) -> int:
    try:
        budget = int(typed)
    except ValueError:
        raise CommandError(f"thinking-budget must be a valid integer, got: {typed}") from None
    if not -1 <= budget <= _LARGEST_BUDGET:
        raise CommandError(
            f"thinking-budget must be between 0 and {_LARGEST_BUDGET} (-1: the model decides), got: {typed}"
        )
    return budget


def _url(typed: str, draft: Draft) -> str:
    if not typed.lower().startswith(("http://", "https://")):
        raise CommandError(f"OpenAI URL must start with http:// or https://, got: {typed}")
    try:
        return values.http_url(typed)
    except ValueError as error:
        raise CommandError(f"OpenAI URL {error}") from None


def _prefix(typed: str, draft: Draft) -> str:
    try:
        return values.prefix(typed)
    except ValueError as error:
        raise CommandError(f"command prefix '{typed}': {error}") from None


def _forget_model(draft: Draft) -> None:
    """A model chosen before would lead past the backend chosen now."""
    draft.settings.model = None


def _greet_again(draft: Draft) -> None:
    draft.greeted = draft.greeted and not draft.settings.interactive


SETTINGS: tuple[Setting, ...] = (
    # Several in one `set` take effect in this order, so that a backend does not undo the model named beside it.
    Setting(
        "backend",
        "this session's backend",
        "NAME",
        "anthropic",
        check_backend,
        "backend set to {value}",
        "backend unset",
        session="backend",
        after=_forget_model,
    ),
    Setting(
        "default-backend",
        "the backend of all sessions, kept over a restart",
        "NAME",
        "gemini",
        check_backend,
        "default backend set to {value}",
        "default-backend unset",
        saved="default_backend",
    ),
    Setting(
        "model",
        "this session's model",
        "backend:model",
        "openai:gpt-5",
        check_model,
        "model set to {value}",
        "model unset",
        session="model",
    ),
    Setting(
        "project",
        "the project that usage is counted for",
        "NAME",
        "website",
        _project,
        "{key} set to {value}",
        "project unset",
        session="project",
        aliases=("project-name",),
    ),
    Setting(
        "interactive",
        "interactive mode: a banner on the first reply, confirmations in front of replies",
        "true|false|on|off",
        "on",
        _switch("interactive"),
        "interactive mode set to {value}",
        "interactive mode unset",
        session="interactive",
        aliases=("interactive-mode",),
        after=_greet_again,
    ),
    Setting(
        "temperature",
        "this session's temperature",
        "0.0 to 2.0",
        "0.7",
        _temperature,
        "temperature set to: {value}",
        "temperature unset",
        session="temperature",
    ),
    Setting(
        "reasoning-effort",
        "how much the model is to think",
        "|".join(_EFFORTS),
        "high",
        _effort,
        "reasoning-effort set to {value}",
        "reasoning effort unset",
        session="reasoning_effort",
    ),
    Setting(
        "thinking-budget",
        "how many tokens the model may think",
        "TOKENS",
        "8192",
        _budget,
        "thinking-budget set to {value}",
        "thinking budget unset",
        session="thinking_budget",
    ),
    Setting(
        "openai_url",
        "where this session's OpenAI backend is",
        "URL",
        "https://llm.example.com/v1",
        _url,
        "OpenAI URL set to: {value}",
        "openai_url unset",
        session="openai_url",
        aliases=("openai-url",),
    ),
    Setting(
        "redact-api-keys-in-prompts",
        "whether keys are taken out of prompts",
        "true|false",
        "true",
        _switch("redact-api-keys-in-prompts"),
        "redact-api-keys-in-prompts set to {value}",
        "redact-api-keys-in-prompts unset",
        session="redact",
        saved="redact_api_keys_in_prompts",
        aliases=("redact",),
    ),
    Setting(
        "command-prefix",
        "what commands begin with, for all sessions",
        "2 to 10 characters",
        "$/",
        _prefix,
        "command prefix set to {value}",
        "command prefix unset",
        saved="command_prefix",
        aliases=("prefix",),
    ),
    Setting(
        "loop-detection",
        "whether a reply that repeats itself is stopped",
        "true|false",
        "on",
        _switch("loop-detection"),
        "loop-detection set to {value}",
        "loop-detection unset",
        session="loop_detection",
    ),
    Setting(
        "tool-loop-detection",
        "whether the same tool call over and over is stopped",
        "true|false",
        "on",
        _switch("tool-loop-detection"),
        "tool-loop-detection set to {value}",
        "tool-loop-detection unset",
        session="tool_loop_detection",
    ),
)
