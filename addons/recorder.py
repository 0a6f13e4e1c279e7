"""Writes the traffic to a file: clients' model calls and their attempts, as mitmproxy's flows or as HAR.

No credential is in it: headers, cookies and `?key=` are masked, and where one of the proxy's own keys stands in a body
it is blotted out, in as many bytes. Apart from that bodies are as the flows have them: what the client said and heard
is there with any secret of its own, so the file is for its owner alone.
"""

from __future__ import annotations

import json
import logging
import os
import re
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

from mitmproxy import http
from mitmproxy.addons.savehar import SaveHar
from mitmproxy.io import tnetstring

from addons.answers import hide_credentials
from addons.host.exchanges import is_attempt
from addons.program import Program
from addons.records import CHUNKS, RECORD
from proxy_core.config.settings import RecordSettings
from proxy_core.exchange.headers import masked
from proxy_core.redaction.blot import blotted

logger = logging.getLogger("parley")

MOST_CHUNKS = 20_000
_MOST_STORED = 64 * 1024 * 1024
_KEY = re.compile(r"(?<=[?&]key)=[^&]*")
_MOST_ATTEMPTS = 1000
"""Of clients' flows under way, whose attempts wait for them."""


class Recorder:
    """Does nothing unless `record` is set. Its thread writes."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._attempts: OrderedDict[str, list[http.HTTPFlow]] = OrderedDict()
        self._file: FlowFile | HarFile | None = None
        self._wanted: RecordSettings | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="parley-record")

    def running(self) -> None:
        wanted = self._program.settings.record
        if wanted is None:
            return
        try:
            self._file = _opened(wanted.file)
        except OSError as error:
            logger.error("Nothing is recorded: %s: %s", wanted.file, error.strerror)
            return
        self._wanted = wanted
        self._program.table.max_stored = _MOST_STORED
        self._program.table.note_chunk = note_chunk
        logger.info("Recording to %s", wanted.file)

    def response(self, flow: http.HTTPFlow) -> None:
        self._over(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self._over(flow)

    def done(self) -> None:
        self._thread.shutdown(wait=True)
        if self._file:
            self._file.close()

    def _over(self, flow: http.HTTPFlow) -> None:
        if self._file is None or self._wanted is None:
            return
        if is_attempt(flow):
            self._attempts.setdefault(str(flow.metadata.get("parley_client")), []).append(flow)
            if len(self._attempts) > _MOST_ATTEMPTS:
                self._attempts.popitem(last=False)
            return
        attempts = self._attempts.pop(flow.id, [])
        record = flow.metadata.get(RECORD)
        if record is None or self._wanted.session not in (None, record.get("session")):
            return
        secrets = self._program.settings.secrets
        cleaned = [without_credentials(each, secrets) for each in (flow, *attempts)]
        self._thread.submit(self._file.add, cleaned).add_done_callback(_report)


def note_chunk(flow: http.HTTPFlow, size: int) -> None:
    """Remembers that a piece of an answer goes out now. Beyond MOST_CHUNKS neighbours are put together."""
    response = flow.response
    if response is None:
        return
    chunks: list[list[int]] = flow.metadata.setdefault(CHUNKS, [])
    if len(chunks) >= MOST_CHUNKS:
        chunks[:] = [
            [late, first + second] for (_, first), (late, second) in zip(chunks[::2], chunks[1::2], strict=True)
        ]
    chunks.append([round((time.time() - response.timestamp_start) * 1000), size])


def without_credentials(flow: http.HTTPFlow, secrets: frozenset[str]) -> http.HTTPFlow:
    """A copy that may be written down."""
    copy = http.HTTPFlow.from_state(flow.get_state())
    assert isinstance(copy, http.HTTPFlow)
    hide_credentials(copy.request)
    path = blotted(copy.request.path.encode("utf-8", "surrogateescape"), secrets).decode("utf-8", "surrogateescape")
    copy.request.path = _KEY.sub("=hidden", path)
    for message in filter(None, (copy.request, copy.response)):
        message.headers.fields = tuple((name, blotted(value, secrets)) for name, value in message.headers.fields)
        if message.data.content:
            message.data.content = blotted(message.data.content, secrets)
    if copy.response:
        copy.response.headers = http.Headers([(n, _shown(n, v)) for n, v in copy.response.headers.fields])
    return copy


def _shown(name: bytes, value: bytes) -> bytes:
    """A response's header as it may be kept: no cookie."""
    told = masked(name.decode("latin-1"), value.decode("utf-8", "surrogateescape"))
    return told.encode("utf-8", "surrogateescape")


def _opened(path: Path) -> FlowFile | HarFile:
    """Raises OSError. What was in the file is replaced."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)
    file = os.fdopen(descriptor, "wb")
    return HarFile(file) if path.suffix.lower() == ".har" else FlowFile(file)


class FlowFile:
    """mitmproxy's own format: `mitmweb -r FILE` shows it. Each exchange is there as soon as it is over."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def add(self, flows: list[http.HTTPFlow]) -> None:
        for flow in flows:
            tnetstring.dump(flow.get_state(), self._file)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class HarFile:
    """http://www.softwareishard.com/blog/har-12-spec/: written as a whole at the end. What HAR has no field for is
    under `_parley`, as the specification wants it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._har = SaveHar()
        self._entries: list[dict[str, Any]] = []

    def add(self, flows: list[http.HTTPFlow]) -> None:
        for flow in flows:
            (entry,) = self._har.make_har([flow])["log"]["entries"]
            entry["_parley"] = {name: value for name, value in flow.metadata.items() if name.startswith("parley")}
            self._entries.append(entry)

    def close(self) -> None:
        har = self._har.make_har([])
        har["log"]["entries"] = self._entries
        self._file.write(json.dumps(har, indent=1).encode("utf-8", "surrogateescape"))
        self._file.close()


def _report(writing: Future[None]) -> None:
    error = writing.exception()
    if error:
        logger.error("A flow could not be recorded: %s", error)
