"""Where mitmproxy begins: `mitmdump -s addons/main.py`, `mitmweb -s addons/main.py`.

SettingsAddon   options, environment and files; listeners and modes
Lifecycle       the demo backend and the model lists
Gateway         every request: answered here, given an exchange, or explicitly let through
Views           how mitmweb shows requests and replies
Live            answers shown while they stream
Bounds          how many flows mitmweb keeps
"""

from __future__ import annotations

from addons.bounds import Bounds
from addons.gateway import Gateway
from addons.host import lean
from addons.host.stream import bind
from addons.lifecycle import Lifecycle
from addons.live import Live
from addons.program import Program
from addons.settings import SettingsAddon
from addons.views import Views

program = Program()
lean.install()
bind(program.table)

settings = SettingsAddon([program.load])
program.reload = settings.reload

addons = [
    settings,
    Lifecycle(program),
    Gateway(program),
    Views(),
    Live(program.table),
    Bounds(lambda: program.settings.limits),
]
