"""All addons, in the order in which they see each event.

SettingsAddon   options, environment and files; listeners and modes
Lifecycle       the demo backend and the model lists
Guarding        where connections may go, how long clients may take
Gateway         every request: answered here, given an exchange, or explicitly let through
WebSockets      secrets in the messages of intercepted WebSockets
Control         the in-chat commands for whoever watches in mitmweb or the console
Views           how mitmweb shows requests and replies
Live            answers shown while they stream
Recorder        the traffic in a file, where wanted
Bounds          how many flows mitmweb keeps
"""

from __future__ import annotations

from addons.bounds import Bounds
from addons.control import Control
from addons.gateway import Gateway
from addons.guarding import Guarding
from addons.host import lean
from addons.host.binding import bind
from addons.lifecycle import Lifecycle
from addons.live import Live
from addons.program import Program
from addons.recorder import Recorder
from addons.settings import SettingsAddon
from addons.views import Views
from addons.websockets import WebSockets

program = Program()
lean.install()
bind(program.table)

settings = SettingsAddon([program.load])
program.reload = settings.reload

gateway = Gateway(program)

addons = [
    settings,
    Lifecycle(program),
    Guarding(program),
    gateway,
    WebSockets(program),
    Control(program.sessions, program.saved, program.controls_of, settings.reload),
    Views(),
    Live(program.table, gateway.describe),
    Recorder(program),
    Bounds(lambda: program.settings.limits),
]
