from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.wire.sse import Frame, FrameSplitter, render
from tests.recordings import Recording, recordings

LINES = ["data: a", "data:b", "event: ping", ": comment", "id: 1", "data", ""]


def _split(stream: bytes, *cuts: int) -> list[Frame]:
    splitter = FrameSplitter()
    bounds = [0, *sorted(cuts), len(stream)]
    frames = [
        frame
        for start, end in pairwise(bounds)
        for frame in splitter.feed(stream[start:end])
    ]  # fmt: skip
    return frames + splitter.flush()


def _one_by_one(stream: bytes) -> list[Frame]:
    return _split(stream, *range(1, len(stream)))


STREAMS = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(["\n", "\r\n", "\r"])), max_size=12).map(
    lambda lines: "".join(line + end for line, end in lines).encode()
)


@given(STREAMS, st.data())
def test_any_chunking_gives_the_same_frames_and_loses_no_byte(stream: bytes, data: st.DataObject) -> None:
    whole = _split(stream)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=5))
    assert b"".join(frame.raw for frame in whole) == stream
    assert _split(stream, *cuts) == whole
    assert _one_by_one(stream) == whole


@given(st.lists(st.sampled_from(LINES[:-1]), min_size=1, max_size=4), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_blank_line_of_any_kind_ends_an_event(lines: list[str], end: str) -> None:
    event = "".join(line + end for line in lines) + end
    assert [frame.raw for frame in _one_by_one((event + event).encode())] == [event.encode()] * 2


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_fields_of_an_event(end: str) -> None:
    frame = Frame(end.join(["event: delta", ": hush", "data: a", "data:b", "data:  c", "id", "", ""]).encode())
    assert (frame.event, frame.data, frame.is_comment) == ("delta", b"a\nb\n c", False)


def test_comments_and_events_without_data() -> None:
    comment, bare = _split(b": OPENROUTER PROCESSING\n\nevent: ping\n\n")
    assert (comment.is_comment, comment.data, comment.event) == (True, None, None)
    assert (bare.is_comment, bare.data, bare.event) == (False, None, "ping")


def test_a_byte_order_mark_is_kept_in_the_bytes_and_not_in_the_fields() -> None:
    stream = b"\xef\xbb\xbfdata: a\n\ndata: b\n\n"
    frames = _one_by_one(stream)
    assert [frame.data for frame in frames] == [b"a", b"b"]
    assert b"".join(frame.raw for frame in frames) == stream


def test_mixed_line_ends() -> None:
    assert [frame.data for frame in _split(b"data: a\n\r\ndata: b\r\n\ndata: c\r\n\rdata: d\n\n")] == [
        b"a", b"b", b"c", b"d"
    ]  # fmt: skip


def test_what_is_left_of_a_cut_stream_comes_with_the_flush_once() -> None:
    splitter = FrameSplitter()
    assert splitter.feed(b"data: a\n\ndata: b") == [Frame(b"data: a\n\n")]
    assert splitter.flush() == [Frame(b"data: b")]
    assert splitter.flush() == []


def test_an_event_without_end_is_refused() -> None:
    splitter = FrameSplitter(max_event_bytes=10)
    splitter.feed(b"data: a\n\n" * 5)
    with pytest.raises(ParleyError) as error:
        splitter.feed(b"data: 0123456789")
    assert error.value.fault.kind is FaultKind.UPSTREAM


def test_render_is_read_back() -> None:
    assert _split(render(b"{}", "ping") + render(b"[DONE]")) == [
        Frame(b"event: ping\ndata: {}\n\n"),
        Frame(b"data: [DONE]\n\n"),
    ]


def _streams() -> list[Recording]:
    return [recording for recording in recordings() if recording.index["stream"]]


@pytest.mark.skipif(not recordings(), reason="recordings are not at hand")
def test_recorded_streams_are_reproduced_and_all_their_data_is_json() -> None:
    for recording in _streams():
        stream = recording.stream
        frames = _split(stream, len(stream) // 3, len(stream) // 2)
        assert b"".join(frame.raw for frame in frames) == stream, recording.id
        assert frames == _split(stream), recording.id
