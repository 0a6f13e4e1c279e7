"""The finder that the configuration asks for."""

from __future__ import annotations

from proxy_core.config.settings import Settings
from proxy_core.redaction.finder import CustomRule, Finder


def configured_finder(settings: Settings) -> Finder:
    """Costs some 50 ms: made once per configuration, and shared by all sessions."""
    custom = [CustomRule(rule.id, rule.regex, tuple(rule.keywords)) for rule in settings.redaction.rules]
    return Finder(own=settings.secrets, custom=custom, allow=settings.redaction.allow)
