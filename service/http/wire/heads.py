"""Heads are measured here before the parser sees them, so that what it keeps of them has an end."""

from __future__ import annotations

import re

from service.contract.limits import (
    MAX_FIELD_BYTES,
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    MAX_REQUEST_LINE_BYTES,
)

END = b"\r\n\r\n"
_MIN_FIELD_BYTES = 4
SMALL_BYTES = min(
    MAX_FIELDS * _MIN_FIELD_BYTES, MAX_FIELD_BYTES, MAX_REQUEST_LINE_BYTES
)
"""A head of at most this many bytes is within all limits, whatever is in it."""
_LONE_LF = re.compile(rb"(?<!\r)\n")
_START = re.compile(
    rb"[A-Za-z][A-Za-z-]{0,31}( ([\x21-\x7e\x80-\xff]*( [HTP/0-9.]*\r?)?)?)?"
)
_LINE = re.compile(rb"[A-Za-z][A-Za-z-]{0,31} +[^ ]+ HTTP/[0-9]\.[0-9]")
_HOST_ALONE = re.compile(rb"\A([A-Za-z-]+ +[A-Za-z]+://[^/?# ]+)(?=[?# ])")
_OFFERS = (b"upgrade", b"http2-settings")
_PROXY_PROTOCOL = (
    b"PROXY TCP4 ",
    b"PROXY TCP6 ",
    b"PROXY UNKNOWN",
    b"\0\r\nQUIT\n",
)
"""What a proxy says of its client ahead of a request begins so, by version 1 and, after empty lines, by version 2."""


class Refusal(Exception):
    """A Refusal ends a request that cannot be read on: after the answer, of this status, the connection ends."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def check_part(head: bytes, n_checked: int) -> None:
    """Raises Refusal for a head whose end has not come where it is too long already, or none of HTTP/1.1.

    Its first `n_checked` bytes were checked before.
    """
    if head.startswith(_PROXY_PROTOCOL):
        raise Refusal(400, explain(head, "it begins with another protocol"))
    if _LONE_LF.search(head, n_checked):
        raise Refusal(400, "malformed request: expected lines to end in CR LF, got LF")

    line_bytes = head.find(b"\r\n", 0, MAX_REQUEST_LINE_BYTES)
    if line_bytes < 0:
        _check_line(head)
    if len(head) > MAX_HEAD_BYTES:
        raise _refuse_head()
    if len(head) - head.rfind(b"\r\n") > MAX_FIELD_BYTES + 2:
        raise _refuse_field()

    is_request = (
        _START.fullmatch(head)
        if line_bytes < 0
        else _LINE.fullmatch(head, 0, line_bytes)
    )
    if not is_request:
        raise Refusal(400, explain(head, "the first line is no request line"))


def check_whole(head: bytes) -> None:
    """Raises Refusal for a head that is longer than allowed, or has a field that is, or too many of them."""
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


def add_path(head: bytes) -> bytes:
    """Returns the head with a path where its target names a host alone, as in `GET http://host HTTP/1.1`."""
    return _HOST_ALONE.sub(rb"\1/", head, count=1)


def explain(head: bytes, reason: object) -> str:
    """Returns what is wrong with a request that is not HTTP/1.1, and what would work."""
    if head.startswith(b"PRI "):
        return "malformed request: HTTP/2 without an offer is not spoken here: use HTTP/1.1"
    if head.startswith(b"\x16\x03"):
        return "malformed request: TLS is not spoken on this port: use http://"
    if head.startswith(_PROXY_PROTOCOL):
        return (
            "malformed request: the PROXY protocol is not spoken here: "
            "let the proxy send plain HTTP/1.1 (haproxy: a server without send-proxy)"
        )

    return f"malformed request: {reason}; expected HTTP/1.1"


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
