"""Compressed bodies and messages: they come back as they were, and no limit is passed on the way."""

from __future__ import annotations

import gzip
import re
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.limits import MAX_GZIP_MEMBERS
from service.errors import InvalidRequest, TooLarge
from service.open_inference.compression import (
    KINDS,
    SLICE_BYTES,
    choose,
    compress,
    decompress,
    decompress_message,
    find_compression,
)

SETTING = "VEREDICTO_MAX_BODY_BYTES"
BOMB_BYTES = 2**26


def refuse(error: type[Exception], text: str) -> Any:
    """Returns the context in which exactly this text is the refusal."""
    return pytest.raises(error, match=f"^{re.escape(text)}$")


@given(st.binary(), st.sampled_from(list(KINDS)))
def test_what_is_packed_is_unpacked_as_it_was(content: bytes, kind: str) -> None:
    """A body comes back whole where it is just as long as the limit."""
    assert decompress(compress(content, kind), kind, len(content), SETTING) == content


@given(st.binary(), st.sampled_from(list(KINDS)))
def test_a_packed_message_is_known_by_its_first_bytes(
    content: bytes, kind: str
) -> None:
    """The first bytes of a message over gRPC alone say how it is packed."""
    packed = compress(content, kind)
    assert find_compression(packed) == kind
    assert decompress_message(packed, len(content), SETTING) == content


@pytest.mark.parametrize("message", [b"", b"\n\x06simple", b"\x1f", b"\x1f\x8c"])
def test_a_plain_message_stays_as_it_is(message: bytes) -> None:
    """A message that does not begin as a format does is no such format, whatever the limit."""
    assert find_compression(message) == ""
    assert decompress_message(message, 0, SETTING) == message


def test_others_packing_is_unpacked() -> None:
    """The formats are those of Python's gzip and zlib, at every level."""
    content = b"abc" * 1000
    for level in range(10):
        for kind, packed in (
            ("gzip", gzip.compress(content, level)),
            ("deflate", zlib.compress(content, level)),
        ):
            assert decompress(packed, kind, len(content), SETTING) == content


@pytest.mark.parametrize("strategy", [zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED])
@pytest.mark.parametrize("level", range(10))
@given(content=st.binary() | st.text("{}[],0123456789", max_size=400).map(str.encode))
def test_deflate_may_be_bare(content: bytes, level: int, strategy: int) -> None:
    """The format that many clients call deflate lacks zlib's head; it is unpacked, limited and found cut off too."""
    compressor = zlib.compressobj(level, wbits=-15, strategy=strategy)
    packed = compressor.compress(content) + compressor.flush()
    n_bytes = len(content)

    assert decompress(packed, "deflate", n_bytes, SETTING) == content
    with refuse(InvalidRequest, "the body's deflate is cut off"):
        decompress(packed[:-1], "deflate", n_bytes, SETTING)
    if content:
        with pytest.raises(TooLarge):
            decompress(packed, "deflate", n_bytes - 1, SETTING)


@pytest.mark.parametrize("kind", KINDS)
def test_a_body_over_the_limit_is_refused(kind: str) -> None:
    """One byte more than the limit is too many; the refusal names the setting."""
    with refuse(
        TooLarge, f"the body unpacks to more than the limit of 99 bytes ({SETTING})"
    ):
        decompress(compress(b"a" * 100, kind), kind, 99, SETTING)


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    """Unpacking 64 KiB that would be 64 MiB stops at the limit and a byte."""
    bomb = compress(bytes(BOMB_BYTES), "gzip")
    tracemalloc.start()
    with pytest.raises(TooLarge):
        decompress(bomb, "gzip", 10, SETTING)

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < BOMB_BYTES // 16


@pytest.mark.parametrize(("kind", "other"), [("gzip", "deflate"), ("deflate", "gzip")])
def test_a_body_of_another_kind_is_refused(kind: str, other: str) -> None:
    """A body must be what its encoding says: neither plain bytes nor the other format is taken for it."""
    for body in (b"plain", compress(b"a", other)):
        with refuse(InvalidRequest, f"the body is not {kind}, as its encoding says"):
            decompress(body, kind, 100, SETTING)


