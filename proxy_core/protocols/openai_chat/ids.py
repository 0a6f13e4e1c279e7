"""Ids in the shape of OpenAI's, for replies and calls that come without one.

They are random: an id made of a call's place would come again in the next turn, and conversations with the same id
twice are refused elsewhere.
"""

from __future__ import annotations

import uuid


def made_id() -> str:
    return f"chatcmpl-{uuid.uuid4().hex}"


def made_call_id() -> str:
    return f"call_{uuid.uuid4().hex[:24]}"
