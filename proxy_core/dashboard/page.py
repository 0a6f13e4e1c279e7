"""The page itself: one file without a request to anywhere but its own proxy, which its policy enforces."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

from proxy_core import __version__
from proxy_core.exchange.answers import Answer

_SCRIPTS = ("dom.js", "figures.js", "charts.js", "requests.js", "panels.js", "main.js")
"""In this order they are one script."""
_HEADERS = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),  # with no-referrer, Chromium posts the form with the origin `null`
    ("cross-origin-opener-policy", "same-origin"),
]


@dataclass(frozen=True, slots=True)
class Document:
    """`html` has places for what differs from one answer to the next."""

    html: str
    policy: str


def dashboard_page(has_logout: bool) -> Answer:
    document = _document("dashboard.html", _SCRIPTS)
    return _answer(document, 200, logout="" if has_logout else "hidden")


def login_page(message: str = "") -> Answer:
    """With the status of a refusal: programs that ask without a key are to notice."""
    return _answer(_document("login.html", ()), 401, message=escape(message), shown="" if message else "hidden")


def _answer(document: Document, status: int, **values: str) -> Answer:
    html = document.html
    for name, value in {"version": escape(__version__), **values}.items():
        html = html.replace(f"{{{{{name}}}}}", value)
    return Answer(status, [*_HEADERS, ("content-security-policy", document.policy)], html.encode())


@cache
def _document(name: str, scripts: tuple[str, ...]) -> Document:
    style = _asset("style.css")
    script = "".join(_asset(part) for part in scripts)
    html = _asset(name).replace("{{style}}", style).replace("{{script}}", script)
    return Document(html, _policy(style, script))


def _policy(style: str, script: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}" if script else "script-src 'none'",
            "img-src data:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _asset(name: str) -> str:
    return files("proxy_core.dashboard").joinpath("assets", name).read_text("utf-8")
