"""Recorded provider traffic and recorded client requests, where they are at hand; tests skip without them.

The recordings lie beside the checkout (`../shared`) or where PARLEY_RECORDINGS points.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(os.environ.get("PARLEY_RECORDINGS", Path(__file__).parents[2] / "shared"))


@dataclass(frozen=True)
class Recording:
    """One exchange: `index` is its line in index.jsonl, `case` the file (see the folder's README.md)."""

    id: str
    index: dict[str, Any]

    @property
    def case(self) -> dict[str, Any]:
        return _load(self.id)

    @property
    def request(self) -> dict[str, Any] | None:
        return self.case["request"].get("json")

    @property
    def reply(self) -> dict[str, Any] | None:
        return self.case["response"].get("json")

    @property
    def stream(self) -> bytes:
        return (self.case["response"].get("sse_text") or "").encode()


@cache
def _load(case_id: str) -> dict[str, Any]:
    return json.loads((ROOT / "cases" / f"{case_id}.json").read_text())


@cache
def recordings() -> list[Recording]:
    index = ROOT / "cases" / "index.jsonl"
    if not index.exists():
        return []
    return [Recording(row["id"], row) for row in map(json.loads, index.read_text().splitlines())]


def cases(endpoint: str, *, stream: bool | None = None, status: int | None = 200) -> list[Any]:
    """pytest parameters: every recording of an endpoint, or one skipped parameter when there are none."""
    found = [
        pytest.param(recording, id=recording.id)
        for recording in recordings()
        if recording.index["endpoint"] == endpoint
        and (stream is None or recording.index["stream"] == stream)
        and (status is None or recording.index["status"] == status)
    ]
    return found or [pytest.param(None, marks=pytest.mark.skip(reason="recordings are not at hand"))]


def client_requests() -> list[Any]:
    """pytest parameters: every recorded client request (a dict with method, path, headers, json)."""
    found = [
        pytest.param(json.loads(path.read_text()), id=f"{path.parent.name}/{path.stem}")
        for path in sorted((ROOT / "client_requests").glob("*/*.json"))
    ]
    return found or [pytest.param(None, marks=pytest.mark.skip(reason="client requests are not at hand"))]
