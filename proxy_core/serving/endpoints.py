"""What there is to call, described for people and for programs: one row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

type Section = Literal["OpenAI", "Anthropic", "Gemini", "Models", "State and usage", "About"]


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the query; `kind` is its JSON type."""

    name: str
    what: str
    kind: Literal["string", "integer"] = "string"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`path` is an OpenAPI template; `also` are other paths of the same. `required` names the fields of the body,
    `example` is one. `answers` are the media types of the answer, `stream` the one it has when streamed."""

    section: Section
    method: Literal["GET", "HEAD", "POST", "DELETE"]
    path: str
    summary: str
    description: str = ""
    also: tuple[str, ...] = ()
    query: tuple[Query, ...] = ()
    required: tuple[str, ...] = ()
    example: dict[str, Any] | None = None
    answers: tuple[str, ...] = ("application/json",)
    stream: str | None = None
    vendor: str | None = None
    """The vendor's own page on it."""


_SSE = "text/event-stream"
_OPENAI = "https://platform.openai.com/docs/api-reference"
_HELLO = [{"role": "user", "content": "Hello"}]
_DAYS = Query("days", "how many days back, today (UTC) counted, default 30", "integer")
_FILTERS = tuple(
    Query(name, f"only this {name}, where given") for name in ("backend", "project", "session", "model", "agent")
)
_BEFORE = Query("before", "only rows older than the one with this id: the last of the page before", "integer")
_LIST = "Every backend's models as backend:model, routes and aliases."

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "OpenAI",
        "POST",
        "/v1/chat/completions",
        "Chat completion",
        "Answered by whichever backend the model names: backend:model, backend/model, a route, an alias, or a bare "
        "model. Commands typed into the newest user message (!/help) are carried out here.",
        also=("/chat/completions",),
        required=("model", "messages"),
        example={"model": "demo:echo", "messages": _HELLO, "stream": True},
        stream=_SSE,
        vendor=f"{_OPENAI}/chat/create",
    ),
    Endpoint(
        "OpenAI",
        "POST",
        "/v1/responses",
        "Response",
        "As chat completions. What a server would have to remember (previous_response_id, background) goes only to "
        "backends that speak this protocol. WebSocket is answered 426.",
        also=("/responses",),
        required=("model", "input"),
        example={"model": "demo:echo", "input": "Hello", "stream": True},
        stream=_SSE,
        vendor=f"{_OPENAI}/responses/create",
    ),
    Endpoint(
        "OpenAI",
        "POST",
        "/v1/responses/input_tokens",
        "Tokens of a response's input",
        "Counted by the backend where it can, else estimated here.",
        required=("model", "input"),
        example={"model": "demo:echo", "input": "Hello"},
        vendor=f"{_OPENAI}/responses/input-tokens",
    ),
    Endpoint(
        "OpenAI",
        "POST",
        "/v1/completions",
        "Completion of a text",
        "For OpenAI-compatible backends.",
        required=("model", "prompt"),
        example={"model": "openai:gpt-3.5-turbo-instruct", "prompt": "Once"},
        stream=_SSE,
        vendor=f"{_OPENAI}/completions/create",
    ),
    Endpoint(
        "OpenAI",
        "POST",
        "/v1/embeddings",
        "Embeddings",
        "For OpenAI-compatible backends.",
        required=("model", "input"),
        example={"model": "openai:text-embedding-3-small", "input": "Hello"},
        vendor=f"{_OPENAI}/embeddings/create",
    ),
    Endpoint(
        "OpenAI",
        "POST",
        "/v1/images/generations",
        "Images",
        "For OpenAI-compatible backends.",
        required=("model", "prompt"),
        example={"model": "openai:gpt-image-1", "prompt": "A lighthouse"},
        vendor=f"{_OPENAI}/images/create",
    ),
    Endpoint(
        "Anthropic",
        "POST",
        "/v1/messages",
        "Message",
        "Answered by any backend, as chat completions are. Any query is taken (?beta=true).",
        also=("/anthropic/v1/messages",),
        required=("model", "max_tokens", "messages"),
        example={"model": "demo:echo", "max_tokens": 1024, "messages": _HELLO, "stream": True},
        stream=_SSE,
        vendor="https://platform.claude.com/docs/en/api/messages/create",
    ),
    Endpoint(
        "Anthropic",
        "POST",
        "/v1/messages/count_tokens",
        "Tokens of a message",
        "Counted by the backend where it can, else estimated here.",
        also=("/anthropic/v1/messages/count_tokens",),
        required=("model", "messages"),
        example={"model": "demo:echo", "messages": _HELLO},
        vendor="https://platform.claude.com/docs/en/api/messages/count_tokens",
    ),
    Endpoint(
        "Gemini",
        "POST",
        "/v1beta/models/{model}:generateContent",
        "Content",
        "Answered by any backend. Fields in snake_case are taken beside camelCase.",
        also=("/v1/models/{model}:generateContent", "/models/{model}:generateContent"),
        required=("contents",),
        example={"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
        vendor="https://ai.google.dev/api/generate-content",
    ),
    Endpoint(
        "Gemini",
        "POST",
        "/v1beta/models/{model}:streamGenerateContent",
        "Content as a stream",
        "Server-sent events with alt=sse, else one JSON array that grows.",
        also=("/v1/models/{model}:streamGenerateContent", "/models/{model}:streamGenerateContent"),
        query=(Query("alt", "sse, for server-sent events"),),
        required=("contents",),
        example={"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
        stream=_SSE,
        vendor="https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent",
    ),
    Endpoint(
        "Gemini",
        "POST",
        "/v1beta/models/{model}:countTokens",
        "Tokens of a content",
        "Counted by the backend where it can, else estimated here.",
        also=("/v1/models/{model}:countTokens", "/models/{model}:countTokens"),
        example={"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
        vendor="https://ai.google.dev/api/tokens",
    ),
    Endpoint(
        "Models",
        "GET",
        "/v1/models",
        "Models",
        f"{_LIST} In OpenAI's shape; a header anthropic-version asks for Anthropic's, x-goog-api-key for Gemini's.",
        also=("/models",),
    ),
    Endpoint("Models", "GET", "/v1/models/{model}", "One model", also=("/models/{model}",)),
    Endpoint("Models", "GET", "/anthropic/v1/models", "Models in Anthropic's shape", _LIST),
    Endpoint("Models", "GET", "/anthropic/v1/models/{model}", "One model in Anthropic's shape"),
    Endpoint("Models", "GET", "/v1beta/models", "Models in Gemini's shape", _LIST),
    Endpoint("Models", "GET", "/v1beta/models/{model}", "One model in Gemini's shape"),
    Endpoint("State and usage", "GET", "/health", "State of the proxy and its backends", "No key is needed."),
    Endpoint(
        "State and usage",
        "GET",
        "/usage/stats",
        "Requests, tokens and cost, summed up",
        query=(_DAYS, *_FILTERS),
    ),
    Endpoint(
        "State and usage",
        "GET",
        "/usage/recent",
        "The newest requests, one by one",
        query=(Query("limit", "how many, default 50, at most 1000", "integer"), _BEFORE, *_FILTERS),
    ),
    Endpoint(
        "State and usage",
        "GET",
        "/usage/export.csv",
        "The newest requests as CSV",
        "At most 100,000 rows; go on with before=ID.",
        query=(Query("limit", "how many, default 100000", "integer"), _BEFORE, *_FILTERS),
        answers=("text/csv",),
    ),
    Endpoint("State and usage", "GET", "/metrics", "Counters for Prometheus", answers=("text/plain",)),
    Endpoint(
        "State and usage",
        "GET",
        "/v1/sessions",
        "Sessions and their settings",
        "The one used last comes first. A session is one conversation of one client.",
    ),
    Endpoint(
        "State and usage",
        "GET",
        "/v1/sessions/{id}",
        "One session",
        "With the context of its last request: estimated tokens by system text, tool, MCP server, file, tool result, "
        "thinking and so on; null where that is not remembered any more.",
    ),
    Endpoint("State and usage", "DELETE", "/v1/sessions/{id}", "Forget a session", "What was set for it is forgotten."),
    Endpoint(
        "State and usage",
        "GET",
        "/dashboard",
        "A page for people",
        "Asks for the client key, which a browser need send only once.",
        answers=("text/html",),
    ),
    Endpoint(
        "State and usage",
        "GET",
        "/dashboard/data",
        "What the dashboard's charts show",
        "For the client key, or the cookie that a browser got for it. Hours and days are in UTC.",
        query=(Query("days", "1, 7 (the default) or 30", "integer"),),
    ),
    Endpoint(
        "State and usage",
        "GET",
        "/dashboard/events",
        "What the dashboard shows live",
        "For the client key, or the cookie that a browser got for it. Ends after a few minutes, to be asked for anew.",
        answers=("text/event-stream",),
    ),
    Endpoint("About", "GET", "/", "What this is", answers=("text/plain", "text/html", "application/json")),
    Endpoint("About", "GET", "/api/hello", "Claude Code's greeting", "Asked as HEAD, like /."),
    Endpoint("About", "GET", "/docs", "This description as a page", answers=("text/html",)),
    Endpoint("About", "GET", "/openapi.json", "This description for programs (OpenAPI 3.1)"),
)

UNLISTED = frozenset({"/favicon.ico", "/dashboard/login", "/dashboard/logout"})
"""Pages that are nobody's to call, or only a form's."""
