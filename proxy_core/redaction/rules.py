"""All rules, the most certain first: where findings overlap, the earlier rule wins."""

from __future__ import annotations

from proxy_core.redaction.rule import Rule
from proxy_core.redaction.rules_ai import AI_RULES
from proxy_core.redaction.rules_apps import APP_RULES
from proxy_core.redaction.rules_cloud import CLOUD_RULES
from proxy_core.redaction.rules_code import CODE_RULES
from proxy_core.redaction.rules_generic import ASSIGNMENTS, HEADERS, KEY_BLOCKS, LOGINS, SESSIONS, VENDORS

RULES: tuple[Rule, ...] = (
    *KEY_BLOCKS,
    *AI_RULES,
    *CODE_RULES,
    *CLOUD_RULES,
    *APP_RULES,
    *LOGINS,
    *HEADERS,
    *SESSIONS,
    *VENDORS,
    *ASSIGNMENTS,
)
