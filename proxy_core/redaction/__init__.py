"""Secrets never leave: found, replaced by placeholders, and put back in the answer.

rules, rules_*   the forms of secrets, a source per row
plausible        whether a value assigned to `password` is one
finder           where secrets are in a text, in linear time
vault            what was hidden in a session
conceal, reveal  a request's body, an answer's events
"""

from proxy_core.redaction.conceal import Concealed, Mode, conceal, leaks
from proxy_core.redaction.configured import configured_finder
from proxy_core.redaction.finder import OWN_KEY, CustomRule, Finder, Finding
from proxy_core.redaction.reveal import RevealStage, reveal_text
from proxy_core.redaction.vault import ONE_WAY, Vault

__all__ = [
    "ONE_WAY",
    "OWN_KEY",
    "Concealed",
    "CustomRule",
    "Finder",
    "Finding",
    "Mode",
    "RevealStage",
    "Vault",
    "conceal",
    "configured_finder",
    "leaks",
    "reveal_text",
]
