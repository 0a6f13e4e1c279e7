"""The banner: what the proxy is, what it reaches, and what holds for this session."""

from __future__ import annotations

from proxy_core import __version__
from proxy_core.commands.draft import Draft


def banner(draft: Draft) -> str:
    reached = sorted((state for state in draft.controls.backends() if state.usable), key=lambda state: state.name)
    backends = ", ".join(f"{state.name} (K:{state.keys}, M:{state.models})" for state in reached)
    settings = {**draft.settings.as_dict(), **({"one-off": draft.one_off} if draft.one_off else {})}
    settings.setdefault("interactive", draft.interactive)
    named = ", ".join(f"{name.replace('_', '-')}={value}" for name, value in sorted(settings.items()))
    keys = "; ".join(f"{state.name} {', '.join(state.key_states)}" for state in reached if state.key_states)
    return "\n".join(
        (
            f"Hello, this is Parley {__version__}",
            f"Session id: {draft.controls.session.id}",
            f"Functional backends: {backends or 'none'}",
            *((f"Keys: {keys}",) if keys else ()),
            f"Settings: {named}",
            f"Type {draft.prefix}help for list of available commands",
        )
    )
