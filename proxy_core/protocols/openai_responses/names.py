"""The protocol's name, and what its reader notes for its own writer.

A note is a key of some `extra` that begins with an underscore: ids of items, grouping, the native form of a value.
Only this folder's writers look at them; to others they are no content, and so no loss.
"""

from __future__ import annotations

from typing import Any, Final

from proxy_core.turn.content import Extra, ProtocolName

ORIGIN: Final[ProtocolName] = "openai_responses"

ITEM = "_item"
"""On the first part of an item, or on a turn: the item's `type`, `id` and `status`."""
BEFORE = "_before"
"""On a turn: items that stood before it and say nothing to the model by themselves (`additional_tools`)."""
AFTER = "_after"
"""On a request: such items at the end of the input."""
CONTENT = "_content"
"""On an Opaque part: it is a content part inside a message, not an item."""
TYPE = "_type"
"""On a Text part: its native type, where it is not the one that its role implies."""
SUMMARY = "_summary"
"""On a Thinking part: the native `summary` and `content` lists."""
SUMMARY_PART = "_summary_part"
"""In a stream, on a Thinking part: a further part of the `summary` or `content` that it names begins."""
STREAMED = "_streamed"
"""In a stream, on an Opaque part: the native `output_index` under which its beginnings have already been passed on."""
NAMESPACE = "_namespace"
"""On a tool or tool call: its namespace and its name there."""
NESTED = "_nested"
"""On a tool: it was declared by an item of the input, which is written back as it was."""
GIVEN = "_given"
"""The native form of a value, to be written back as long as the value was not changed since."""
RESPONSE = "_response"
"""On a reply: the fields of the response object that are not modelled."""

MADE_REASONING = "rs_parley_"
"""Begins the ids of reasoning items that were made here, and so are stored by no server."""

_DEFAULT_NAMESPACES = ("", "functions")


def flat_name(namespace: str | None, name: str) -> str:
    """The name under which a tool of a namespace is offered to backends that know no namespaces.

    `multi_agent_v1` and `close_agent` give `multi_agent_v1__close_agent`. Codex calls the tools of its namespace
    `functions` by their bare names, so that one is left out.
    """
    if namespace is None or namespace in _DEFAULT_NAMESPACES:
        return name
    return namespace + name if namespace.endswith("__") else f"{namespace}__{name}"


def noted(item: dict[str, Any]) -> Extra:
    """What identifies an item but means nothing elsewhere."""
    return {key: item[key] for key in ("type", "id", "status") if item.get(key) is not None}


def rest(raw: dict[str, Any], known: tuple[str, ...]) -> Extra:
    """The fields that are not modelled; null counts as absent."""
    return {key: value for key, value in raw.items() if key not in known and value is not None}


def public(extra: Extra) -> Extra:
    """`extra` without the notes."""
    return {key: value for key, value in extra.items() if not key.startswith("_")}
