"""The one table of commands: what they are called, how they are typed, what they do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from proxy_core.commands import routes
from proxy_core.commands.arguments import Arguments
from proxy_core.commands.banner import banner
from proxy_core.commands.draft import CommandError, Draft
from proxy_core.commands.grammar import Command, Vocabulary, nearest, normal
from proxy_core.commands.settings import SETTINGS, Setting, check_model

type Effect = Callable[[Arguments, Draft], str]


@dataclass(frozen=True, slots=True)
class Row:
    """`form` and `examples` are without the prefix. `bare`: may be typed without parentheses. `asks`: its answer is
    what the person wants to see, so it is shown also where confirmations are not."""

    name: str
    summary: str
    form: str
    examples: tuple[str, ...]
    run: Effect
    aliases: tuple[str, ...] = ()
    bare: bool = False
    asks: bool = False


def _set(arguments: Arguments, draft: Draft) -> str:
    if arguments.bare:
        raise CommandError(f"set: '{arguments.bare[0]}' has no value; right form: set({arguments.bare[0]}=VALUE)")
    if not arguments:
        raise CommandError("set: no valid parameters")
    given = [(_setting("set", key), key, value) for key, value in arguments.pairs]
    given.sort(key=lambda entry: SETTINGS.index(entry[0]))
    return "; ".join(setting.put(value, draft, key) for setting, key, value in given)


def _unset(arguments: Arguments, draft: Draft) -> str:
    names = [*arguments.bare, *(key for key, _ in arguments.pairs)]
    if not names:
        raise CommandError("unset: nothing to do")
    settings = [_setting("unset", name) for name in names]
    return "; ".join(setting.take_away(draft) for setting in settings)


def _one_off(arguments: Arguments, draft: Draft) -> str:
    arguments.only("model")
    model = arguments.named("model") or next(iter(arguments.bare), "")
    if not model:
        raise CommandError("oneoff command requires a backend/model argument.")
    draft.one_off = check_model(model, draft)
    draft.said_instead = None
    return f"One-off route set to {model}."


def _help(arguments: Arguments, draft: Draft) -> str:
    arguments.only("command")
    asked = arguments.named("command") or next(iter(arguments.bare), "")
    return described(asked, draft.prefix) if asked else overview(draft.prefix)


def _hello(arguments: Arguments, draft: Draft) -> str:
    arguments.only()
    draft.greeted = True
    return f"{banner(draft)}\nhello acknowledged"


COMMANDS: tuple[Row, ...] = (
    Row(
        "set",
        "set values for this session",
        "set(NAME=VALUE, …)",
        ("set(model=openrouter:openai/gpt-5)", "set(temperature=0.7, project='my work')"),
        _set,
    ),
    Row("unset", "take back what was set", "unset(NAME, …)", ("unset(model)", "unset(temperature, project)"), _unset),
    Row(
        "oneoff",
        "use a model for the next request only",
        "oneoff(backend:model)",
        ("oneoff(gemini:gemini-2.5-pro)",),
        _one_off,
        aliases=("one-off",),
    ),
    Row(
        "help",
        "list the commands, or tell about one",
        "help(COMMAND)",
        ("help", "help(set)", "help(temperature)"),
        _help,
        bare=True,
        asks=True,
    ),
    Row("hello", "show version, backends and this session's settings", "hello", ("hello",), _hello, (), True, True),
    Row(
        "create-failover-route",
        "make a route: a model name that tries several models or keys",
        "create-failover-route(name=NAME,policy=k|m|km|mk|rr)",
        ("create-failover-route(name=fast,policy=m)",),
        routes.create,
    ),
    Row(
        "delete-failover-route",
        "delete a route",
        "delete-failover-route(name=NAME)",
        ("delete-failover-route(name=fast)",),
        routes.delete,
    ),
    Row(
        "list-failover-routes",
        "list the routes and their policies",
        "list-failover-routes",
        ("list-failover-routes",),
        routes.list_all,
        bare=True,
        asks=True,
    ),
    Row(
        "route-list",
        "list the elements of a route",
        "route-list(name=NAME)",
        ("route-list(name=fast)",),
        routes.list_one,
        asks=True,
    ),
    Row(
        "route-append",
        "add elements at the end of a route",
        "route-append(name=NAME,backend:model,…)",
        ("route-append(name=fast,openai:gpt-5-mini,gemini:gemini-2.5-flash)",),
        routes.append,
    ),
    Row(
        "route-prepend",
        "add elements at the beginning of a route",
        "route-prepend(name=NAME,backend:model,…)",
        ("route-prepend(name=fast,anthropic:claude-haiku-4-5)",),
        routes.prepend,
    ),
    Row(
        "route-clear",
        "take all elements out of a route",
        "route-clear(name=NAME)",
        ("route-clear(name=fast)",),
        routes.clear,
    ),
)

_ROWS: dict[str, Row] = {name: row for row in COMMANDS for name in (row.name, *row.aliases)}
_SETTINGS: dict[str, Setting] = {
    normal(name): setting for setting in SETTINGS for name in (setting.name, *setting.aliases)
}
NAMES = frozenset({*_ROWS, *_SETTINGS})
"""What may stand behind the prefix; a setting's own name is short for `set` (`temperature(0.7)`)."""
VOCABULARY = Vocabulary(NAMES, frozenset(name for name, row in _ROWS.items() if row.bare))


