"""What only OpenAI's own servers can serve: answers, conversations and items that they keep."""

from __future__ import annotations

from proxy_core.errors import ParleyError, invalid
from proxy_core.turn.content import Opaque
from proxy_core.turn.request import ChatRequest

_ADVICE = {
    "previous_response_id": "send the whole conversation in 'input' instead",
    "conversation": "send the whole conversation in 'input' instead",
    "background": "leave it out and wait for the answer",
    "prompt": "send its text in 'instructions' and 'input' instead",
}


def refuse_server_state(request: ChatRequest) -> None:
    """Raises ParleyError naming the field; to be called before a Responses request goes to another protocol."""
    for field, advice in _ADVICE.items():
        if request.extra.get(field):
            raise _refusal(field, advice)
    for turn in request.turns:
        for part in turn.parts:
            if isinstance(part, Opaque) and part.kind == "item_reference":
                raise _refusal("input", "an 'item_reference' has to be sent as the item itself")


def _refusal(field: str, advice: str) -> ParleyError:
    return invalid(f"'{field}' needs OpenAI's own servers, and this model is served by others: {advice}.", field)
