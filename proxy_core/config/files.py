"""addons.yaml and its kin: read with the line of every key, so that a problem can point at it."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from proxy_core.config import schema
from proxy_core.config.problems import Problem

type Location = tuple[int | str, ...]

_SECTIONS: dict[tuple[str, ...], type[BaseModel]] = {
    (): schema.ConfigFile,
    ("settings",): schema.SettingsEntry,
    ("settings", "failover_routes", "*"): schema.RouteEntry,
    ("backends", "*"): schema.BackendEntry,
    ("primary_backends", "*"): schema.PrimaryBackend,
    ("models", "*"): schema.ModelEntry,
    ("limits",): schema.LimitsEntry,
}
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|#[^\n]*')


@dataclass(frozen=True, slots=True)
class Document:
    """One file: what it says, and where. `source` is its path as the user would name it."""

    source: str
    content: schema.ConfigFile
    tree: Any

    def line(self, *location: int | str) -> int | None:
        return _line(self.tree, location) or (_line(self.tree, location[1:]) if location[:1] == ("settings",) else None)


@dataclass(frozen=True, slots=True)
class Variable:
    value: str
    source: str
    line: int | None = None


def read_document(path: Path, source: str, problems: list[Problem]) -> Document | None:
    """None when the file cannot be read or is wrong; why is then added to `problems`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        problems.append(Problem(source, f"cannot be read: {error.strerror}.", "Check the path and its permissions."))
    except UnicodeDecodeError as error:
        problems.append(Problem(source, f"is not UTF-8 (byte {error.start}).", "Save it as UTF-8."))
    else:
        return read_text(text, source, problems)
    return None


def read_text(text: str, source: str, problems: list[Problem]) -> Document | None:
    """The same for a file's text."""
    try:
        tree = parse_tree(text)
    except YAMLError as error:
        problems.append(_syntax_problem(source, error))
        return None
    return _validated(source, tree, problems)


def parse_tree(text: str) -> Any:
    """YAML, or JSON with or without # comments. Raises YAMLError."""
    try:
        return YAML(typ="rt").load(text) or CommentedMap()
    except MarkedYAMLError:
        try:
            return json.loads(_COMMENT.sub(lambda match: match[1] or "", text))  # tabs, which YAML does not bear
        except ValueError:
            pass
        raise


def plain(node: Any) -> Any:
    """ruamel's containers and scalars as Python's own."""
    match node:
        case dict():
            return {str(key): plain(value) for key, value in node.items()}
        case list():
            return [plain(value) for value in node]
        case bool() | None:
            return node
        case str():
            return str(node)
        case int():
            return int(node)
        case float():
            return float(node)
        case _:
            return node


def read_dotenv(path: Path, problems: list[Problem]) -> dict[str, Variable]:
    """The variables of a .env file, `$` left as it is: keys may hold one."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError):
        problems.append(Problem(path.name, "cannot be read.", "Check its permissions, and that it is a UTF-8 text."))
        return {}
    found = {}
    for binding in parse_stream(StringIO(text)):
        line = binding.original.line
        if binding.error:
            problems.append(Problem(path.name, "a line that is no NAME=value.", "Correct or remove it.", ".env", line))
        elif binding.key is not None:
            found[binding.key] = Variable(binding.value or "", path.name, line)
    return found


def _validated(source: str, tree: Any, problems: list[Problem]) -> Document | None:
    try:
        return Document(source, schema.ConfigFile.model_validate(plain(tree)), tree)
    except ValidationError as error:
        draft = Document(source, schema.ConfigFile(), tree)
        problems.extend(_problem(draft, detail["loc"], detail["type"], detail["msg"]) for detail in error.errors())
        return None


def _problem(document: Document, location: Location, kind: str, message: str) -> Problem:
    field = ".".join(str(step) for step in location) or "the file"
    line = document.line(*location)
    if kind == "extra_forbidden":
        return Problem(field, "is not a known key.", _suggestion(location), document.source, line)
    reason = message.removeprefix("Value error, ").rstrip(".") + "."
    return Problem(field, reason[0].lower() + reason[1:], "Correct it.", document.source, line)


def _suggestion(location: Location) -> str:
    section = _SECTIONS.get(_pattern(location[:-1]))
    if section is None:
        return "Remove it."
    known = sorted(section.model_fields)
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    return f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}."


def _pattern(location: Sequence[int | str]) -> tuple[str, ...]:
    """`("backends", "groq")` as the key of _SECTIONS: `("backends", "*")`."""
    steps = [str(step) for step in location]
    for pattern in _SECTIONS:
        if len(pattern) == len(steps) and all(a in ("*", b) for a, b in zip(pattern, steps, strict=True)):
            return pattern
    return ("?",)


def _line(tree: Any, location: Iterable[int | str]) -> int | None:
    found = None
    for step in location:
        match tree:
            case CommentedMap() if step in tree:
                found = tree.lc.key(step)[0] + 1
            case CommentedSeq() if isinstance(step, int) and step < len(tree):
                found = tree.lc.item(step)[0] + 1
            case _:
                return found
        tree = tree[step]
    return found


def _syntax_problem(source: str, error: YAMLError) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    what = error.problem if isinstance(error, MarkedYAMLError) and error.problem else "cannot be read as YAML"
    return Problem(
        "the file", f"{what}.", "Check indentation, quotes and colons.", source, mark.line + 1 if mark else None
    )
