"""Requests to the proxy's own pages, without a proxy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from proxy_core.config.providers import DEMO_BACKEND
from proxy_core.config.settings import Settings
from proxy_core.exchange.answers import Answer
from proxy_core.exchange.inbound import HeaderMap, Inbound
from proxy_core.routing.upstreams import Backend
from proxy_core.serving.pages import Page, Pages
from proxy_core.wire.json import loads

SECRET = "sk-secret-0123456789"

OPENAI = Backend("openai", "openai_chat", f"https://user:{SECRET}@api.example.com/v1", (SECRET, "sk-other"))
GEMINI = Backend("gemini", "gemini", "https://gemini.example.com/v1beta")


def settings(*backends: Backend, **fields: Any) -> Settings:
    table = {backend.name: backend for backend in (*backends, DEMO_BACKEND)}
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 8000,
        "proxy_host": "127.0.0.1",
        "proxy_port": 8080,
        "default_backend": next(iter(table)),
        "client_key": "parley-client-key",
        "config_file": Path("addons.yaml"),
    }
    return Settings(**{**given, **fields}, backends=table)


def ask(pages: tuple[Page, ...], target: str, method: str = "GET", **headers: str) -> Answer:
    inbound = Inbound("base_url", method, target, HeaderMap(headers.items()))
    page = Pages(pages).find(inbound)
    assert page, f"no page for {method} {target}"
    return page.answer(inbound)


def header(answer: Answer, name: str) -> str:
    return dict(answer.headers)[name]


def json_of(answer: Answer) -> Any:
    assert header(answer, "content-type") == "application/json"
    return loads(answer.body)
