"""The command `parley`: a thin launcher over mitmdump and mitmweb with addons/main.py."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from proxy_core import __version__
from proxy_core.config.load import ROOT
from proxy_core.config.options import OPTIONS, Option
from proxy_core.config.values import SWITCH_WORDS
from scripts import checking, running

MAIN = ROOT / "addons" / "main.py"

_USAGE = """\
usage: parley serve [FLAGS] [MITMDUMP ARGUMENTS]
       parley web [FLAGS] [MITMWEB ARGUMENTS]
       parley run [FLAGS] -- COMMAND [ARGUMENTS]
       parley check [FLAGS]
       parley usage [--days N] [--by model|backend|day|project|session|agent] [--csv]
       parley history [SESSION] [--json]
       parley record FILE [--session ID] [FLAGS] [MITMDUMP ARGUMENTS]
       parley replay FILE [--fast] [FLAGS] [MITMDUMP ARGUMENTS]
       parley --version | help

serve    starts the proxy: base-URL clients on 127.0.0.1:8000, HTTP_PROXY clients on 127.0.0.1:8080
web      the same under mitmweb, to watch every exchange in a browser; prints the address to open
run      starts a command whose requests go through the proxy, which is started too if it does not run
check    says what is configured, from where, what is wrong (then exit code 1) and what is missing
usage    what was used and what it cost, out of the database
history  what was said in a session, where a history is kept (--history)
record   serves, and writes the traffic to FILE: mitmproxy's flows, or HAR where it ends in .har; without credentials
replay   serves FILE again in place of all backends, offline, with the recorded timing (--fast: without)

Each flag is also `--set name=value` and an environment variable; a file .env in the working directory is read.
Precedence: flag, environment, .env, addons.yaml, default.
"""


@dataclass(frozen=True, slots=True)
class Arguments:
    """`given` holds our options by name; `rest` is what no flag of ours takes."""

    given: Mapping[str, str | bool]
    rest: Sequence[str]

    def as_set(self) -> list[str]:
        """As mitmproxy's arguments."""
        pairs = ((name, str(value).lower() if isinstance(value, bool) else value) for name, value in self.given.items())
        return [argument for name, value in pairs for argument in ("--set", f"{name}={value}")]


_SWITCHES = {option.flag: option.name for option in OPTIONS if option.has_flag and option.kind == "switch"}


def main() -> int:
    """Returns the exit code."""
    arguments = sys.argv[1:]
    command = arguments[0] if arguments else "help"
    handler = _COMMANDS.get(command)
    if handler is None:
        print(f"parley: there is no command {command!r}.\n\n{_USAGE}", file=sys.stderr, end="")
        return 2
    return handler(arguments[1:])


def parse(arguments: Sequence[str], prog: str = "parley") -> Arguments:
    said, others = _said_switches(arguments)
    known, rest = _parser(prog).parse_known_args(others)
    given = {name: value for name, value in vars(known).items() if value is not None}
    return Arguments({**said, **given}, rest)


