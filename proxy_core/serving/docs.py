"""The description of all endpoints as a page for people."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import groupby

from proxy_core import __version__
from proxy_core.exchange.answers import Answer
from proxy_core.serving.endpoints import Endpoint
from proxy_core.serving.html import html_answer
from proxy_core.wire.json import dumps

_INTRODUCTION = (
    "<p>Whatever protocol a request is made in, any backend can answer it: name it as <code>backend:model</code>. "
    "Show the client key as <code>Authorization: Bearer</code>, <code>x-api-key</code>, <code>x-goog-api-key</code> or "
    "<code>?key=</code>. Errors come in the protocol's own shape.</p>"
    "<p>Type <code>!/help</code> into a chat for the commands. "
    'For programs: <a href="/openapi.json">openapi.json</a>.</p>'
)


def docs_page(endpoints: Iterable[tuple[Endpoint, bool]]) -> Answer:
    """`endpoints` with whether each needs the client key, in the order of their sections."""
    sections = "".join(
        f"<h2>{escape(section)}</h2>{''.join(_endpoint(*row) for row in rows)}"
        for section, rows in groupby(endpoints, lambda row: row[0].section)
    )
    head = f'<h1>Parley</h1><p class="soft">version {escape(__version__)}</p>'
    return html_answer("Parley: endpoints", head + _INTRODUCTION + sections)


def _endpoint(endpoint: Endpoint, needs_key: bool) -> str:
    return (
        f'<details><summary><span class="verb {endpoint.method.lower()}">{endpoint.method}</span>'
        f'<code>{escape(endpoint.path)}</code> <span class="soft">{escape(endpoint.summary)}</span></summary><div>'
        f"{''.join(_details(endpoint, needs_key))}</div></details>"
    )


def _details(endpoint: Endpoint, needs_key: bool) -> Iterable[str]:
    if endpoint.description:
        yield f"<p>{escape(endpoint.description)}</p>"
    if endpoint.also:
        yield f"<p>Also at {', '.join(f'<code>{escape(path)}</code>' for path in endpoint.also)}.</p>"
    yield f"<p>Client key: {'needed' if needs_key else 'not needed'}. Answers {escape(_answers(endpoint))}.</p>"
    if endpoint.query:
        rows = (f"<tr><td><code>{q.name}</code></td><td>{escape(q.what)}</td></tr>" for q in endpoint.query)
        yield f"<table>{''.join(rows)}</table>"
    yield f"<pre>{escape(_curl(endpoint, needs_key))}</pre>"
    if endpoint.vendor:
        yield f'<p>Fields: <a href="{escape(endpoint.vendor)}" rel="noreferrer">{escape(endpoint.vendor)}</a></p>'


def _answers(endpoint: Endpoint) -> str:
    streamed = f"; streamed: {endpoint.stream}" if endpoint.stream else ""
    return " or ".join(endpoint.answers) + streamed


def _curl(endpoint: Endpoint, needs_key: bool) -> str:
    path = endpoint.path.replace("{model}", "demo:echo")
    words = [f"curl http://127.0.0.1:8000{path}"]
    if endpoint.method not in ("GET", "POST"):
        words[0] = f"curl -X {endpoint.method} http://127.0.0.1:8000{path}"
    if needs_key:
        words.append("-H 'Authorization: Bearer KEY'")
    if endpoint.example:
        words += ["-H 'Content-Type: application/json'", f"-d '{dumps(endpoint.example).decode()}'"]
    return " \\\n  ".join(words)
