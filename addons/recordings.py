"""Reads recordings: mitmproxy's flow files and HAR, those of Parley and those of others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mitmproxy import exceptions, http
from mitmproxy.io import FlowReader
from mitmproxy.io.har import request_to_flow

from addons.host.exchanges import is_attempt
from addons.records import CHUNKS, RECORD
from proxy_core.serving.replay import RawExchange, Recorded, recorded


class UnreadableRecording(Exception):
    """Its text says what is wrong."""


def read_recording(path: Path) -> list[Recorded]:
    """The exchanges that can be replayed, in the order in which they were asked. Raises UnreadableRecording."""
    try:
        flows = list(_har_flows(path) if path.suffix.lower() == ".har" else _flows(path))
    except (exceptions.FlowReadException, exceptions.OptionsError, ValueError, KeyError, TypeError) as error:
        raise UnreadableRecording(f"it is no recording ({error})") from error
    except OSError as error:
        raise UnreadableRecording(error.strerror or str(error)) from error
    flows.sort(key=lambda flow: flow.request.timestamp_start)
    found = recorded(raw for flow in flows if (raw := _raw(flow)))
    if not found:
        raise UnreadableRecording("there is no model call with an answer in it")
    return found


def _flows(path: Path) -> Iterator[http.HTTPFlow]:
    with path.open("rb") as file:
        for flow in FlowReader(file).stream():
            if isinstance(flow, http.HTTPFlow):
                yield flow


def _har_flows(path: Path) -> Iterator[http.HTTPFlow]:
    for entry in json.loads(path.read_bytes())["log"]["entries"]:
        flow = request_to_flow(entry)
        flow.metadata.update(entry.get("_parley") or {})
        _set_times(flow, entry)
        yield flow


def _set_times(flow: http.HTTPFlow, entry: dict[str, Any]) -> None:
    """mitmproxy gives request and answer the same times."""
    waited = float((entry.get("timings") or {}).get("wait") or 0.0)
    flow.request.timestamp_end = flow.request.timestamp_start
    if flow.response:
        flow.response.timestamp_start = flow.request.timestamp_start + max(0.0, waited) / 1000


def _raw(flow: http.HTTPFlow) -> RawExchange | None:
    response = flow.response
    if is_attempt(flow) or response is None or not response.status_code or _was_answered_here(flow):
        return None
    asked = flow.request.timestamp_end or flow.request.timestamp_start
    return RawExchange(
        method=flow.request.method,
        target=flow.request.path,
        body=flow.request.get_content(strict=False) or b"",
        status=response.status_code,
        headers=list(response.headers.items(multi=True)),
        answer=response.get_content(strict=False) or b"",
        delay=max(0.0, response.timestamp_start - asked),
        chunks=flow.metadata.get(CHUNKS, ()),
        broke=flow.error is not None,
    )


def _was_answered_here(flow: http.HTTPFlow) -> bool:
    """By the proxy itself, as it will be again: commands, refusals."""
    record = flow.metadata.get(RECORD)
    return record is not None and not record.get("attempts")
