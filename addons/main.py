"""Where mitmproxy begins: `mitmdump -s addons/main.py`, `mitmweb -s addons/main.py`. The addons are in addons/suite.py.

mitmproxy goes on without a script that cannot be loaded, as an open proxy for everyone. So whatever goes wrong here
ends it.
"""

from __future__ import annotations

import os
import sys
import traceback

try:
    from addons.suite import addons
except BaseException:  # noqa: BLE001 - nothing may escape to mitmproxy, which would forward requests without us
    traceback.print_exc()
    print("Parley could not be loaded; mitmproxy ends. Reinstall it with scripts/setup.sh.", file=sys.stderr)
    sys.stderr.flush()
    os._exit(1)

__all__ = ["addons"]
