"""The form of a request is what its fields say of where its body ends; a body in chunks is measured as it comes."""

from __future__ import annotations

import re
from http import HTTPStatus

from service.contract.limits import MAX_CHUNK_LINE_BYTES, MAX_TRAILER_BYTES
from service.http.responses import RETRY_AFTER_S, respond
from service.http.wire.heads import Refusal

MAX_CHUNKS_AT_ONCE = 512
"""Chunks of one byte cost 2 us each, so that a read full of them would hold the event loop for 80 ms."""
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}[ \t]*(;|$)")
_EXTRA_LINES = {
    405: b"allow: GET, HEAD, POST\r\n",
    503: b"retry-after: %s\r\n" % RETRY_AFTER_S,
}


_SINGLE = frozenset(
    {
        b"authorization",
        b"content-type",
        b"inference-header-content-length",
        b"origin",
    }
)
"""Each of these has one value: of two, a proxy and this server might believe different ones."""


class Framing:
    """The framing is what the fields of one request say of its form, with a refusal where HTTP has no such form."""

    def __init__(self, version: str, headers: list[tuple[bytes, bytes]]) -> None:
        self.n_bytes = 0
        self.chunks: Chunks | None = None
        self.expects = False
        self.refusal: Refusal | None = None
        self._n_hosts = 0
        self._said: dict[bytes, bytes] = {}
        for name, value in headers:
            self._note(name, value)

        self._check(version)

    def _note(self, name: bytes, value: bytes) -> None:
        """Notes what one field says; the parser has checked that a length is a number, and there once."""
        if name == b"host":
            self._n_hosts += 1
        elif name in _SINGLE:
            if self._said.setdefault(name, value) != value:
                shown = name.decode().title()
                self._refuse(f"expected one {shown} field, got two that differ")
        elif name == b"content-length":
            self.n_bytes = int(value)
        elif name == b"transfer-encoding":
            if self.chunks is not None or value.strip().lower() != b"chunked":
                shown = value[:40].decode("latin-1")
                self._refuse(f"Transfer-Encoding {shown!r} is not chunked")
            self.chunks = Chunks()
        elif name == b"expect" and value.lower() == b"100-continue":
            self.expects = True
        elif name == b"expect":
            shown = value[:40].decode("latin-1")
            self.refusal = Refusal(
                417, f"expected Expect: 100-continue or none, got {shown!r}"
            )

    def _check(self, version: str) -> None:
        if version not in ("1.1", "1.0"):
            self._refuse(f"HTTP/{version} is not spoken here: use HTTP/1.1")
        elif self._n_hosts > 1 or (version == "1.1" and not self._n_hosts):
            self._refuse(f"expected one Host field, got {self._n_hosts or 'none'}")
        elif self.chunks is not None and version == "1.0":
            self._refuse("HTTP/1.0 has no Transfer-Encoding")

        if version == "1.0":
            self.expects = False

    def _refuse(self, text: str) -> None:
        if self.refusal is None:
            self.refusal = Refusal(400, f"malformed request: {text}")


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


def write_refusal(refusal: Refusal, server_headers: list[tuple[bytes, bytes]]) -> bytes:
    """Returns the response to a request that cannot be read on."""
    response = respond({"error": str(refusal)}, status=refusal.status)
    lines = b"".join(b"%s: %s\r\n" % each for each in server_headers)
    return (
        b"HTTP/1.1 %d %s\r\ncontent-type: %s\r\ncontent-length: %d\r\nconnection: close\r\n%s%s\r\n%s"
        % (
            refusal.status,
            HTTPStatus(refusal.status).phrase.encode(),
            response.content_type,
            len(response.body),
            _EXTRA_LINES.get(refusal.status, b""),
            lines,
            response.body,
        )
    )
