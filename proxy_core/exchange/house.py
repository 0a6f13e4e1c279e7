"""What requests meet here. Rebuilt when the settings change, so it is asked for at each request."""

from __future__ import annotations

from dataclasses import dataclass, field

from proxy_core.config.saved import SavedSettings
from proxy_core.config.settings import Settings
from proxy_core.exchange.router import Router
from proxy_core.exchange.secrecy import Secrecy
from proxy_core.guards.limits import OpenStreams
from proxy_core.guards.origins import OwnNames
from proxy_core.loops.tools import ToolLoops
from proxy_core.routing.catalogue import Catalogue
from proxy_core.routing.rests import Rests
from proxy_core.serving.pages import Pages
from proxy_core.sessions.prefix import PrefixWatch
from proxy_core.sessions.store import Sessions
from proxy_core.turn.ledger import SealLedger
from proxy_core.viewing.contexts import Contexts


@dataclass(slots=True)
class House:
    """The first six belong to the settings, the others live as long as the program."""

    settings: Settings
    router: Router
    secrecy: Secrecy
    own_names: OwnNames
    pages: Pages
    open_streams: OpenStreams
    saved: SavedSettings
    rests: Rests
    catalogue: Catalogue
    sessions: Sessions
    tool_loops: ToolLoops
    prefixes: PrefixWatch
    ledger: SealLedger
    contexts: Contexts = field(default_factory=Contexts)
