"""An HTTP/1.1 answer ends by its length, its chunks or the connection's end, in whatever pieces it comes."""

from __future__ import annotations

MAX_HEAD_BYTES = 65_536
END_OF_HEAD = b"\r\n\r\n"
UNKNOWN = -1
"""The body's length is not said beforehand."""
_VERSION_START = b"http/1."
_MINOR_VERSION = slice(7, 8)
_STATUS = slice(9, 12)
"""The first line of an answer's head is `http/1.1 200 ok`."""
_CONTENT_LENGTH = b"\r\ncontent-length:"
WITHOUT_BODY = (204, 304)


class ConnectionBroken(Exception):
    """The connection is of no use any more; the text is the kind of error that it is counted as."""


class Answer:
    """This finds where an answer ends: by its length, its chunks, or the connection's end; bodies are not kept."""

    __slots__ = ("_buffer", "_chunks", "_is_in_body", "_missing", "closes", "status")

    def __init__(self) -> None:
        self.status = 0
        self.closes = False
        self._is_in_body = False
        self._buffer = b""
        self._missing = 0
        self._chunks: Chunks | None = None

    @property
    def ends_with_connection(self) -> bool:
        return self._is_in_body and self._missing == UNKNOWN and self._chunks is None

    def feed(self, data: bytes) -> int:
        """Returns the status at the answer's end, else 0; raises ConnectionBroken for what is no answer."""
        if not self._is_in_body:
            if self._buffer:
                data = self._buffer + data
            at = data.find(END_OF_HEAD)
            if at < 0:
                self._keep(data)
                return 0

            self._buffer = b""
            self._is_in_body = True
            self._missing = self._read_head(data[:at].lower())
            data = data[at + len(END_OF_HEAD) :]

        if not self._is_body_whole(data):
            return 0

        self._is_in_body = False
        self._chunks = None
        return self.status

    def _keep(self, data: bytes) -> None:
        if len(data) > MAX_HEAD_BYTES:
            raise ConnectionBroken("no HTTP")

        self._buffer = data

    def _is_body_whole(self, data: bytes) -> bool:
        if self._chunks is not None:
            return self._chunks.feed(data)
        if self._missing == UNKNOWN:
            return False

        self._missing -= len(data)
        if self._missing < 0:
            raise ConnectionBroken("longer than its content-length")

        return self._missing == 0

    def _read_head(self, head: bytes) -> int:
        """Returns the body's length, which is unknown where chunks or the connection's end say it."""
        if not head.startswith(_VERSION_START) or not head[_STATUS].isdigit():
            raise ConnectionBroken("no HTTP")

        self.status = int(head[_STATUS])
        may_close = b"\r\nconnection: close" in head or head[_MINOR_VERSION] == b"0"
        self.closes = may_close and b"\r\nconnection: keep-alive" not in head
        if self.status in WITHOUT_BODY:
            return 0

        at = head.find(_CONTENT_LENGTH)
        if at >= 0:
            length = head[at + len(_CONTENT_LENGTH) :].partition(b"\r\n")[0].strip()
            if not length.isdigit():
                raise ConnectionBroken("no HTTP")
            return int(length)

        if b"\r\ntransfer-encoding: chunked" in head:
            self._chunks = Chunks()
        else:
            self.closes = True

        return UNKNOWN


class Chunks:
    """This finds the end of a body in chunks."""

    __slots__ = ("_buffer", "_in_trailer", "_missing")

    def __init__(self) -> None:
        self._buffer = b""
        self._missing = 0
        self._in_trailer = False

    def feed(self, data: bytes) -> bool:
        """Returns True at the end; raises ConnectionBroken for what is no chunk."""
        data = self._buffer + data
        while True:
            skipped = min(self._missing, len(data))
            data = data[skipped:]
            self._missing -= skipped
            line, end, rest = data.partition(b"\r\n")
            if self._missing or not end:
                self._buffer = data
                return False

            data = rest
            if self._in_trailer:
                if not line:
                    return True
                continue

            self._read_size(line)

    def _read_size(self, line: bytes) -> None:
        try:
            size = int(line.partition(b";")[0], 16)
        except ValueError:
            raise ConnectionBroken("no chunk") from None

        self._missing = size + 2 if size else 0
        self._in_trailer = not size