def run(command: Command, draft: Draft) -> str:
    """Carries a command out on the draft and says what it did; raises CommandError."""
    if command.name not in NAMES:
        raise CommandError(_unknown("command", command.name, NAMES))
    if command.problem:
        raise CommandError(command.problem)
    arguments = Arguments(command.arguments)
    row = _ROWS.get(command.name)
    return row.run(arguments, draft) if row else _short(_SETTINGS[command.name], arguments, draft)


def asks(command: Command) -> bool:
    row = _ROWS.get(command.name)
    return row is not None and row.asks


def right_form(command: Command, prefix: str) -> str:
    """How the command that was probably meant is typed."""
    name = command.name if command.name in NAMES else nearest(command.name, NAMES)
    if name is None:
        return f"{prefix}help"
    row = _ROWS.get(name)
    return prefix + (row.form if row else f"set({_SETTINGS[name].name}={_SETTINGS[name].value})")


def overview(prefix: str) -> str:
    lines = [f"available commands: {', '.join(sorted(row.name for row in COMMANDS))}"]
    lines += [f"{prefix}{row.form} - {row.summary}" for row in COMMANDS]
    lines.append(f"settings: {', '.join(setting.name for setting in SETTINGS)}")
    lines.append(f"{prefix}help(NAME) tells about a command or a setting.")
    return "\n".join(lines)


def described(asked: str, prefix: str) -> str:
    name = normal(asked.strip().removeprefix(prefix))
    if row := _ROWS.get(name):
        examples = "; ".join(prefix + example for example in row.examples)
        text = f"{row.name} - {row.summary}; format: {prefix}{row.form}; examples: {examples}"
        return f"{text}\n{_listed_settings()}" if row.name in ("set", "unset") else text
    if setting := _SETTINGS.get(name):
        form = f"{prefix}set({setting.name}={setting.value}), {prefix}unset({setting.name})"
        example = f"{prefix}set({setting.name}={setting.example})"
        return f"{setting.name} - {setting.summary}; format: {form}; examples: {example}"
    raise CommandError(_unknown("command", asked, NAMES))


def markdown(prefix: str = "!/") -> str:
    """The section of the README."""
    lines = ["| command | effect | example |", "|---|---|---|"]
    lines += [
        f"| `{prefix}{_cell(row.form)}` | {row.summary} | `{prefix}{_cell(row.examples[0])}` |" for row in COMMANDS
    ]
    lines += ["", "| setting | meaning | values | example |", "|---|---|---|---|"]
    for setting in SETTINGS:
        example = f"`{prefix}set({setting.name}={setting.example})`"
        lines.append(f"| `{setting.name}` | {setting.summary} | `{_cell(setting.value)}` | {example} |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _listed_settings() -> str:
    return "\n".join(f"  {setting.name}={setting.value} - {setting.summary}" for setting in SETTINGS)


def _setting(command: str, name: str) -> Setting:
    setting = _SETTINGS.get(normal(name))
    if setting is None:
        raise CommandError(f"{command}: {_unknown('setting', name, _SETTINGS)}")
    return setting


def _short(setting: Setting, arguments: Arguments, draft: Draft) -> str:
    if len(arguments.bare) != 1 or arguments.pairs:
        raise CommandError(f"{setting.name} takes one value")
    return setting.put(arguments.bare[0], draft, setting.name)


def _unknown(kind: str, name: str, names: Sequence[str] | frozenset[str] | dict[str, Setting]) -> str:
    near = nearest(normal(name), names)
    return f"unknown {kind} '{name}'" + (f" - did you mean '{near}'?" if near else "")
