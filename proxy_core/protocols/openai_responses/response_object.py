"""The response object around a reply's output: what the request asked is repeated in it.

https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

import hashlib
import uuid

from proxy_core.profiles.target import Target
from proxy_core.protocols.contract import View
from proxy_core.protocols.openai_responses.names import ORIGIN, public
from proxy_core.protocols.openai_responses.request_write import write_settings
from proxy_core.protocols.openai_responses.writing import Writing
from proxy_core.turn.content import Extra
from proxy_core.turn.losses import Losses

_DEFAULTS: Extra = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": False,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}
_NOT_REPEATED = ("service_tier", "background", "store")
"""What the request says of these is not what happened to it here."""


def repeated_settings(view: View) -> Extra:
    """The fields of a response that repeat its request, for replies of backends that repeat nothing."""
    if view.request.origin != ORIGIN:
        return dict(_DEFAULTS)
    asked = write_settings(view.request, Writing(Target(view.model), Losses(), own=True))
    asked = {key: value for key, value in asked.items() if key in _DEFAULTS and key not in _NOT_REPEATED}
    if "text" in asked:
        asked["text"] = {**_DEFAULTS["text"], **asked["text"]}
    if "reasoning" in asked:
        asked["reasoning"] = {**_DEFAULTS["reasoning"], **public(asked["reasoning"])}
    return {**_DEFAULTS, **asked}


def response_id(given: str) -> str:
    """The reply's own id where it has the API's form, else one made of it."""
    if given.startswith("resp_"):
        return given
    return f"resp_{seed_of(given)}"


def seed_of(given: str) -> str:
    """What all ids of one reply have in common; always the same for the same id of a backend."""
    return hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:40] if given else uuid.uuid4().hex