@given(st.binary(), st.sampled_from(list(KINDS)), st.data())
def test_a_body_that_is_cut_off_is_refused(
    content: bytes, kind: str, data: st.DataObject
) -> None:
    """However little is missing, no part of a body is taken for the whole."""
    packed = compress(content, kind)
    end = data.draw(st.integers(0, len(packed) - 1))
    with refuse(InvalidRequest, f"the body's {kind} is cut off"):
        decompress(packed[:end], kind, len(content), SETTING)


@pytest.mark.parametrize(
    ("accepted", "kind"),
    [
        ("gzip", "gzip"),
        ("deflate, gzip", "deflate"),
        ("gzip;q=0.1, deflate;q=0.9", "deflate"),
        ("gzip; q=0.500", "gzip"),
        ("gzip;q=0", ""),
        ("gzip;q=0.00, *", "deflate"),
        ("*;q=0", ""),
        ("identity, gzip;q=0.5", ""),
        ("identity;q=0.5, *;q=0.8", "gzip"),
        ("br", ""),
        ("", ""),
        ("gzip;q=much", ""),
        ("gzip;level=9;q=0.3", "gzip"),
    ],
)
def test_the_encoding_that_the_client_likes_best_is_chosen(
    accepted: str, kind: str
) -> None:
    """A quality of 0, however written, refuses; of equals the first is taken, and none where none is liked best."""
    assert choose(accepted) == kind


@given(st.lists(st.binary(), min_size=1, max_size=5), st.integers(0, 9))
def test_a_gzip_body_may_have_several_members(parts: list[bytes], n_zeros: int) -> None:
    """Members one behind the other are one body, as RFC 1952, 2.2 has it, and zeros may follow them."""
    packed = b"".join(map(gzip.compress, parts)) + bytes(n_zeros)
    content = b"".join(parts)

    assert decompress(packed, "gzip", len(content), SETTING) == content


def test_members_are_within_the_limit_together() -> None:
    """Members of half of the limit each are refused as one that is longer would be."""
    packed = gzip.compress(bytes(51)) * 2
    with refuse(
        TooLarge, f"the body unpacks to more than the limit of 99 bytes ({SETTING})"
    ):
        decompress(packed, "gzip", 99, SETTING)


def test_more_members_than_a_body_may_have_are_refused() -> None:
    """Members without content, of which a body of 8 MB would hold 400,000, have a limit of their number."""
    packed = gzip.compress(b"") * (MAX_GZIP_MEMBERS + 1)
    with refuse(
        InvalidRequest,
        f"the body's gzip has more than {MAX_GZIP_MEMBERS} members: send it as one",
    ):
        decompress(packed, "gzip", 99, SETTING)


def test_bytes_behind_the_members_are_refused() -> None:
    """The bytes that follow the last member must be zeros."""
    with refuse(InvalidRequest, "bytes follow the body's gzip that are none of it"):
        decompress(gzip.compress(b"a") + b"more", "gzip", 99, SETTING)


@pytest.mark.parametrize("window_bits", [zlib.MAX_WBITS, -zlib.MAX_WBITS])
def test_bytes_behind_deflate_are_refused(window_bits: int) -> None:
    """Zeros may follow, as behind gzip; any other bytes are none of the body, in both formats."""
    packer = zlib.compressobj(wbits=window_bits)
    packed = packer.compress(b"a") + packer.flush()

    assert decompress(packed + bytes(3), "deflate", 99, SETTING) == b"a"
    with refuse(InvalidRequest, "bytes follow the body's deflate that are none of it"):
        decompress(packed + b"more", "deflate", 99, SETTING)


def test_a_body_of_many_slices_is_unpacked() -> None:
    """A body that is longer than what is unpacked at once comes back as it was, whatever its members' lengths."""
    content = np.random.default_rng(0).bytes(3 * SLICE_BYTES)
    packed = gzip.compress(content) + gzip.compress(content[:1000])

    assert decompress(packed, "gzip", 10**6, SETTING) == content + content[:1000]
