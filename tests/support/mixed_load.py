"""`python -m tests.support.mixed_load PORT GRPC_PORT` asks a server all kinds of requests, in a process of its own.

The server's models are the shipped ones of the task `wine` and `IMAGE_MODEL`. One line of JSON says what came back.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import socket
import sys
import threading
import time
from collections import Counter
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

import grpc
import numpy as np
from PIL import Image

from service.grpc import messages
from service.grpc.server import SERVICE
from tests.support.image_files import encode

HOST = "127.0.0.1"
TASK = "wine"
ROW_MODEL = "wine-logistic"
IMAGE_MODEL = "cat_or_automobile-logistic"
N_FEATURES = 13
MANY_ROWS = 1000
LIMIT_S = 60
N_SHUFFLED = 1000
JSON = "application/json"
INFER = f"/v2/models/{ROW_MODEL}/infer"
MODEL_INFER = f"/{SERVICE}/ModelInfer"


class Kind(NamedTuple):
    """A kind of request has a share of all, and is one answer or many: a comparison says how long it took."""

    name: str
    weight: int
    request: bytes
    is_http: bool = True
    is_constant: bool = True


class Failure(Exception):
    """An answer is none that was asked for."""


def make_kinds() -> tuple[Kind, ...]:
    """Returns the kinds of the mix: rows are most of it, and photographs most of its bytes."""
    rows = np.random.default_rng(0).uniform(1, 100, (MANY_ROWS, N_FEATURES)).round(2)
    one = {"model": ROW_MODEL, "inputs": rows[:1].tolist()}
    compared = {"task": TASK, "inputs": rows[:5].tolist()}
    return (
        Kind("row", 60, write_json("/predict", one)),
        Kind("rows", 3, write_json("/predict", one | {"inputs": rows.tolist()})),
        Kind("photograph", 8, write_photograph()),
        Kind("compare", 5, write_json("/compare", compared), is_constant=False),
        Kind("binary", 16, write_binary(rows[:4].astype(np.float32))),
        Kind("grpc", 8, write_message(rows[:4].astype(np.float32)), is_http=False),
    )


def write_json(path: str, document: Any) -> bytes:
    return write_http(path, json.dumps(document).encode(), JSON)


def write_http(path: str, body: bytes, media_type: str, *fields: str) -> bytes:
    """Returns a request as bytes."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {HOST}",
        f"Content-Type: {media_type}",
        f"Content-Length: {len(body)}",
        *fields,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def write_photograph() -> bytes:
    noise = np.random.default_rng(1).integers(0, 256, (240, 320, 3), np.uint8)
    file = encode(Image.fromarray(noise), "JPEG", quality=90)
    return write_http(f"/predict?model={IMAGE_MODEL}", file, "image/jpeg")


