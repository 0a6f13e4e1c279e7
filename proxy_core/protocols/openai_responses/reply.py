"""A whole reply, read and written. Writing runs through the stream's writer, so that both say the same."""

from __future__ import annotations

from typing import Any

from proxy_core.errors import Fault, FaultKind, ParleyError
from proxy_core.protocols.contract import View
from proxy_core.protocols.openai_responses.answer import Answer
from proxy_core.protocols.openai_responses.faults import fault_of
from proxy_core.protocols.openai_responses.finishes import UNFINISHED, read_finish
from proxy_core.protocols.openai_responses.items_read import output_parts
from proxy_core.protocols.openai_responses.names import ORIGIN, RESPONSE
from proxy_core.protocols.openai_responses.usage import read_usage
from proxy_core.turn.content import Extra, Part
from proxy_core.turn.fold import unfold
from proxy_core.turn.reply import Choice, Reply

_MODELLED = ("id", "object", "created_at", "model", "output", "status", "incomplete_details", "usage", "error")


def read_reply(body: dict[str, Any]) -> Reply:
    """Raises ParleyError for a failed response, and for what is no response at all."""
    if body.get("error"):
        raise ParleyError(fault_of(body["error"], None))
    if not isinstance(body.get("output"), list):
        raise ParleyError(Fault(FaultKind.UPSTREAM, "The backend's answer has no 'output' and so is no response."))
    parts = read_output(body["output"])
    finish, raw = read_finish(body, parts)
    return Reply(
        id=text_of(body.get("id")),
        model=text_of(body.get("model")),
        choices=[Choice(0, parts, finish, raw)],
        usage=read_usage(body.get("usage")),
        created=created_of(body),
        extra=response_extra(body),
        origin=ORIGIN,
    )


def read_output(output: list[Any]) -> list[Part]:
    parts: list[Part] = []
    for index, item in enumerate(output):
        if isinstance(item, dict):
            parts += read_item(item, f"output[{index}]")
    return parts


def read_item(item: Extra, path: str) -> list[Part]:
    """As in requests, but an item that cannot be read is the backend's fault."""
    try:
        return output_parts(item, path)
    except ParleyError as error:
        message = f"The backend's answer cannot be read: {error.fault.message}"
        raise ParleyError(Fault(FaultKind.UPSTREAM, message)) from None


def response_extra(body: Extra) -> Extra:
    """The response's other fields, as a note to the writer: most repeat the request."""
    return {RESPONSE: {key: value for key, value in body.items() if key not in _MODELLED}}


def created_of(body: Extra) -> int | None:
    created = body.get("created_at")
    return int(created) if isinstance(created, int | float) else None


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""


def write_reply(reply: Reply, view: View) -> dict[str, Any]:
    answer = Answer(view)
    for event in unfold(reply):
        answer.write(event)
    unfinished = reply.choices[0].raw_finish if reply.origin == ORIGIN and reply.choices else None
    if unfinished in UNFINISHED:
        answer.response["status"] = unfinished
    return answer.response
