"""One reader per kind of option: text to value, or ValueError with the reason."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from proxy_core.config.options import LOG_LEVELS, Kind

SWITCH_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1|\[::1\]", re.IGNORECASE)


def switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in SWITCH_WORDS:
        raise ValueError("must be true or false (also 1/0, yes/no, on/off).")
    return SWITCH_WORDS[word]


def integer(value: Any) -> int:
    if not re.fullmatch(r"\s*\d{1,12}\s*", str(value)) or int(value) < 1:
        raise ValueError("must be a whole number above 0.")
    return int(value)


def port(value: Any) -> int:
    if not re.fullmatch(r"\s*\d{1,5}\s*", str(value)) or int(value) > 65535:
        raise ValueError("must be a port number from 0 to 65535 (0: any free one).")
    return int(value)


def seconds(value: Any) -> float:
    if not re.fullmatch(r"\s*\d+(\.\d+)?\s*", str(value)) or float(value) <= 0:
        raise ValueError("must be a number of seconds above 0.")
    return float(value)


def host(value: Any) -> str:
    text = str(value).strip().removeprefix("[").removesuffix("]")
    if not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:]+(%\w+)?", text):
        raise ValueError("must be an address or a host name, without port or scheme.")
    return text


def level(value: Any) -> str:
    text = str(value).strip().upper()
    if text not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}.")
    return text


def prefix(value: Any) -> str:
    """2 to 10 printable characters, no space; two characters must differ."""
    text = str(value)
    if not 2 <= len(text) <= 10:
        raise ValueError("must have 2 to 10 characters.")
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError("must be printable characters without a space.")
    if len(text) == 2 and text[0] == text[1]:
        raise ValueError("two characters must differ.")
    return text


def http_url(value: Any) -> str:
    text = str(value).strip()
    try:
        parts = urlsplit(text)
        has_port_error = parts.port == 0
    except ValueError:
        raise ValueError("is not a URL.") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError("must begin with http:// or https://.")
    if not parts.hostname or has_port_error or any(character.isspace() for character in text):
        raise ValueError("must name a host.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user name or password.")
    return text


def secret(value: Any) -> str:
    text = str(value).strip()
    if not text.isascii() or any(character.isspace() for character in text):
        raise ValueError(
            "must be ASCII without spaces or line breaks; it was probably pasted with something around it."
        )
    return text


def text(value: Any) -> str:
    return str(value).strip()


READERS: dict[Kind, Callable[[Any], Any]] = {
    "text": text,
    "path": text,
    "host": host,
    "port": port,
    "seconds": seconds,
    "switch": switch,
    "integer": integer,
    "secret": secret,
    "url": http_url,
    "level": level,
    "prefix": prefix,
}

EXAMPLES: dict[Kind, str] = {
    "host": "127.0.0.1",
    "port": "8000",
    "seconds": "300",
    "switch": "true",
    "integer": "64",
    "url": "https://api.example.com/v1",
    "level": "INFO",
    "prefix": "!/",
}


def is_loopback(address: str) -> bool:
    return _LOOPBACK.fullmatch(address) is not None
