"""`parley history`: what was said in a session, out of the log that the proxy keeps where it is told to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from proxy_core.config.load import open_sources, read_settings
from proxy_core.history.files import HistoryFiles, default_directory, name_of
from proxy_core.wire.json import dumps, loads

type Entry = dict[str, Any]

_SHORT = 400
"""Characters of a tool's result or of the system text that are shown; `--json` shows all."""
_CODES = {"title": "1", "user": "36", "assistant": "0", "thinking": "2", "tool": "33", "fault": "31", "system": "2"}


def history(arguments: Sequence[str], environ: Mapping[str, str], cwd: Path) -> int:
    """Prints the list of sessions, or one of them. 1 where there is no such session."""
    given = _parser().parse_args(list(arguments))
    settings = read_settings(open_sources({}, environ, cwd), cwd).history
    files = HistoryFiles(settings.directory or default_directory(environ), settings.max_bytes, settings.keep)
    if given.session is None:
        return _list(files, given.json, settings.enabled)
    name = _found(files, given.session)
    if name is None:
        print(f"parley history: there is no session {given.session!r} in {files.directory}.", file=sys.stderr)
        return 1
    if given.json:
        for line in files.lines(name):
            print(line.decode("utf-8", "replace").rstrip("\n"))
    else:
        _show(files, name, _paint if sys.stdout.isatty() else _plain)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "parley history",
        description="What was asked and answered in a session, without secrets. It is kept only where it was switched "
        "on: PARLEY_HISTORY=true, --history, or history.enabled in addons.yaml.",
        allow_abbrev=False,
    )
    parser.add_argument("session", nargs="?", metavar="SESSION", help="its id, or the beginning of it; else all")
    parser.add_argument("--json", action="store_true", help="the lines as they are kept")
    return parser


def _found(files: HistoryFiles, session: str) -> str | None:
    """By its id, by its file's name, or by the beginning of that where only one has it."""
    names = files.names()
    exact = next((name for name in (name_of(session), session) if name in names), None)
    if exact:
        return exact
    begun = [name for name in names if name.startswith(session)]
    return begun[0] if len(begun) == 1 else None


def _list(files: HistoryFiles, as_json: bool, enabled: bool) -> int:
    names = files.names()
    if not names:
        hint = "" if enabled else " None is kept: switch it on with PARLEY_HISTORY=true."
        print(f"There is no history in {files.directory}.{hint}")
        return 0
    for name in names:
        entries = list(_entries(files, name))
        if not entries:
            continue
        last = entries[-1]
        if as_json:
            listed = {"session": last.get("session", name), "requests": len(entries), "last": last.get("time", "")}
            print(dumps(listed).decode())
        else:
            agent = _printable(str(last.get("agent", "")))
            print(f"{_when(last)}  {len(entries):>5} requests  {_printable(str(last.get('session', name)))}  {agent}")
    return 0


def _entries(files: HistoryFiles, name: str) -> Iterator[Entry]:
    """A line that was cut by a crash is passed over."""
    for line in files.lines(name):
        try:
            entry = loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def _show(files: HistoryFiles, name: str, paint: Callable[[str, str], str]) -> None:
    for entry in _entries(files, name):
        print(paint("title", _title(entry)))
        for kind, text in _paragraphs(entry):
            print(paint(kind, _printable(text)))
        print()


def _title(entry: Entry) -> str:
    usage = entry.get("usage", {})
    tokens = f"{sum(usage.get(name, 0) for name in ('input', 'cache_read', 'cache_write'))} in, " if usage else ""
    facts = (
        f"{entry.get('model', '')} → {entry['backend']}:{entry.get('served', '')}"
        if "backend" in entry
        else entry.get("model", ""),
        str(entry.get("finish") or entry.get("outcome", "")),
        f"{tokens}{usage.get('output', 0)} out" if usage else "",
        f"{entry.get('seconds', 0):.1f} s",
    )
    return _printable(f"── {_when(entry)}  " + " · ".join(filter(None, facts)))


def _paragraphs(entry: Entry) -> Iterator[tuple[str, str]]:
    if system := entry.get("system"):
        yield "system", f"system: {_short(system)}"
    for command in entry.get("commands", ()):
        yield "tool", f"command: {command}"
    for message in [*entry.get("new", ()), *filter(None, [entry.get("reply")]), *entry.get("other_replies", ())]:
        yield from _message(message)
    if fault := entry.get("fault"):
        yield "fault", f"fault: {fault}"


def _message(message: Entry) -> Iterator[tuple[str, str]]:
    role, content = str(message.get("role", "")), message.get("content")
    if thinking := message.get("thinking"):
        yield "thinking", f"({thinking})"
    if content:
        yield role, f"{role}: {_short(content) if role == 'tool' else content}"
    for call in message.get("tool_calls", ()):
        yield "tool", f"→ {call.get('name', '')}({call.get('arguments', '')})"


def _short(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}… [{len(text) - _SHORT} more characters]"


def _when(entry: Entry) -> str:
    return str(entry.get("time", ""))[:19].replace("T", " ")


def _printable(text: str) -> str:
    """What a model or a page says must not steer the terminal."""
    return "".join(character if character.isprintable() or character in "\n\t" else "�" for character in text)


def _paint(kind: str, text: str) -> str:
    return f"\x1b[{_CODES.get(kind, '0')}m{text}\x1b[0m"


def _plain(kind: str, text: str) -> str:
    return text
