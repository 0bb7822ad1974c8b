"""A storm is many connections that each ask again as soon as they are answered, whatever the answer says."""

from __future__ import annotations

import re
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from tests.support.server import Server

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n")


@dataclass(eq=False)
class _Client:
    """A client has sent `n_sent` bytes of its request since `began_s`, and has `received` so much of the answer."""

    connection: socket.socket
    n_sent: int = 0
    began_s: float = 0.0
    received: bytes = b""


@dataclass
class Storm:
    """A storm has its answers: how many there were of each status, and the seconds that each 200 took."""

    request: bytes
    counts: dict[int, int] = field(default_factory=dict)
    took_s: list[float] = field(default_factory=list)
    n_closed: int = 0
    """So many connections ended after an answer that said so, and so many without one."""
    n_lost: int = 0

    def rage(self, server: Server, n_connections: int, seconds: float) -> None:
        """Asks on so many connections for so long."""
        with _open(server, n_connections) as clients, select.epoll() as poll:
            for descriptor, client in clients.items():
                poll.register(descriptor, select.EPOLLIN | select.EPOLLOUT)
                client.began_s = perf_counter()

            end_s = perf_counter() + seconds
            while perf_counter() < end_s:
                for descriptor, _ in poll.poll(0.1):
                    self._go_on(clients[descriptor], poll)

    def _go_on(self, client: _Client, poll: select.epoll) -> None:
        try:
            if client.n_sent < len(self.request):
                self._send(client, poll)
            part = client.connection.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            part = b""

        client.received += part
        if not part:
            self.n_lost += 1
            poll.unregister(client.connection)
        elif (
            self._is_answered(client.received)
            and b"\r\nconnection: close\r\n" in client.received
        ):
            self._count(client)
            self.n_closed += 1
            poll.unregister(client.connection)
        elif self._is_answered(client.received):
            self._count(client)
            poll.modify(client.connection, select.EPOLLIN | select.EPOLLOUT)

    def _send(self, client: _Client, poll: select.epoll) -> None:
        # What is left of a request that was refused by its head goes first.
        client.n_sent += client.connection.send(self.request[client.n_sent :])
        if client.n_sent == len(self.request):
            poll.modify(client.connection, select.EPOLLIN)

    def _is_answered(self, received: bytes) -> bool:
        head, end, body = received.partition(b"\r\n\r\n")
        found = _LENGTH.search(head + b"\r\n")
        return bool(end and found) and len(body) == int(found[1] if found else 0)

    def _count(self, client: _Client) -> None:
        """Counts an answer and begins again; an answer that comes before the request is sent waits for its end."""
        status = int(client.received.split(b" ", 2)[1])
        self.counts[status] = self.counts.get(status, 0) + 1
        now_s = perf_counter()
        if status == 200:
            self.took_s.append(now_s - client.began_s)

        client.received = b""
        client.began_s = now_s
        if client.n_sent == len(self.request):
            client.n_sent = 0
        else:
            client.n_sent -= len(self.request)


@contextmanager
def _open(server: Server, n_connections: int) -> Iterator[dict[int, _Client]]:
    host, port = server.url.removeprefix("http://").split(":")
    clients: dict[int, _Client] = {}
    try:
        for _ in range(n_connections):
            connection = socket.create_connection((host, int(port)), 30)
            connection.settimeout(0)
            clients[connection.fileno()] = _Client(connection)
        yield clients
    finally:
        for each in clients.values():
            each.connection.close()
