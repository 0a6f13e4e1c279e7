from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy_core.errors import ParleyError
from proxy_core.wire.json import dumps, loads
from proxy_core.wire.json_array import ArraySplitter

ELEMENTS = [{"a": 'x]}"\\', "b": [1, {"c": "{["}]}, {"d": "\\"}, {}, {"e": "ü\n"}]
STREAM = b"[" + b"\n,\r\n".join(dumps(element) for element in ELEMENTS) + b"\n]\n"


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_elements_come_out_whole_however_the_bytes_arrive(cuts: list[int]) -> None:
    borders = [0, *sorted(cuts), len(STREAM)]
    splitter = ArraySplitter()
    frames = [frame for start, end in pairwise(borders) for frame in splitter.feed(STREAM[start:end])]
    frames += splitter.flush()
    assert [loads(frame.data) for frame in frames if frame.data] == ELEMENTS
    assert b"".join(frame.raw for frame in frames) == STREAM
    assert splitter.closed


def test_byte_by_byte() -> None:
    splitter = ArraySplitter()
    frames = [frame for byte in STREAM for frame in splitter.feed(bytes([byte]))]
    assert [loads(frame.data or b"") for frame in frames] == ELEMENTS


def test_an_array_that_was_cut_is_not_closed() -> None:
    splitter = ArraySplitter()
    assert len(splitter.feed(b'[{"a":1},{"b":')) == 1
    assert not splitter.closed


def test_an_endless_element_is_refused() -> None:
    with pytest.raises(ParleyError):
        ArraySplitter(10).feed(b'[{"a":"aaaaaaaaaaaaaaaa')
