"""What holds for one request, layered: the request's own, one-off, session, persistent, configured.

The last two are one by now: the configuration has been read with what was saved (proxy_core.config.saved).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from proxy_core.config.settings import Settings
from proxy_core.pipeline.wishes import Wishes
from proxy_core.sessions.session import Session, SessionSettings

NOTHING = SessionSettings()


@dataclass(frozen=True, slots=True)
class Effective:
    """`model` and `backend` are None where the client's own choice stands. `one_off` says that `model` is for this
    request alone; whoever sends the request on calls `Session.take_one_off`."""

    model: str | None
    backend: str | None
    one_off: bool
    project: str | None
    interactive: bool
    wishes: Wishes
    openai_url: str | None
    redact: bool
    loop_detection: bool
    tool_loop_detection: bool
    command_prefix: str

    def model_for(self, asked: str, backends: Collection[str], routes: Collection[str] = ()) -> str:
        """The name that is to be routed when the client asked for `asked`. A chosen backend replaces the one that the
        client named; a chosen model that names its own backend, and routes, keep theirs."""
        name = self.model or asked
        if self.backend is None or name in routes:
            return name
        prefix, _, rest = name.partition(":")
        if not rest or prefix.lower() not in backends:
            return f"{self.backend}:{name}"
        return name if self.model else f"{self.backend}:{rest}"


def effective(settings: Settings, session: Session, request: SessionSettings = NOTHING) -> Effective:
    """`request` is what was set for this request alone, beside a one-off."""
    own = session.settings
    chosen = request.model or session.one_off
    loops = settings.loops.enabled
    return Effective(
        model=chosen or own.model,
        backend=request.backend or (None if chosen else own.backend),
        one_off=request.model is None and session.one_off is not None,
        project=request.project or own.project,
        interactive=_first(request.interactive, own.interactive, settings.interactive),
        wishes=_wishes(request).over(_wishes(own)),
        openai_url=request.openai_url or own.openai_url,
        redact=_first(request.redact, own.redact, settings.redact),
        loop_detection=_first(request.loop_detection, own.loop_detection, loops),
        tool_loop_detection=_first(request.tool_loop_detection, own.tool_loop_detection, loops),
        command_prefix=settings.command_prefix,
    )


def _wishes(settings: SessionSettings) -> Wishes:
    return Wishes(settings.temperature, settings.reasoning_effort, settings.thinking_budget)


def _first(*layers: bool | None) -> bool:
    return next(layer for layer in layers if layer is not None)
