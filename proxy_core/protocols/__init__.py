"""The four protocols, one folder each. A new one is a folder and a line in the table below."""

from __future__ import annotations

from proxy_core.protocols.anthropic import ANTHROPIC
from proxy_core.protocols.contract import Codec
from proxy_core.protocols.gemini import GEMINI
from proxy_core.protocols.openai_chat import OPENAI_CHAT
from proxy_core.protocols.openai_responses import OPENAI_RESPONSES
from proxy_core.turn.content import ProtocolName

CODECS: dict[ProtocolName, Codec] = {
    "openai_chat": OPENAI_CHAT,
    "openai_responses": OPENAI_RESPONSES,
    "anthropic": ANTHROPIC,
    "gemini": GEMINI,
}
