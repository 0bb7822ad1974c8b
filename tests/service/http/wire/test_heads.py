"""Heads and chunks are measured, wherever they are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.http.wire.framing import MAX_CHUNKS_AT_ONCE, Chunks
from service.http.wire.heads import Refusal, check_part, decline_upgrade

HEAD = (
    b"POST /predict?a=b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUPGRADE : h2c\r\n"
    b"http2-settings: AAM\r\nX-Upgrade: kept\r\n\r\n"
)
BEHIND = b"GET / HTTP/1.1\r\n\r\n"


@given(st.integers(1, len(HEAD) - 1), st.data())
def test_the_beginning_of_a_head_is_waited_for(end: int, data: st.DataObject) -> None:
    """No beginning of a good head is refused, however much of it was checked before."""
    n_checked = data.draw(st.integers(0, end))

    check_part(HEAD[:end], n_checked)


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01", b"GET /\n", b"{", b"G\x00T", b"GET / FTP", b"hello\r\n"]
)
def test_the_beginning_of_something_else_is_refused(sent: bytes) -> None:
    """Bytes that cannot become a request are refused before their end has come."""
    with pytest.raises(Refusal, match=r"^malformed request: "):
        check_part(sent, 0)


def test_an_offer_is_taken_out_of_a_head() -> None:
    """The fields of an offer go, whatever their case, and all others stay as they are."""
    assert decline_upgrade(HEAD) == (
        b"POST /predict?a=b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nX-Upgrade: kept\r\n\r\n"
    )


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=10),
    st.sampled_from([b"", b";a=b", b"  ;c"]),
    st.sampled_from([b"", b"X-A: b\r\n", b"X-A: b\r\nX-C: d\r\n"]),
    st.data(),
)
def test_the_end_of_chunks_is_found(
    parts: list[bytes], extension: bytes, trailer: bytes, data: st.DataObject
) -> None:
    """A body in chunks ends where its last line does, wherever it is cut, and what follows is not of it."""
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(part), extension, part) for part in parts)
    body += b"0\r\n" + trailer + b"\r\n"
    sent = body + BEHIND
    chunks = Chunks()
    at = 0

    while not chunks.is_complete:
        end = data.draw(st.integers(at + 1, len(sent)))
        at = chunks.measure(sent[:end], at)

    assert at == len(body)


def test_very_many_chunks_are_measured_in_turns() -> None:
    """A read full of tiny chunks is left after some of them, and measured on from there."""
    sent = b"1\r\na\r\n" * (2 * MAX_CHUNKS_AT_ONCE) + b"0\r\n\r\n"
    chunks = Chunks()
    ends = []
    while not chunks.is_complete:
        ends.append(chunks.measure(sent, ends[-1] if ends else 0))

    assert len(ends) > 2
    assert ends[-1] == len(sent)
