"""The loop of a driver: one conversation a line in, one line out. Runs where only the SDKs are installed."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

type Conversation = dict[str, Any]
type Talk = Callable[[Conversation, Callable[[dict[str, Any]], None]], None]


def serve(
    clients: dict[str, Talk], failures: tuple[type[Exception], ...], told: Callable[[Any], dict[str, Any]]
) -> None:
    """`told` makes {class, status, message} of an SDK's own error."""
    for line in sys.stdin:
        conversation = json.loads(line)
        replies: list[dict[str, Any]] = []
        answer: dict[str, Any] = {"replies": replies}
        try:
            clients[conversation["client"]](conversation, replies.append)
        except failures as error:
            answer["error"] = told(error)
        except Exception:  # noqa: BLE001  (whatever an SDK stumbles over is the test's result)
            answer["broken"] = traceback.format_exc()
        print(json.dumps(answer), flush=True)
