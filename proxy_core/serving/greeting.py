"""What stands at `/`: a few words on what this is, for people, scripts and clients that ask whether anyone is there."""

from __future__ import annotations

import re
from html import escape

from proxy_core import __version__
from proxy_core.config.settings import Settings
from proxy_core.exchange.answers import Answer, json_answer, text_answer
from proxy_core.exchange.inbound import Inbound
from proxy_core.serving.html import html_answer
from proxy_core.serving.pages import Page

_WHAT = "An LLM proxy: point any client here, whatever it speaks, and any backend answers."
_BASES = {
    "OpenAI": "/v1",
    "Anthropic": "/anthropic (or none)",
    "Gemini": " (no path)",
}
"""What clients are given as base URL, after scheme and host."""
_LINKS = {
    "/dashboard": "what happens and what it costs (with a key)",
    "/docs": "all endpoints",
    "/health": "state of the backends",
    "/v1/models": "models (with a key)",
}
_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}")


def pages(settings: Settings) -> tuple[Page, ...]:
    """Claude Code asks HEAD / and HEAD /api/hello before its first request."""

    def home(inbound: Inbound) -> Answer:
        return _home(inbound, f"{settings.host}:{settings.port}")

    return (
        Page("/", home, needs_key=False),
        Page("/api/hello", lambda inbound: json_answer({"message": "hello"}), needs_key=False),
        Page("/favicon.ico", lambda inbound: Answer(204, [], b""), needs_key=False),
    )


def _home(inbound: Inbound, address: str) -> Answer:
    accept = inbound.headers.get("accept", "")
    if "text/html" in accept:
        return _page(_base(inbound, address))
    if "application/json" in accept:
        return json_answer({"name": "parley", "version": __version__, "description": _WHAT, "links": list(_LINKS)})
    lines = [f"Parley {__version__}. {_WHAT}", *(f"{path}  {what}" for path, what in _LINKS.items())]
    return text_answer("\n".join(lines) + "\n")


def _base(inbound: Inbound, address: str) -> str:
    """The address that this client knows us by."""
    host = inbound.headers.get("host", "")
    return f"http://{host if _HOST.fullmatch(host) else address}"


def _page(base: str) -> Answer:
    bases = "".join(
        f"<tr><td>{escape(name)}</td><td><code>{escape(base + path)}</code></td></tr>" for name, path in _BASES.items()
    )
    links = "".join(f'<li><a href="{path}">{path}</a> {escape(what)}</li>' for path, what in _LINKS.items())
    body = (
        f'<h1>Parley</h1><p class="soft">version {escape(__version__)}</p><p>{escape(_WHAT)}</p>'
        f"<h2>Base URL for clients of</h2><table>{bases}</table><h2>Here</h2><ul>{links}</ul>"
    )
    return html_answer("Parley", body)
