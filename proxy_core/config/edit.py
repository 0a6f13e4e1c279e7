"""One value put into, or taken out of, a YAML or JSON text, everything else left as it stands.

YAML is changed in its text, where ruamel.yaml says that the value is: comments, order and quotes around it stay.
Each result is read back; where the change in the text does not come to what was wanted (anchors, unusual layouts) the
whole is written anew by ruamel.yaml, which keeps comments but may move some.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from proxy_core.config.files import parse_tree, plain

type Path = tuple[str, ...]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*([:/*][A-Za-z0-9_.-]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_LAYOUTS = ((2, 2, 0), (2, 4, 2), (4, 4, 0), (4, 6, 4))


class Unchangeable(Exception):
    """The text cannot be changed without touching more than was asked for."""


def put(text: str, path: Path, value: Any) -> str:
    """`text` with `value` at `path`; what is missing on the way is made. Raises Unchangeable."""
    wanted = plain(parse_tree(text))
    _put_in(wanted, path, value)
    return _changed(text, wanted, lambda: _put_text(text, path, value), lambda tree: _put_in(tree, path, value))


def remove(text: str, path: Path) -> str:
    """`text` without `path`, which has to be there. Raises Unchangeable."""
    wanted = plain(parse_tree(text))
    _remove_from(wanted, path)
    return _changed(text, wanted, lambda: _remove_text(text, path), lambda tree: _remove_from(tree, path))


def is_json(text: str) -> bool:
    return text.lstrip().startswith("{")


def _changed(text: str, wanted: Any, in_text: Callable[[], str | None], in_tree: Callable[[Any], None]) -> str:
    if is_json(text):
        return _as_json(text, wanted)
    draft = in_text()
    if draft is not None and _means(draft, wanted):
        return draft
    draft = _rewritten(text, in_tree)
    if _means(draft, wanted):
        return draft
    raise Unchangeable("it holds anchors or merges, through which more than this setting would change")


def _means(draft: str, wanted: Any) -> bool:
    try:
        return plain(parse_tree(draft)) == wanted
    except YAMLError:
        return False


def _as_json(text: str, wanted: Any) -> str:
    try:
        json.loads(text)
    except ValueError:
        raise Unchangeable("it is JSON with comments, which would be lost") from None
    indented = re.search(r"\n([ \t]+)\S", text)
    return json.dumps(wanted, indent=indented[1] if indented else 2, ensure_ascii=False) + "\n"


def _put_in(tree: Any, path: Path, value: Any) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
    tree[path[-1]] = copy.deepcopy(value)


def _remove_from(tree: Any, path: Path) -> None:
    for step in path[:-1]:
        tree = tree[step]
    del tree[path[-1]]


def _rewritten(text: str, in_tree: Callable[[Any], None]) -> str:
    layout = next((layout for layout in _LAYOUTS if _dumped(_loaded(text), layout) == text), _LAYOUTS[0])
    tree = _loaded(text)
    if tree is None:
        tree = CommentedMap()
        in_tree(tree)
        return _closed(text) + _dumped(tree, layout)
    in_tree(tree)
    return _dumped(tree, layout)


def _loaded(text: str) -> Any:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    return yaml.load(text)


def _dumped(tree: Any, layout: tuple[int, int, int]) -> str:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.indent(*layout)
    written = StringIO()
    yaml.dump(tree, written)
    return written.getvalue()


def _put_text(text: str, path: Path, value: Any) -> str | None:
    root = YAML(typ="rt").compose(text)
    if root is None:
        return _closed(text) + _block(path, value, 0)
    node, key, depth = _descend(root, path)
    rest = path[depth:]
    if not rest:
        return _replaced(text, key, node, value)
    if not isinstance(node, MappingNode):
        return None
    if not node.value:
        return _filled(text, node, key, _block(rest, value, _indent(key) + 2))
    if node.flow_style:
        return _spliced(text, _end(node) - 1, _end(node) - 1, ", " + _flow_entry(rest, value))
    place = _line_after(text, node)
    return _spliced(text, place, place, _block(rest, value, node.value[0][0].start_mark.column), own_line=True)


def _remove_text(text: str, path: Path) -> str | None:
    parent, parent_key, _ = _descend(YAML(typ="rt").compose(text), path[:-1])
    if not isinstance(parent, MappingNode) or parent.flow_style:
        return None
    key, value = next(pair for pair in parent.value if pair[0].value == path[-1])
    shorter = _spliced(text, _line_start(text, key), _line_after(text, value), "")
    if len(parent.value) > 1 or parent_key is None:
        return shorter
    colon = text.index(":", _end(parent_key)) + 1
    return _spliced(shorter, colon, colon, " {}")


def _descend(node: Node, path: Path) -> tuple[Node, Node | None, int]:
    """As far along `path` as there is something: the node there, its key, how many steps were taken."""
    key = None
    for depth, step in enumerate(path):
        pairs = node.value if isinstance(node, MappingNode) else ()
        found = next((pair for pair in pairs if pair[0].value == step), None)
        if found is None:
            return node, key, depth
        key, node = found
    return node, key, len(path)


def _replaced(text: str, key: Node | None, node: Node, value: Any) -> str | None:
    """A scalar or flow value in the place of another; a block list grows at its ends, or is written in one line."""
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style:
        return _spliced(text, node.start_mark.index, _end(node), _flow(value))
    grown = _grown(text, node, value) if isinstance(value, list) else None
    if grown or key is None:
        return grown
    shorter = _spliced(text, _line_start(text, node), _line_after(text, node), "")
    colon = text.index(":", _end(key)) + 1
    return _spliced(shorter, colon, colon, f" {_flow(value)}")


def _grown(text: str, node: Node, value: list[Any]) -> str | None:
    """Lines for the new items at the beginning or at the end; None where the list changed otherwise."""
    if not isinstance(node, SequenceNode):
        return None
    old = [item.value for item in node.value]
    added = len(value) - len(old)
    if added <= 0:
        return None
    indent = " " * node.start_mark.column
    if value[added:] == old:
        place, items = _line_start(text, node.value[0]), value[:added]
    elif value[: len(old)] == old:
        place, items = _line_after(text, node), value[len(old) :]
    else:
        return None
    return _spliced(text, place, place, "".join(f"{indent}- {_flow(item)}\n" for item in items), own_line=True)


def _filled(text: str, node: Node, key: Node | None, block: str) -> str | None:
    """An empty mapping, `{}`, made a block. What stands behind it on its line stays there."""
    if key is None:
        return None
    before = text[: node.start_mark.index].rstrip(" ")
    without = before + text[_end(node) :]
    place = _after_line(without, len(before))
    return _spliced(without, place, place, block, own_line=True)


def _spliced(text: str, start: int, end: int, new: str, own_line: bool = False) -> str:
    head = _closed(text[:start]) if own_line else text[:start]
    return head + new + text[end:]


def _closed(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _last_leaf(node: Node) -> Node:
    """The node that a block collection ends with: its own end is said to be where the next thing begins."""
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    return node


def _end(node: Node) -> int:
    return _last_leaf(node).end_mark.index


def _line_after(text: str, node: Node) -> int:
    return _after_line(text, _end(node))


def _after_line(text: str, place: int) -> int:
    found = text.find("\n", place)
    return len(text) if found < 0 else found + 1


def _line_start(text: str, node: Node) -> int:
    return text.rfind("\n", 0, node.start_mark.index) + 1


def _indent(key: Node | None) -> int:
    return key.start_mark.column if key else 0


def _block(path: Path, value: Any, indent: int) -> str:
    """Lines that give `path` the value, nested as deep as the path is long."""
    key, *rest = path
    margin = " " * indent + _flow(key)
    if rest:
        return f"{margin}:\n{_block(tuple(rest), value, indent + 2)}"
    if isinstance(value, dict) and value:
        return f"{margin}:\n" + "".join(_block((name,), inner, indent + 2) for name, inner in value.items())
    return f"{margin}: {_flow(value)}\n"


def _flow_entry(path: Sequence[str], value: Any) -> str:
    for step in reversed(path[1:]):
        value = {step: value}
    return f"{_flow(path[0])}: {_flow(value)}"


def _flow(value: Any) -> str:
    match value:
        case str() if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        case dict():
            return "{" + ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case str():
            return json.dumps(value, ensure_ascii=not value.isprintable())
        case _:
            return json.dumps(value)
