"""A test decides every delay and failure of this server of a few lines, in a process of its own.

It answers `/` at once, `/fail` with 500, `/never` not at all, `/close` by closing, `/chunks` in chunks and `/end` until
the connection's end. It answers `/once` with `Connection: close`, `/later` after some time, `/slow` after a millisecond
in which it does nothing else, and `/refuse` before it has read the body. While it stalls it does nothing else either.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

ANSWERS = {
    b"/": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"/slow": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nslow",
    b"/fail": b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    b"/refuse": b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n",
    b"/chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"/end": b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    b"/once": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    b"/no-http": b"SSH-2.0\r\n\r\n",
}
NOT_FOUND = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
CLOSING = (b"/close", b"/end", b"/once")
SILENT = (b"/never", b"/close")
SLOW_S = 0.001
"""With this pause before each answer a server is at its limit at some hundreds of requests a second, and idles."""


class Protocol(asyncio.Protocol):
    """Requests have no body, or one that comes with their head."""

    n_later = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        path = data.split(b" ", 2)[1]
        if path == b"/later":
            self._answer_later()
            return

        if path == b"/slow":
            time.sleep(SLOW_S)
        if path not in SILENT:
            self._transport.write(ANSWERS.get(path, NOT_FOUND))
        if path == b"/refuse":
            self._transport.pause_reading()
        if path in CLOSING:
            self._transport.close()

    def _answer_later(self) -> None:
        """Answers after 40 ms, and each fifth time after 120 ms."""
        Protocol.n_later += 1
        delay_s = 0.12 if Protocol.n_later % 5 == 0 else 0.04
        asyncio.get_running_loop().call_later(delay_s, self._answer_now)

    def _answer_now(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(ANSWERS[b"/"])


async def answer(*, period_s: float, stall_s: float) -> None:
    """Answers on a free port, which is printed, and stalls once in each period."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Protocol, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()

    while True:
        await asyncio.sleep(period_s - stall_s if stall_s else 3600)
        time.sleep(stall_s)  # nothing is read or answered meanwhile


@contextmanager
def run_server(*, period_s: float = 1.0, stall_s: float = 0.0) -> Iterator[str]:
    """Yields the address of a running server."""
    command = [sys.executable, __file__, str(period_s), str(stall_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    with suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

    parser = argparse.ArgumentParser()
    parser.add_argument("period_s", type=float)
    parser.add_argument("stall_s", type=float)
    given = parser.parse_args()
    asyncio.run(answer(period_s=given.period_s, stall_s=given.stall_s))
