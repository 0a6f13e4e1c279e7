"""What is printed once the listeners are open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mitmproxy import ctx
from mitmproxy.proxy import mode_specs
from mitmproxy.proxy.mode_servers import ServerInstance
from mitmproxy.tools.web.webaddons import WebAuth

from proxy_core import __version__
from proxy_core.config.providers import DEMO
from proxy_core.config.settings import Settings
from proxy_core.routing.upstreams import Backend

if TYPE_CHECKING:
    from proxy_core.sharing.link import Link

_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}


COMMAND = "parley.welcome"
"""mitmproxy's command that gives the same lines again."""


def show(settings: Settings, servers: Sequence[ServerInstance]) -> None:
    """Printed and not logged, since the client's key may be part of it. mitmproxy's console has the screen for itself
    by then, so there it is a box over the list of flows."""
    if ctx.master.addons.get("consoleaddon"):
        from mitmproxy.tools.console.commandexecutor import CommandExecutor  # with all of the console

        CommandExecutor(ctx.master)(COMMAND)
        return
    print("\n".join([*lines(settings, servers), *_web()]), flush=True)


def show_sharing(link: Link) -> None:
    """Once it is known whether Redis is there."""
    if link.state.connected:
        print(f"  Redis        {link.place}; sessions and resting keys are shared with the other instances", flush=True)
        return
    print(
        f"  Note         Redis at {link.place} cannot be used ({link.state.why}): sessions and resting keys are kept\n"
        "               in this process's memory; it is tried again and again",
        flush=True,
    )


def lines(settings: Settings, servers: Sequence[ServerInstance]) -> Iterator[str]:
    yield f"Parley {__version__}"
    yield from _addresses(servers)
    if _base_url(servers):
        yield f"  Dashboard    {_base_url(servers)}/dashboard"
    if settings.replay:
        yield f"  Replaying    {settings.replay.file}; nothing else is asked, whatever model is named"
    else:
        yield from _backends(settings)
    if settings.record:
        whose = f", session {settings.record.session} only" if settings.record.session else ""
        yield f"  Recording    {settings.record.file}{whose}"
    for note in settings.notes:
        yield f"  Note         {note}"
    yield from _client_key(settings)


def _backends(settings: Settings) -> Iterator[str]:
    yield f"  Backends     {', '.join(_backend(backend, settings) for backend in _usable(settings))}"
    if settings.default_backend == DEMO:
        yield "  No key is set, so the built-in demo answers (demo:echo). For real models set one of OPENAI_API_KEY,"
        yield "  OPENROUTER_API_KEY, GEMINI_API_KEY, ANTHROPIC_API_KEY in the environment or in .env, and start again."


def _addresses(servers: Sequence[ServerInstance]) -> Iterator[str]:
    for server in servers:
        address = next((f"http://{_host(host)}:{port}" for host, port, *_ in server.listen_addrs), None)
        if address is None:
            continue
        if isinstance(server.mode, mode_specs.ReverseMode):
            yield f"  Base URL     {address}/v1 (OpenAI), {address}/anthropic (Anthropic), {address} (Gemini)"
        elif isinstance(server.mode, mode_specs.RegularMode):
            yield f"  HTTP proxy   {address} (HTTP_PROXY, HTTPS_PROXY; `parley run -- COMMAND` sets them)"
        else:
            yield f"  {server.mode.description}   {address}"


def _base_url(servers: Sequence[ServerInstance]) -> str | None:
    reverse = (server for server in servers if isinstance(server.mode, mode_specs.ReverseMode))
    return next((f"http://{_host(host)}:{port}" for server in reverse for host, port, *_ in server.listen_addrs), None)


def _web() -> Iterator[str]:
    """mitmweb's address with the token that opens it."""
    auth = ctx.master.addons.get("webauth")
    if isinstance(auth, WebAuth):
        yield f"  Open         {auth.web_url}"


def _host(host: str) -> str:
    host = _ANYWHERE.get(host, host)
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _usable(settings: Settings) -> list[Backend]:
    return [backend for backend in settings.backends.values() if backend.usable]


def _backend(backend: Backend, settings: Settings) -> str:
    notes = []
    if backend.credentials == "client":
        notes.append("the client's own key")
    elif backend.keys:
        notes.append(f"{len(backend.keys)} key{'s'[: len(backend.keys) > 1]}")
    if backend.name == settings.default_backend:
        notes.append("default")
    return f"{backend.name} ({', '.join(notes)})" if notes else backend.name


def _client_key(settings: Settings) -> Iterator[str]:
    if settings.auth_disabled:
        yield "  Client key   none is asked for (authentication is disabled)"
    elif settings.client_key_generated:
        yield f"  Client key   {settings.client_key}"
        yield "               made for this run; set LLM_INTERACTIVE_PROXY_API_KEY to keep one"
    else:
        yield "  Client key   as set in LLM_INTERACTIVE_PROXY_API_KEY"
