"""Clients ask one row again and again in threads, while a test kills, stops or ends the server's processes."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from service.processes.fork_server import FORK_SERVER_NAME
from tests.support.server import Server
from tests.support.waiting import wait_until

LIMIT_S = 90
WORKERS = {"service.server.worker", "_bentoml_impl.worker.service"}
"""A worker runs one of these programs."""
BODY = json.dumps({"model": "colour-first", "inputs": [[1, "red"]]})
PAUSE_S = 0.0 if "CHAOS_N" in os.environ else 0.005
"""A client that was answered waits so long: four have several hundred answers a second, of a tenth of a processor.

`make chaos` asks without a pause, by which four clients take all processors.
"""


class Client:
    """A client asks again and again on a kept connection, and comes again where a connection is refused.

    It pauses by `PAUSE_S` after each answer.
    """

    def __init__(self, port: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self._port = port
        self._is_done = False
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        """Starts to ask, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stops after the request that it is at."""
        self._is_done = True
        self._thread.join()

    def _run(self) -> None:
        while not self._is_done:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            try:
                connection.connect()
                self._ask_on(connection)
            except ConnectionRefusedError:
                time.sleep(0.02)
            except (OSError, http.client.HTTPException) as error:
                self.outcomes[type(error).__name__] += 1
            finally:
                connection.close()

    def _ask_on(self, connection: http.client.HTTPConnection) -> None:
        """Asks on one connection for as long as the server keeps it."""
        is_kept = True
        while is_kept and not self._is_done:
            connection.request(
                "POST", "/predict", BODY, {"Content-Type": "application/json"}
            )
            response = connection.getresponse()
            response.read()
            self.outcomes[str(response.status)] += 1
            is_kept = response.getheader("connection") != "close"
            time.sleep(PAUSE_S)


@contextmanager
def ask(server: Server, n_clients: int = 4) -> Iterator[list[Client]]:
    """Asks from several clients until the block ends; each has been answered before it begins."""
    with ask_port(int(server.url.rpartition(":")[2]), n_clients) as clients:
        yield clients


@contextmanager
def ask_port(port: int, n_clients: int = 4) -> Iterator[list[Client]]:
    """Asks whoever listens on this port of 127.0.0.1, as `ask` asks a server."""
    clients = [Client(port) for _ in range(n_clients)]
    for client in clients:
        client.start()

    try:
        wait_until(lambda: all(client.outcomes["200"] for client in clients))
        yield clients
    finally:
        for client in clients:
            client.stop()


def find_workers(server: Server) -> list[int]:
    """Returns the process ids of the workers, which are not all that the supervisor starts."""
    found = []
    for each in psutil.Process(server.process.pid).children():
        try:
            words = each.cmdline()
        except psutil.Error:
            continue
        if WORKERS.isdisjoint(words) or each.status() == psutil.STATUS_ZOMBIE:
            continue
        if each.name() != FORK_SERVER_NAME:
            found.append(each.pid)

    return found
