"""A client says in a header how long it waits; that shortens the server's deadline, and never lengthens it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    nullcontext,
)
from time import perf_counter

from service.errors import DeadlinePassed, InvalidRequest

TIMEOUT_HEADERS = (b"x-request-timeout-ms", b"x-envoy-expected-rq-timeout-ms")
"""The second one is what Envoy, and so Istio, sets on what it passes on."""
MAX_DIGITS = 9
_UNLIMITED = nullcontext()


def limit_time(
    headers: Iterable[tuple[bytes, bytes]], started: float
) -> AbstractAsyncContextManager[None]:
    """Ends what is awaited inside once the time that a header allows has passed since the request's arrival.

    It raises InvalidRequest, and inside DeadlinePassed; `started` is by `time.perf_counter`.
    """
    timeout_ms = read_timeout_ms(headers)
    return _UNLIMITED if timeout_ms is None else _limit(timeout_ms, started)


@asynccontextmanager
async def _limit(timeout_ms: int, started: float) -> AsyncIterator[None]:
    left_s = timeout_ms / 1000 - (perf_counter() - started)
    try:
        async with asyncio.timeout(max(0.0, left_s)):
            yield
    except TimeoutError:
        raise DeadlinePassed(
            f"no answer within {timeout_ms} ms, which the request's header allows"
        ) from None


def read_timeout_ms(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """Returns the shortest time that a header allows; None where none does."""
    found = [_parse(name, value) for name, value in headers if name in TIMEOUT_HEADERS]
    return min(found, default=None)


def has_bad_timeout(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Returns whether a header says no time, which is refused also where the answer is there at once."""
    try:
        read_timeout_ms(headers)
    except InvalidRequest:
        return True
    return False


def _parse(name: bytes, value: bytes) -> int:
    text = value.strip()
    if not text.isdigit() or len(text) > MAX_DIGITS or not int(text):
        raise InvalidRequest(
            f"{name.decode()}: expected a whole number of milliseconds of at least 1, "
            f"got {value[:40].decode('latin-1')!r}"
        )
    return int(text)
