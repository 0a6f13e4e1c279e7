"""Content encodings (T61), bounded in size."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard

from proxy_core.errors import FaultKind, ParleyError
from proxy_core.wire.encoding import Decoder, decoded_body

TEXT = b'{"model": "m", "input": "' + b"some words, " * 20_000 + b'"}'
LIMIT = 1_000_000


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("data", [b"", b"x", TEXT], ids=["empty", "short", "long"])
def test_t61_each_encoding_is_undone(name, data):
    assert decoded_body(PACKERS[name](data), name, LIMIT) == data


@pytest.mark.parametrize("data", [b"", b"x", TEXT], ids=["empty", "short", "long"])
def test_bare_deflate_is_taken_for_deflate(data):
    assert decoded_body(raw_deflate(data), "deflate", LIMIT) == data


def test_lists_are_undone_from_the_last_to_the_first():
    packed = zstandard.compress(brotli.compress(gzip.compress(TEXT)))
    assert decoded_body(packed, "gzip, BR ,identity,zstd", LIMIT) == TEXT


def test_identity_and_nothing_leave_the_body_alone():
    assert decoded_body(TEXT, "identity", LIMIT) == TEXT
    assert decoded_body(TEXT, "", LIMIT) == TEXT


def test_no_body_at_all_is_no_fault_of_its_encoding():
    assert decoded_body(b"", "zstd", LIMIT) == b""


def test_several_frames_and_members_follow_each_other():
    skippable = (0x184D2A50).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc"
    frames = zstandard.compress(TEXT) + skippable + zstandard.compress(b"more")
    assert decoded_body(frames, "zstd", LIMIT) == TEXT + b"more"
    assert decoded_body(gzip.compress(TEXT) + gzip.compress(b"more"), "gzip", LIMIT) == TEXT + b"more"


@pytest.mark.parametrize("name", PACKERS)
def test_a_cut_body_is_refused_by_name(name):
    packed = PACKERS[name](TEXT)
    for cut in (1, 5, len(packed) // 2, len(packed) - 1):
        with pytest.raises(ParleyError) as caught:
            decoded_body(packed[:cut], name, LIMIT)
        assert caught.value.fault.kind is FaultKind.INVALID_REQUEST
        assert name in caught.value.fault.message


@pytest.mark.parametrize("name", PACKERS)
def test_garbage_behind_the_end_is_refused(name):
    with pytest.raises(ParleyError) as caught:
        decoded_body(PACKERS[name](b"{}") + b"garbage, quite some", name, LIMIT)
    assert caught.value.fault.http_status == 400


@pytest.mark.parametrize("name", PACKERS)
def test_plain_json_called_compressed_is_refused_by_name(name):
    with pytest.raises(ParleyError) as caught:
        decoded_body(b'{"model": "m"}', name, LIMIT)
    assert name in caught.value.fault.message
    assert caught.value.fault.field == "content-encoding"


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_stops_at_the_limit(name):
    bomb = PACKERS[name](bytes(50_000_000))
    with pytest.raises(ParleyError) as caught:
        decoded_body(bomb, name, LIMIT)
    assert caught.value.fault.kind is FaultKind.TOO_LARGE
    assert str(LIMIT) in caught.value.fault.message


def test_a_body_of_exactly_the_limit_passes():
    body = bytes(LIMIT)
    for name, pack in PACKERS.items():
        assert decoded_body(pack(body), name, LIMIT) == body


def test_a_bomb_inside_another_coding_stops_too():
    empty_members = gzip.compress(gzip.compress(b"") * 200_000)
    with pytest.raises(ParleyError) as caught:
        decoded_body(empty_members, "gzip, gzip", LIMIT)
    assert caught.value.fault.kind is FaultKind.TOO_LARGE


@pytest.mark.parametrize("header", ["compress", "gzip, snappy", ",".join(["gzip"] * 5)])
def test_unknown_codings_get_415_and_the_accepted_ones(header):
    with pytest.raises(ParleyError) as caught:
        decoded_body(b"x", header, LIMIT)
    assert caught.value.fault.http_status == 415
    assert "gzip, deflate, br, zstd" in caught.value.fault.message


@pytest.mark.parametrize("name", PACKERS)
def test_the_streaming_decoder_gives_what_has_come_byte_by_byte(name):
    decoder = Decoder(name)
    packed = PACKERS[name](TEXT)
    pieces = [decoder.feed(packed[index : index + 1]) for index in range(len(packed))]
    assert b"".join(pieces) + decoder.flush() == TEXT
    assert decoder.complete


def test_the_streaming_decoder_holds_nothing_back_after_a_sync_flush():
    packer = zlib.compressobj(wbits=31)
    decoder = Decoder("gzip")
    for event in (b"data: 1\n\n", b"data: 2\n\n"):
        assert decoder.feed(packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)) == event
    assert decoder.flush() == b""
    assert not decoder.complete


def test_the_streaming_decoder_blames_the_backend():
    for decoder, data in ((Decoder("br"), b"not brotli"), (Decoder("gzip", limit=10), gzip.compress(bytes(11)))):
        with pytest.raises(ParleyError) as caught:
            decoder.feed(data)
        assert caught.value.fault.kind is FaultKind.UPSTREAM
    with pytest.raises(ParleyError, match="compress"):
        Decoder("compress")
