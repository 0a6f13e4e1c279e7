"""A recording in place of all backends: what was asked before is answered as it was then, at the same pace.

recording   exchanges as recorded, read out of plain values
sameness    what of a request tells it apart, without ids and dates
tape        which recorded exchange answers a request
server      ReplayServer: the tape on a loopback port
"""

from proxy_core.serving.replay.recording import RawExchange, Recorded, recorded
from proxy_core.serving.replay.server import ReplayServer, listing_only, replaying
from proxy_core.serving.replay.tape import Tape

__all__ = ["RawExchange", "Recorded", "ReplayServer", "Tape", "listing_only", "recorded", "replaying"]
