"""Heads and chunks are measured here before the parser sees them, so that what it keeps of them has an end."""

from __future__ import annotations

import re

from service.contract.limits import (
    MAX_CHUNK_LINE_BYTES,
    MAX_FIELD_BYTES,
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    MAX_REQUEST_LINE_BYTES,
    MAX_TRAILER_BYTES,
)

END = b"\r\n\r\n"
MAX_CHUNKS_AT_ONCE = 512
"""Chunks of one byte cost 2 us each, so that a read full of them would hold the event loop for 80 ms."""
_MIN_FIELD_BYTES = 4
_SMALL_BYTES = min(
    MAX_FIELDS * _MIN_FIELD_BYTES, MAX_FIELD_BYTES, MAX_REQUEST_LINE_BYTES
)
"""A head of at most this many bytes is within all limits, whatever is in it."""
_LONE_LF = re.compile(rb"(?<!\r)\n")
_START = re.compile(
    rb"[A-Za-z][A-Za-z-]{0,31}( ([\x21-\x7e\x80-\xff]*( [HTP/0-9.]*\r?)?)?)?"
)
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}[ \t]*(;|$)")
_OFFERS = (b"upgrade", b"http2-settings")


class Refusal(Exception):
    """A request that cannot be read on: after the answer, of this status, the connection ends."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def check_part(head: bytes, n_checked: int) -> None:
    """Raises Refusal for a head whose end has not come where it is too long already, or none of HTTP/1.1.

    Its first `n_checked` bytes were checked before.
    """
    if _LONE_LF.search(head, n_checked):
        raise Refusal(400, "malformed request: expected lines to end in CR LF, got LF")

    line_bytes = head.find(b"\r\n", 0, MAX_REQUEST_LINE_BYTES)
    if line_bytes < 0:
        _check_line(head)
    if len(head) > MAX_HEAD_BYTES:
        raise _refuse_head()
    if len(head) - head.rfind(b"\r\n") > MAX_FIELD_BYTES + 2:
        raise _refuse_field()

    line = head if line_bytes < 0 else head[:line_bytes]
    if not _START.fullmatch(line):
        raise Refusal(400, explain(head, "the first line is no request line"))


def check_whole(head: bytes) -> None:
    """Raises Refusal for a head that is longer than allowed, or has a field that is, or too many of them."""
    if len(head) <= _SMALL_BYTES:
        return

    if len(head) > MAX_REQUEST_LINE_BYTES:
        _check_line(head)
    if len(head) > MAX_HEAD_BYTES:
        raise _refuse_head()

    fields = head.split(b"\r\n")[1:-2]
    if len(fields) > MAX_FIELDS:
        raise Refusal(
            431, f"{len(fields)} header fields are over the limit of {MAX_FIELDS}"
        )
    if max(map(len, fields), default=0) > MAX_FIELD_BYTES:
        raise _refuse_field()


def decline_upgrade(head: bytes) -> bytes:
    """Returns the head without the offer of another protocol, which a server is free to pass over."""
    lines = head.split(b"\r\n")
    kept = [
        line for line in lines if line.partition(b":")[0].strip().lower() not in _OFFERS
    ]
    return b"\r\n".join(kept)


def explain(head: bytes, reason: object) -> str:
    """Returns what is wrong with a request that is not HTTP/1.1, and what would work."""
    if head.startswith(b"PRI "):
        return "malformed request: HTTP/2 without an offer is not spoken here: use HTTP/1.1"
    if head.startswith(b"\x16\x03"):
        return "malformed request: TLS is not spoken on this port: use http://"

    return f"malformed request: {reason}; expected HTTP/1.1"


class Chunks:
    """A body in chunks is measured as it comes; the parser checks and reads it."""

    def __init__(self) -> None:
        self.is_complete = False
        self._left = 0
        self._line = b""
        self._is_in_trailer = False
        self._trailer_bytes = 0

    def measure(self, data: bytes, start: int) -> int:
        """Returns where the body's part of the data ends, or a part of that after very many chunks.

        It raises Refusal for a chunk without a size, and for an extension or a trailer that is too long.
        """
        for _ in range(MAX_CHUNKS_AT_ONCE):
            if self._left:
                step = min(self._left, len(data) - start)
                self._left -= step
                start += step

            if start == len(data):
                break

            end = data.find(b"\n", start, start + MAX_TRAILER_BYTES) + 1
            stop = end or min(len(data), start + MAX_TRAILER_BYTES)
            self._line += data[start:stop]
            start = stop
            self._check_line()
            if end:
                self._take_line()
            if self.is_complete or not end:
                break

        return start

    def _check_line(self) -> None:
        n_bytes = len(self._line)
        if self._is_in_trailer:
            if self._trailer_bytes + n_bytes > MAX_TRAILER_BYTES:
                raise Refusal(
                    431,
                    f"the fields after the chunks are over the limit of {MAX_TRAILER_BYTES} bytes",
                )
        elif n_bytes > MAX_CHUNK_LINE_BYTES:
            raise Refusal(
                400,
                "malformed request: the size of a chunk and its extensions are over the limit "
                f"of {MAX_CHUNK_LINE_BYTES} bytes",
            )

    def _take_line(self) -> None:
        line = self._line.rstrip(b"\r\n")
        if self._is_in_trailer:
            self._trailer_bytes += len(self._line)
            self.is_complete = not line
        elif not _SIZE.match(line):
            raise Refusal(
                400,
                f"malformed request: expected the size of a chunk, got {line[:40].decode('latin-1')!r}",
            )
        else:
            n_bytes = int(line.partition(b";")[0], 16)
            self._is_in_trailer = n_bytes == 0
            self._left = n_bytes + 2 if n_bytes else 0

        self._line = b""


def _check_line(head: bytes) -> None:
    """Raises Refusal where the request line is longer than allowed."""
    if len(head) > MAX_REQUEST_LINE_BYTES:
        end = head.find(b"\r\n", 0, MAX_REQUEST_LINE_BYTES)
        if end < 0:
            raise Refusal(
                414,
                f"the request line is over the limit of {MAX_REQUEST_LINE_BYTES} bytes: "
                "send what is long in the body",
            )


def _refuse_head() -> Refusal:
    return Refusal(
        431, f"the header fields are over the limit of {MAX_HEAD_BYTES} bytes"
    )


def _refuse_field() -> Refusal:
    return Refusal(431, f"a header field is over the limit of {MAX_FIELD_BYTES} bytes")
