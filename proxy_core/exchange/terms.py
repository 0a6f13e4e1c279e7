"""What holds for all attempts of one exchange beside the request itself: wishes, guards, watchers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from proxy_core.exchange.attempt import Attempt, OutgoingRequest
from proxy_core.pipeline.observers import Observer
from proxy_core.pipeline.splice import Mirror
from proxy_core.pipeline.stages import Stage
from proxy_core.pipeline.wishes import Wishes
from proxy_core.routing.upstreams import Upstream
from proxy_core.turn.ledger import SealLedger
from proxy_core.turn.request import ChatRequest

type MakeObserver = Callable[[Attempt], Observer]


def _nothing_known(upstream: Upstream) -> Wishes:
    return Wishes()


def _never(upstream: Upstream) -> str:
    return ""


def _no_check(request: OutgoingRequest) -> None:
    pass


@dataclass(slots=True)
class Terms:
    """`wishes` beat what the request says, `defaults` (by upstream) fill what it leaves open.

    `preface` stands in front of the reply. `stages` makes further stages for each attempt; where it is set, the reply
    is rendered anew even within one protocol, for the reason given in `rewrite`. `check` takes a last look at what is
    about to be sent and raises ParleyError to stop it. `scope` keeps the ledger's conversations apart.
    """

    wishes: Wishes = field(default_factory=Wishes)
    defaults: Callable[[Upstream], Wishes] = _nothing_known
    preface: str | None = None
    stages: Callable[[], Sequence[Stage]] | None = None
    rewrite: str = ""
    observers: Sequence[MakeObserver] = ()
    check: Callable[[OutgoingRequest], None] = _no_check
    resumes: Callable[[Upstream], str] = _never
    """Why an upstream's streamed answer is written so that another attempt can go on in it; "" where it is not."""
    continues: bool = False
    """Whether one does when it breaks off."""
    conceal: Callable[[str], str] = str
    """Hides the secrets of what the client has read, which a backend is to go on from."""
    put_back: Callable[[Callable[[bytes], bytes]], Mirror] | None = None
    """For answers that are not read into events: puts secrets back where their placeholders stand."""
    ledger: SealLedger | None = None
    scope: str = ""
    amend: Callable[[ChatRequest], ChatRequest] | None = None
    """A last change to the request, such as a notice to the model; it is then rendered anew."""
    exact_usage: bool = False
    """Ask for the usage of streams whose client does not."""
