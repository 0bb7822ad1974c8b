"""`python -m tests.support.hostile_load PORT GRPC_PORT` sends hostile requests, in a process of its own.

One line of JSON counts the statuses that came back, and has the bytes of what was answered as nothing may be.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import re
import socket
import sys
import threading
from collections import Counter
from typing import Any

import grpc

from service.grpc.server import SERVICE
from tests.support.hostile_requests import Hostile, HostileRequests
from tests.support.mixed_load import Failure, read_answer

HOST = "127.0.0.1"
LIMIT_S = 60
"""A request that is well framed is answered within this time, or it hangs."""
WIRE_LIMIT_S = 0.05
"""A request that is not is waited for so long: its sender may have promised more than it sent."""
MAX_KEPT = 20
NEVER = frozenset(
    {
        *(str(status) for status in range(500, 600)),
        "INTERNAL",
        "UNKNOWN",
        "DATA_LOSS",
        "hangs",
    }
) - {"503", "504"}
"""An answer to whatever bytes is none of these."""
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


class Tally:
    """All threads count here what they were answered."""

    def __init__(self) -> None:
        self.statuses: Counter[str] = Counter()
        self.wrong: list[dict[str, str]] = []
        self._lock = threading.Lock()

    def count(self, request: Hostile, statuses: list[str]) -> None:
        with self._lock:
            self.statuses.update(f"{request.transport} {each}" for each in statuses)
            wrong = NEVER.intersection(statuses)
            if wrong and len(self.wrong) < MAX_KEPT:
                self.wrong.append(
                    {
                        "statuses": " ".join(sorted(wrong)),
                        "transport": f"{request.transport} {request.method}",
                        "content": base64.b64encode(request.content).decode(),
                    }
                )


class Sender:
    """A thread sends the requests of one seed, well framed ones on a kept connection."""

    def __init__(self, options: argparse.Namespace, seed: int, tally: Tally) -> None:
        self._options = options
        self._requests = HostileRequests(seed)
        self._tally = tally
        self._kept: socket.socket | None = None
        self._channel = grpc.insecure_channel(f"{HOST}:{options.grpc_port}")

    def run(self, turns: itertools.count[int]) -> None:
        """Sends until all threads together have sent enough."""
        while next(turns) < self._options.n:
            request = self._requests.make()
            self._tally.count(request, self._send(request))

    def _send(self, request: Hostile) -> list[str]:
        """Returns the statuses that came back; none where the connection ended without a word."""
        if request.transport == "grpc":
            return [self._call(request)]
        if request.transport == "http":
            return [self._ask(request.content)]

        is_http = request.transport == "wire"
        port = self._options.port if is_http else self._options.grpc_port
        received = send_and_leave(port, request.content)
        found = [each.decode() for each in _STATUS.findall(received)]
        return found if is_http and found else ["none"]

    def _ask(self, content: bytes) -> str:
        opened = self._kept or socket.create_connection(
            (HOST, self._options.port), timeout=LIMIT_S
        )
        self._kept = None
        try:
            opened.sendall(content)
            head, _ = read_answer(opened)
        except TimeoutError:
            return "hangs"
        except (OSError, Failure):
            return "ended"

        if b"connection: close" in head.lower():
            opened.close()
        else:
            self._kept = opened

        return head[9:12].decode()

    def _call(self, request: Hostile) -> str:
        method = self._channel.unary_unary(f"/{SERVICE}/{request.method}")
        try:
            method(request.content, timeout=LIMIT_S)
        except grpc.RpcError as error:
            code: Any = error.code()
            return "hangs" if code.name == "DEADLINE_EXCEEDED" else str(code.name)

        return "OK"


def send_and_leave(port: int, content: bytes) -> bytes:
    """Returns what comes back within a moment on a connection of its own."""
    received = b""
    with socket.create_connection((HOST, port), timeout=LIMIT_S) as opened:
        try:
            opened.sendall(content)
            opened.settimeout(WIRE_LIMIT_S)
            while part := opened.recv(65_536):
                received += part
        except OSError:
            pass

    return received


def main() -> None:
    """Sends, and says in one line of JSON what came back."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.hostile_load")
    parser.add_argument("port", type=int)
    parser.add_argument("grpc_port", type=int)
    parser.add_argument("--n", type=int, default=1000, help="requests")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clients", type=int, default=8)
    options = parser.parse_args()
    tally = Tally()
    turns = itertools.count()
    seeds = range(options.seed, options.seed + options.clients)
    threads = [
        threading.Thread(target=Sender(options, seed, tally).run, args=(turns,))
        for seed in seeds
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = {"statuses": dict(tally.statuses), "wrong": tally.wrong}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
