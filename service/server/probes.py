"""Requests that are answered ahead of the event loop are read here: probes, which are plain, and come whole."""

from __future__ import annotations

import re
from collections.abc import Container
from http import HTTPStatus

from service.http.responses import Response, forbid_stale, list_headers

MAX_PROBE_BYTES = 8192
"""A probe with a longer head goes to the event loop, as any other request."""
MAX_PROBE_LINES = 64
_METHODS = (b"GET ", b"HEAD ")
_PLAIN_HEAD = re.compile(
    rb"[A-Z]+ [!-~]+ HTTP/1\.[01]\r\n([!#-'*+.0-9A-Z^-z|~-]+:[\t -~]*\r\n)+\r\n"
)
_CLOSE = re.compile(rb"\r\nconnection:([^\r]*,)?[ \t]*close[ \t]*[,\r]", re.IGNORECASE)
_UNUSUAL = (b"\r\ncontent-length:", b"\r\ntransfer-encoding:", b"\r\nexpect:")
"""A request with such a field has a body, or waits for leave to send one."""


def find_path(data: bytes, known: Container[bytes]) -> bytes | None:
    """Returns the path of one whole request, as plain as probes are, where it is a known one."""
    if not data.startswith(_METHODS) or not _PLAIN_HEAD.fullmatch(data):
        return None

    lowered = data.lower()
    path = data[: data.find(b"\r\n")].split(b" ")[1]
    is_plain = (
        path in known
        and lowered.count(b"\r\nhost:") == 1
        and data.count(b"\r\n") <= MAX_PROBE_LINES
        and not any(each in lowered for each in _UNUSUAL)
    )

    return path if is_plain else None


def keeps_connection(data: bytes) -> bool:
    """Returns whether the connection stays open after this request."""
    line = data[: data.find(b"\r\n")]
    return line.endswith(b"HTTP/1.1") and not _CLOSE.search(data)


def write_response(response: Response, *, stays: bool, has_body: bool) -> bytes:
    """Returns a response as it goes over the wire."""
    headers = list_headers(forbid_stale(response))
    if not stays:
        headers.append((b"connection", b"close"))

    lines = b"".join(b"%s: %s\r\n" % header for header in headers)
    reason = HTTPStatus(response.status).phrase.encode()
    body = response.body if has_body else b""

    return b"HTTP/1.1 %d %s\r\n%s\r\n%s" % (response.status, reason, lines, body)
