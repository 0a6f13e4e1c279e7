"""Signatures of one provider, carried through the client of another and brought back unharmed.

A client keeps what its protocol has a field for (Anthropic `signature`, Responses `encrypted_content`, Gemini
`thoughtSignature`, Chat `extra_content.google.thought_signature`). A foreign seal travels in that field in an
envelope: real, padded base64 of a mark, the origin and the provider's own string. Some clients drop values
that are not valid base64, so nothing else will do.
"""

from __future__ import annotations

import base64

from proxy_core.turn.content import ProtocolName, Seal

_MARK = b"\x00parley-seal\x01"
_MARK_BASE64 = base64.b64encode(_MARK[:12]).decode()
FOREIGN_MARK = _MARK_BASE64.encode()
"""What every envelope begins with, as it stands in a request body."""
_CODES: dict[ProtocolName, bytes] = {
    "openai_chat": b"c",
    "openai_responses": b"r",
    "anthropic": b"a",
    "gemini": b"g",
}
_ORIGINS: dict[bytes, ProtocolName] = {code: origin for origin, code in _CODES.items()}


def sealed_for(seal: Seal, protocol: ProtocolName) -> str:
    """The string to put into `protocol`'s field: the provider's own where it is at home, an envelope elsewhere."""
    if seal.origin == protocol:
        return seal.data
    return base64.b64encode(_MARK + _CODES[seal.origin] + seal.data.encode("utf-8", "surrogatepass")).decode()


def unsealed_from(data: str, protocol: ProtocolName) -> Seal:
    """The seal behind a string found in `protocol`'s field."""
    if not data.startswith(_MARK_BASE64):
        return Seal(protocol, data)
    try:
        envelope = base64.b64decode(data, validate=True)
        if not envelope.startswith(_MARK):
            return Seal(protocol, data)
        origin = _ORIGINS[envelope[len(_MARK) : len(_MARK) + 1]]
        return Seal(origin, envelope[len(_MARK) + 1 :].decode("utf-8", "surrogatepass"))
    except (ValueError, KeyError):  # not base64, not ASCII, cut off, an origin of a later edition
        return Seal(protocol, data)
