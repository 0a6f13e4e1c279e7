"""What a recorded flow still says, and what no longer; read back as it was written."""

from __future__ import annotations

import asyncio
import io
import json
import stat
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow, tutils

from addons import recorder
from addons.host.exchanges import ATTEMPT, ExchangeTable
from addons.program import Program
from addons.recorder import MOST_CHUNKS, Recorder, note_chunk, without_credentials
from addons.recordings import UnreadableRecording, read_recording
from addons.records import CHUNKS, RECORD
from proxy_core.config.settings import RecordSettings, ReplaySettings
from tests.serving.asking import settings

OWN = "parley-own-key-0123456789"
BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": f"hi {OWN}"}]}).encode()


def client_flow(session: str = "s", path: str = "/v1/chat/completions", begun: float = 100.0) -> http.HTTPFlow:
    headers = http.Headers([(b"authorization", f"Bearer {OWN}".encode()), (b"cookie", b"a=secret-one; b=secret-two")])
    request = tutils.treq(method=b"POST", path=path.encode(), headers=headers, content=BODY)
    request.timestamp_start, request.timestamp_end = begun, begun + 0.5
    answer = http.Headers([(b"content-type", b"text/event-stream"), (b"set-cookie", b"sid=secret-three; Path=/")])
    response = tutils.tresp(headers=answer, content=f"data: {OWN}\n\n".encode() * 2)
    response.timestamp_start = begun + 2.0
    flow = tflow.tflow(req=request, resp=response)
    flow.metadata[RECORD] = {"session": session, "attempts": [{"backend": "b"}]}
    flow.metadata[CHUNKS] = [[0, 20], [40, len(response.content or b"") - 20]]
    return flow


def attempt_of(flow: http.HTTPFlow) -> http.HTTPFlow:
    attempt = tflow.tflow(resp=True)
    attempt.metadata |= {ATTEMPT: 1, "parley_client": flow.id}
    return attempt


class Recording:
    def __init__(self, file: Path, session: str | None = None) -> None:
        self.table = ExchangeTable(lambda flow: http.Response.make(500))
        wanted = SimpleNamespace(record=RecordSettings(file, session), secrets=frozenset({OWN}))
        self.recorder = Recorder(cast(Program, SimpleNamespace(settings=wanted, table=self.table)))
        self.recorder.running()

    def add(self, *flows: http.HTTPFlow) -> None:
        for flow in flows:
            self.recorder.response(flow)


@pytest.mark.parametrize("name", ["a.flow", "a.har", "A.HAR"])
def test_no_credential_is_in_the_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    recording = Recording(file)
    flow = client_flow(path=f"/v1/chat/completions?x=1&key={OWN}")
    recording.add(attempt_of(flow), flow)
    recording.recorder.done()
    data = file.read_bytes()
    for secret in (OWN.encode(), b"secret-one", b"secret-two", b"secret-three"):
        assert secret not in data
    assert b"key=hidden" in data
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["a.flow", "a.har"])
def test_what_is_read_back(tmp_path: Path, name: str) -> None:
    recording = Recording(tmp_path / name)
    flows = [client_flow(begun=200.0), client_flow(begun=100.0)]
    for flow in flows:
        recording.add(attempt_of(flow), flow)
    recording.recorder.done()
    first, _ = read_recording(tmp_path / name)
    blotted = f"data: {'*' * len(OWN)}\n\n".encode() * 2
    assert first.pieces == [(0.0, blotted[:20]), (0.04, blotted[20:])]
    assert first.delay == pytest.approx(1.5)
    assert (first.status, first.stream, first.model, first.broke) == (200, True, "m", False)


def test_the_flow_itself_is_left_alone() -> None:
    flow = client_flow()
    without_credentials(flow, frozenset({OWN}))
    assert flow.response
    assert OWN in flow.response.text
    assert flow.response.headers["set-cookie"] == "sid=secret-three; Path=/"


def test_only_one_session(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.flow", session="mine")
    for flow in (client_flow("mine"), client_flow("another")):
        recording.add(attempt_of(flow), flow)
    recording.recorder.done()
    assert len(read_recording(tmp_path / "a.flow")) == 1


def test_pages_and_other_traffic_are_not_recorded(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.flow")
    recording.add(tflow.tflow(resp=True), attempt_of(tflow.tflow()))
    recording.recorder.done()
    assert (tmp_path / "a.flow").read_bytes() == b""


def test_a_file_that_was_there_is_replaced_and_closed_to_others(tmp_path: Path) -> None:
    file = tmp_path / "a.flow"
    file.write_text("something long that was there before")
    file.chmod(0o644)
    Recording(file).recorder.done()
    assert file.read_bytes() == b""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_an_error_of_the_start(tmp_path: Path, caplog) -> None:
    recording = Recording(tmp_path / "no" / "such" / "a.flow")
    assert "Nothing is recorded" in caplog.text
    assert recording.table.note_chunk is None


def test_what_was_answered_by_the_proxy_itself_is_not_replayed(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "a.flow")
    command = client_flow()
    command.metadata[RECORD] = {"session": "s"}
    recording.add(command, client_flow())
    recording.recorder.done()
    assert len(read_recording(tmp_path / "a.flow")) == 1


def test_the_time_of_each_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(recorder, "time", SimpleNamespace(time=lambda: clock.now))
    flow = client_flow()
    flow.metadata.clear()
    for late, size in ((0.0, 5), (0.25, 7)):
        clock.now = 102.0 + late
        note_chunk(flow, size)
    assert flow.metadata[CHUNKS] == [[0, 5], [250, 7]]


def test_the_list_of_pieces_is_bounded_and_no_byte_is_lost() -> None:
    flow = client_flow()
    flow.metadata.clear()
    assert flow.response
    flow.response.timestamp_start = time.time()
    for _ in range(2 * MOST_CHUNKS + 7):
        note_chunk(flow, 3)
    chunks = flow.metadata[CHUNKS]
    assert len(chunks) <= MOST_CHUNKS
    assert sum(size for _, size in chunks) == 3 * (2 * MOST_CHUNKS + 7)
    assert [due for due, _ in chunks] == sorted(due for due, _ in chunks)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.flow", b"", "no model call"),
        ("a.flow", b"rubbish", "no recording"),
        ("a.har", b"{", "no recording"),
        ("a.har", b'{"log": {"entries": []}}', "no model call"),
        ("a.har", b'{"log": {"entries": [{"x": 1}]}}', "no recording"),
    ],
)
def test_a_file_that_is_no_recording(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UnreadableRecording, match=said):
        read_recording(tmp_path / name)


def test_a_program_that_cannot_replay_does_not_take_requests(tmp_path: Path, caplog) -> None:
    """The error in the log ends mitmproxy's start."""
    file = tmp_path / "a.flow"
    file.write_bytes(b"rubbish")
    wanted = replace(settings(), replay=ReplaySettings(file), database_url=f"sqlite:///{file}.db")

    async def start() -> None:
        program = Program()
        program.load(wanted)
        await program.start()
        assert not program.ready.is_set()
        await program.stop()

    asyncio.run(start())
    assert "cannot replay" in caplog.text


def test_a_flow_of_mitmproxys_own_can_be_replayed(tmp_path: Path) -> None:
    """Recorded elsewhere, without anything of ours on it."""
    flow = client_flow()
    flow.metadata.clear()
    written = io.BytesIO()
    FlowWriter(written).add(flow)
    (tmp_path / "a.flow").write_bytes(written.getvalue())
    (found,) = read_recording(tmp_path / "a.flow")
    assert flow.response
    assert b"".join(data for _, data in found.pieces) == flow.response.content
