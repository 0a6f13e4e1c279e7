"""One conversation of one client, and what was set for it from inside the chat."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from proxy_core.turn.effort import Effort

REPEATED = (
    "Note: your last answer was ended because it repeated itself. Do not repeat it; go on from there in another way, "
    "or say what keeps you from it."
)
"""What `Session.notice` says."""


@dataclass(slots=True)
class SessionSettings:
    """None: not set here, so the persistent setting counts, then the configured one."""

    model: str | None = None
    """As the user named it: `backend:model`, an alias, a route."""
    backend: str | None = None
    project: str | None = None
    interactive: bool | None = None
    temperature: float | None = None
    reasoning_effort: Effort | None = None
    thinking_budget: int | None = None
    openai_url: str | None = None
    redact: bool | None = None
    loop_detection: bool | None = None
    tool_loop_detection: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """What is set, by name."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(slots=True)
class Session:
    """`id` is the client's X-Session-ID, or one of ours made from its conversation. `owner` tells clients apart.

    `one_off` is the model of the next request only. Times are monotonic, in seconds.
    """

    id: str
    owner: str
    created: float
    last_used: float
    settings: SessionSettings = field(default_factory=SessionSettings)
    one_off: str | None = None
    agent: str | None = None
    notice: str | None = None
    """What the model is to be told with the next request: that it repeated itself."""
    greeted: bool = False
    """The banner has been shown."""
    requests: int = 0

    @property
    def scope(self) -> str:
        """One name for both, where something is remembered by session."""
        return f"{self.owner}/{self.id}"

    def take_one_off(self) -> str | None:
        """The model of the request that is sent on now; no other gets it."""
        model, self.one_off = self.one_off, None
        return model

    def give_back(self, model: str | None) -> None:
        """The request it was taken for came to nothing: the next one gets it, unless another was named meanwhile."""
        if self.one_off is None:
            self.one_off = model
