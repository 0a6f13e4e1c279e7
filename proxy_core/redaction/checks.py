"""Is it a secret? What the forms alone cannot tell: entropy, decoded content, and what only looks like one."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import zlib
from collections import Counter

PLACEHOLDER = re.compile(rb"SECRET_[A-Z0-9_]{1,40}_[a-z2-7]{10}")
"""The form of the vault's placeholders."""

_ALPHABETS = re.compile(
    rb"(?i)abcdefgh|hijklmno|12345678|01234567|qwertyui|(.)\1{7}|(?:deadbeef){2}|(?:0123456789abcdef)|"
    rb"example|placeholder|changeme|redacted|your[_-]?|x{6}|\*{4}|\.{4}"
)
_IN_EVERY_SENTENCE = frozenset(
    b"the and for with from was are has not but its his her who does did them they an".split()
)
_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def entropy(value: bytes) -> float:
    """Shannon's, in bits per byte."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values()) if size else 0.0


def from_documentation(value: bytes) -> bool:
    """Alphabets, runs of one letter and words such as EXAMPLE stand for keys in documentation."""
    return _ALPHABETS.search(value) is not None


def secret_of(match: re.Match[bytes]) -> bytes:
    start, end = secret_span(match)
    return match.string[start:end]


def secret_span(match: re.Match[bytes]) -> tuple[int, int]:
    """Of the group that holds the secret, else of the whole match."""
    for group in ("secret", "quoted", "escaped", "bare"):
        if group in match.re.groupindex and match.start(group) >= 0:
            return match.span(group)
    return match.span()


def checksummed(value: bytes) -> bool:
    """GitHub and npm end their tokens in the CRC-32 of the rest, in base 62.
    https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/"""
    body = value.rpartition(b"_")[2]
    number, digits = zlib.crc32(body[:-6]), b""
    while number:
        number, digit = divmod(number, 62)
        digits = _BASE62[digit : digit + 1] + digits
    return len(body) >= 30 and digits.rjust(6, b"0") == body[-6:]


def is_jwt(match: re.Match[bytes]) -> bool:
    """The header of a JSON Web Token names its algorithm. https://www.rfc-editor.org/rfc/rfc7515#section-4.1.1"""
    header = secret_of(match).partition(b".")[0]
    try:
        fields = json.loads(base64.urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(fields, dict) and "alg" in fields


def is_basic_auth(match: re.Match[bytes]) -> bool:
    """`user:password` in base64, both of them printable. https://www.rfc-editor.org/rfc/rfc7617#section-2"""
    try:
        text = base64.b64decode(secret_of(match), validate=True).decode()
    except (ValueError, binascii.Error):
        return False
    user, colon, password = text.partition(":")
    return bool(colon and user and len(password) >= 3 and text.isprintable())


def is_wallet_phrase(match: re.Match[bytes]) -> bool:
    """As many words as BIP 39 has; its list has none of the short words that every sentence has.
    https://github.com/bitcoin/bips/blob/master/bip-0039.mediawiki"""
    words = secret_of(match).split()
    return len(words) in (12, 15, 18, 21, 24) and _IN_EVERY_SENTENCE.isdisjoint(words)


def is_key_block(match: re.Match[bytes]) -> bool:
    """A block of a key has lines of base64; a text about key blocks has none."""
    return re.search(rb"[A-Za-z0-9+/=]{40}", match.group()) is not None
