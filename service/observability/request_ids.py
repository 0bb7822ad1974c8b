"""A request is known by the id that its client gave it, and by the trace that it is a part of."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

MAX_REQUEST_ID_CHARS = 128
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~+/=:@-]{1,%d}" % MAX_REQUEST_ID_CHARS)
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)
REQUEST_ID: ContextVar[str | None] = ContextVar("veredicto_request_id", default=None)
"""The task of a request has its id here, for the log lines that are written on its way."""


def read_request_id(value: bytes | None) -> str | None:
    """Returns the id of an `X-Request-ID` header; None where there is none, or one of other characters or too long."""
    if value is None or not _REQUEST_ID.fullmatch(value):
        return None
    return value.decode("ascii")


def read_traceparent(value: bytes | None) -> str | None:
    """Returns the `traceparent` header of W3C's Trace Context; None where there is none that is valid."""
    if value is None or not _TRACEPARENT.fullmatch(value):
        return None
    return value.decode("ascii")


def make_request_id() -> str:
    """Returns a new id of 16 hexadecimal digits."""
    return secrets.token_hex(8)
