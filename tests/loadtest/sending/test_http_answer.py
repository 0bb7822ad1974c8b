"""The end of an answer of HTTP is found in whatever pieces it comes."""

from __future__ import annotations

import pytest

from loadtest.sending.http_answer import Answer, ConnectionBroken

WITH_LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
IN_CHUNKS = (
    b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;note\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n"
)
WITHOUT_BODY = b"HTTP/1.1 204 Nothing\r\nDate: now\r\n\r\n"


@pytest.mark.parametrize(
    ("content", "status"), [(WITH_LENGTH, 200), (IN_CHUNKS, 503), (WITHOUT_BODY, 204)]
)
@pytest.mark.parametrize("n_bytes", [1, 7, 1000])
def test_an_answer_ends_with_its_last_byte(
    content: bytes, status: int, n_bytes: int
) -> None:
    """The status comes with the last piece, and the connection is ready for the next answer."""
    answer = Answer()
    pieces = [content[at : at + n_bytes] for at in range(0, len(content), n_bytes)]
    for _ in range(2):
        found = [answer.feed(piece) for piece in pieces]
        assert found == [0] * (len(pieces) - 1) + [status]


@pytest.mark.parametrize(
    ("head", "closes"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: Close", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0", True),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive", False),
    ],
)
def test_an_answer_says_whether_its_connection_stays(
    head: bytes, *, closes: bool
) -> None:
    """HTTP/1.1 stays open unless told otherwise, HTTP/1.0 does not."""
    answer = Answer()
    assert answer.feed(head + b"\r\n\r\n") == 200
    assert answer.closes is closes


@pytest.mark.parametrize(
    "content",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 2xx OK\r\n\r\n",
        WITH_LENGTH + b"!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_no_answer_breaks_the_connection(content: bytes) -> None:
    """Bytes that are no answer are counted as an error, and no more are read."""
    with pytest.raises(ConnectionBroken):
        Answer().feed(content)