def _said_switches(arguments: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Switches that have a value, as `--disable-auth=false` or `--disable-auth false`; and the other arguments."""
    said, others = {}, []
    rest = iter(arguments)
    for argument in rest:
        flag, equals, value = argument.partition("=")
        if equals and flag in _SWITCHES:
            said[_SWITCHES[flag]] = value
        elif others and others[-1] in _SWITCHES and argument.lower() in SWITCH_WORDS:
            said[_SWITCHES[others.pop()]] = argument
        else:
            others.append(argument)
    return said, others


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog,
        usage=f"{prog} [FLAGS]",
        description="Flags, and the environment variables that say the same:",
        allow_abbrev=False,
    )
    for option in OPTIONS:
        if option.has_flag:
            _add_flag(parser, option)
    return parser


def _add_flag(parser: argparse.ArgumentParser, option: Option) -> None:
    text = f"{option.help} ({option.env})".replace("%", "%%")
    if option.kind == "switch":
        parser.add_argument(option.flag, dest=option.name, action="store_const", const=True, help=text)
    else:
        parser.add_argument(option.flag, dest=option.name, metavar=option.kind.upper(), help=text)


def _serve(arguments: Sequence[str]) -> int:
    from mitmproxy.tools.main import mitmdump

    return _start("serve", mitmdump, arguments)


def _web(arguments: Sequence[str]) -> int:
    from mitmproxy.tools.main import mitmweb

    given = any(argument.startswith("web_open_browser=") for argument in arguments)
    more = () if given else ("--set", "web_open_browser=false")
    return _start("web", mitmweb, arguments, *more)


def _start(command: str, program: Callable[[list[str]], int | None], arguments: Sequence[str], *more: str) -> int:
    """Does not return when mitmproxy ends with an error."""
    from addons.host.loop import use_uvloop

    parsed = parse(arguments, f"parley {command}")
    if misspelt := _misspelt(parsed.rest):
        print(f"parley {command}: there is no flag {misspelt[0]}; did you mean {misspelt[1]}?", file=sys.stderr)
        return 2
    use_uvloop()
    for_mitmproxy = ["-s", str(MAIN), *more, *parsed.as_set(), *parsed.rest]
    # It looks there for what to say about wrong arguments, and would take our own for outdated ones of its own.
    sys.argv = [f"parley {command}", *for_mitmproxy]
    program(for_mitmproxy)
    return 0


def _misspelt(arguments: Sequence[str]) -> tuple[str, str] | None:
    """An argument that is close to a flag of ours; none of mitmproxy's is."""
    flags = [option.flag for option in OPTIONS if option.has_flag]
    for argument in arguments:
        near = get_close_matches(argument.partition("=")[0], flags, 1, 0.8) if argument.startswith("--") else []
        if near:
            return argument, near[0]
    return None


def _run(arguments: Sequence[str]) -> int:
    flags, command = _split(arguments)
    parsed = parse(flags, "parley run")
    if not command:
        command, parsed = list(parsed.rest), Arguments(parsed.given, ())
    if not command or command[0].startswith("-"):
        print("parley run: say which command: parley run -- COMMAND [ARGUMENTS]", file=sys.stderr)
        return 2
    return running.run(command, parsed.given, [*parsed.as_set(), *parsed.rest])


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    where = arguments.index("--") if "--" in arguments else len(arguments)
    return list(arguments[:where]), list(arguments[where + 1 :])


def _check(arguments: Sequence[str]) -> int:
    parsed = parse(arguments, "parley check")
    if parsed.rest:
        print(f"parley check: {' '.join(parsed.rest)} is not a flag of Parley's.", file=sys.stderr)
        return 2
    return checking.check(parsed.given, os.environ, Path.cwd())


def _usage(arguments: Sequence[str]) -> int:
    from scripts.usage import usage

    return usage(arguments, os.environ, Path.cwd())


def _history(arguments: Sequence[str]) -> int:
    from scripts.history import history

    return history(arguments, os.environ, Path.cwd())


def _record(arguments: Sequence[str]) -> int:
    return _serve_with("record", arguments, ("--session", "--record-session"))


def _replay(arguments: Sequence[str]) -> int:
    return _serve_with("replay", arguments, ("--fast", "--replay-fast"))


def _serve_with(command: str, arguments: Sequence[str], shorter: tuple[str, str]) -> int:
    """`parley serve --COMMAND FILE …`, where one flag has a shorter name."""
    if not arguments or arguments[0].startswith("-"):
        print(f"parley {command}: name the file first: parley {command} FILE [FLAGS]", file=sys.stderr)
        return 2
    short, long = shorter
    rest = [
        long + argument.removeprefix(short) if _is_flag(argument, short) else argument for argument in arguments[1:]
    ]
    return _serve([f"--{command}={arguments[0]}", *rest])


def _is_flag(argument: str, flag: str) -> bool:
    return argument == flag or argument.startswith(f"{flag}=")


def _version(arguments: Sequence[str]) -> int:
    print(f"parley {__version__}")
    return 0


def _help(arguments: Sequence[str]) -> int:
    print(_USAGE)
    print(_parser("parley serve").format_help(), end="")
    return 0


_COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "serve": _serve,
    "web": _web,
    "run": _run,
    "check": _check,
    "usage": _usage,
    "history": _history,
    "record": _record,
    "replay": _replay,
    "version": _version,
    "--version": _version,
    "-V": _version,
    "help": _help,
    "--help": _help,
    "-h": _help,
}

if __name__ == "__main__":
    sys.exit(main())