def write_binary(rows: np.ndarray) -> bytes:
    """Returns a request of the protocol whose tensor follows its JSON as bytes."""
    content = rows.tobytes()
    tensor = describe_rows(rows) | {"parameters": {"binary_data_size": len(content)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    field = f"Inference-Header-Content-Length: {len(head)}"
    return write_http(INFER, head + content, "application/octet-stream", field)


def write_message(rows: np.ndarray) -> bytes:
    fields = {
        "model_name": ROW_MODEL,
        "inputs": [describe_rows(rows)],
        "raw_input_contents": [rows.tobytes()],
    }
    return messages.encode("ModelInferRequest", fields)


def describe_rows(rows: np.ndarray) -> dict[str, Any]:
    return {"name": "features", "datatype": "FP32", "shape": list(rows.shape)}


class Connection:
    """A kept connection is opened again where the server says so, or after a failure."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def ask(self, request: bytes) -> bytes:
        """Returns the body of a 200; raises Failure for another status, and OSError."""
        opened = self._socket or self._open()
        self._socket = None
        opened.sendall(request)
        head, body = read_answer(opened)
        fields = head.lower()
        if b"connection: close" in fields:
            opened.close()
        else:
            self._socket = opened

        if not head.startswith(b"HTTP/1.1 200 "):
            raise Failure(f"{head[9:12].decode()} {body[:100]!r}")

        return body

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _open(self) -> socket.socket:
        opened = socket.create_connection((HOST, self._port), timeout=LIMIT_S)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened


def read_answer(opened: socket.socket) -> tuple[bytes, bytes]:
    """Returns head and body of the next answer; raises Failure where it does not come whole."""
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        received += receive(opened)

    head, body = received[:end], received[end + 4 :]
    _, _, rest = head.lower().partition(b"content-length:")
    missing = int(rest.partition(b"\r\n")[0]) - len(body)
    parts = [body]
    while missing > 0:
        parts.append(receive(opened))
        missing -= len(parts[-1])

    return head, b"".join(parts)


def receive(opened: socket.socket) -> bytes:
    part = opened.recv(262_144)
    if not part:
        raise Failure("the connection ended before its answer")

    return part


class Tally:
    """All threads count here what was answered."""

    def __init__(self) -> None:
        self.n_answers: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.answers: dict[str, set[bytes]] = {}
        self._lock = threading.Lock()

    def count(self, kind: Kind, answer: bytes) -> None:
        with self._lock:
            self.n_answers[kind.name] += 1
            if kind.is_constant:
                self.answers.setdefault(kind.name, set()).add(answer)

    def fail(self, kind: Kind, error: Exception) -> None:
        with self._lock:
            self.failures[f"{kind.name}: {type(error).__name__} {error}"[:200]] += 1


class Load:
    """Clients ask in turns: at a rate that they share, or each as soon as it was answered."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.tally = Tally()
        self._options = options
        self._kinds = shuffle_kinds(make_kinds())
        self._turns = itertools.count()
        self._started_s = time.monotonic()

    def run(self) -> float:
        """Asks until the time is over; returns the seconds that it took."""
        threads = [
            threading.Thread(target=self._ask) for _ in range(self._options.clients)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        return time.monotonic() - self._started_s

    def _ask(self) -> None:
        options = self._options
        with ExitStack() as stack:
            connection = Connection(options.port)
            stack.callback(connection.close)
            channel = stack.enter_context(
                grpc.insecure_channel(f"{HOST}:{options.grpc_port}")
            )
            infer = channel.unary_unary(MODEL_INFER)
            while (turn := self._wait_for_turn()) is not None:
                kind = self._kinds[turn % len(self._kinds)]
                self._ask_one(kind, connection, infer)

    def _wait_for_turn(self) -> int | None:
        """Returns the number of the request that is due now; None after the last one."""
        turn = next(self._turns)
        due_s = turn / self._options.rate if self._options.rate else 0
        late_s = time.monotonic() - self._started_s
        if max(due_s, late_s) >= self._options.seconds:
            return None

        time.sleep(max(due_s - late_s, 0))
        return turn

    def _ask_one(self, kind: Kind, connection: Connection, infer: Any) -> None:
        try:
            ask = connection.ask if kind.is_http else partial(infer, timeout=LIMIT_S)
            self.tally.count(kind, ask(kind.request))
        except grpc.RpcError as error:
            self.tally.fail(kind, Failure(f"{error.code().name} {error.details()}"))
        except (OSError, Failure) as error:
            self.tally.fail(kind, error)


def shuffle_kinds(kinds: tuple[Kind, ...]) -> list[Kind]:
    chance = random.Random(0)
    return chance.choices(kinds, [kind.weight for kind in kinds], k=N_SHUFFLED)


def main() -> None:
    """Asks, and says in one line of JSON what came back."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.mixed_load")
    parser.add_argument("port", type=int)
    parser.add_argument("grpc_port", type=int)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=0, help="a second; 0: no limit")
    parser.add_argument("--clients", type=int, default=16)
    load = Load(parser.parse_args())
    seconds = load.run()
    tally = load.tally
    found = {
        "seconds": seconds,
        "n_answers": dict(tally.n_answers),
        "failures": dict(tally.failures),
        "n_distinct": {name: len(each) for name, each in tally.answers.items()},
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
