"""Connections of real servers end as their clients can know: no answer is lost that somebody still waits for."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from service.http.wire.connections import Connections
from service.http.wire.wire_protocol import WireProtocol
from service.settings import Settings
from tests.support.connections import connect, read_to_end, write
from tests.support.loop_graphs import write_counter
from tests.support.server import Server, serve

SLOW, QUICK = 50_000, 3
"""So many trips take a thread and some milliseconds, or are answered where they are read."""
LEAVE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.fixture(scope="module")
def counting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has a graph that counts as far as a request says."""
    folder = tmp_path_factory.mktemp("models")
    write_counter(folder)
    with serve(tmp_path_factory.mktemp("home"), VEREDICTO_MODELS=folder) as running:
        yield running


def count(trips: int) -> bytes:
    entry = {"name": "trips", "datatype": "INT64", "shape": [1], "data": [trips]}
    return write("/v2/models/counter/infer", {"inputs": [entry]})


@pytest.mark.parametrize(
    "trips", [[SLOW], [QUICK], [SLOW, SLOW, QUICK, SLOW], [QUICK] * 40]
)
def test_a_client_that_sends_no_more_gets_its_answers(
    counting: Server, trips: list[int]
) -> None:
    """A client that ends its side behind its requests is answered all of them, in order, and then let go."""
    with connect(counting) as client:
        client.sendall(b"".join(map(count, trips)))
        client.shutdown(socket.SHUT_WR)
        answers = read_to_end(client).replace(LEAVE, b"").split(b"HTTP/1.1 ")[1:]

    assert [each[:6] for each in answers] == [b"200 OK"] * len(trips)
    for each, number in zip(answers, trips, strict=True):
        assert b'"data":[%d]' % number in each


HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
CHUNKS = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LONG = 1_000_000
CUT_OFF = {
    "within the request line": (b"POST /pre", "it ends within its head"),
    "within the fields": (HEAD + b"Content-Le", "it ends within its head"),
    "before the last line end": (HEAD + b"A: b\r\n", "it ends within its head"),
    "without a body": (
        HEAD + b"Content-Length: 100\r\n\r\n",
        "100 bytes of its Content-Length are missing",
    ),
    "within the body": (
        HEAD + b"Content-Length: 100\r\n\r\n" + b"x" * 50,
        "50 bytes of its Content-Length are missing",
    ),
    "within a long body": (
        HEAD + b"Content-Length: %d\r\n\r\n" % LONG + b"x" * (LONG - 3),
        "3 bytes of its Content-Length are missing",
    ),
    "of HTTP/1.0": (
        b"POST /predict HTTP/1.0\r\nContent-Length: 9\r\n\r\n{}",
        "7 bytes of its Content-Length are missing",
    ),
    "where it may go on": (
        HEAD + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        "9 bytes of its Content-Length are missing",
    ),
    "on a route without a fast path": (
        HEAD.replace(b"/predict", b"/predict?a=b") + b"Content-Length: 9\r\n\r\n{}",
        "7 bytes of its Content-Length are missing",
    ),
    "within a chunk": (CHUNKS + b"9\r\n{}", "its body ends before its last chunk"),
    "within a chunk's size": (CHUNKS + b"2", "its body ends before its last chunk"),
    "behind a chunk": (
        CHUNKS + b"2\r\n{}\r\n",
        "its body ends before its last chunk",
    ),
    "behind the last chunk": (
        CHUNKS + b"2\r\n{}\r\n0\r\n",
        "its body ends before its last chunk",
    ),
}


@pytest.mark.parametrize("before", [[], [QUICK], [SLOW, QUICK]])
@pytest.mark.parametrize(("sent", "words"), CUT_OFF.values(), ids=list(CUT_OFF))
def test_a_client_that_ends_within_a_request_is_told_so(
    counting: Server, sent: bytes, words: str, before: list[int]
) -> None:
    """A client that ends within a request is told what is missing, behind the answers to the requests before."""
    with connect(counting) as client:
        client.sendall(b"".join(map(count, before)) + sent)
        client.shutdown(socket.SHUT_WR)
        answers = read_to_end(client).replace(LEAVE, b"").split(b"HTTP/1.1 ")[1:]

    last = answers.pop()
    document = json.loads(last.partition(b"\r\n\r\n")[2])

    assert [each[:6] for each in answers] == [b"200 OK"] * len(before)
    assert last.startswith(b"400 Bad Request\r\n")
    assert document == {
        "error": f"malformed request: the client sends no more, and {words}"
    }


@pytest.mark.parametrize("sent", [b"", b"\r\n", count(QUICK)])
def test_a_client_that_ends_between_requests_is_let_go(
    counting: Server, sent: bytes
) -> None:
    """A client that has all answers, and sends nothing more than line ends, gets no other one."""
    with connect(counting) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        answers = read_to_end(client).replace(LEAVE, b"").split(b"HTTP/1.1 ")[1:]

    assert [each[:6] for each in answers] == [b"200 OK"] * bool(sent.strip())


@pytest.mark.parametrize("target", [b"http://x", b"HTTPS://x:80", b"http://x?a=b"])
def test_a_target_may_be_a_host_alone(counting: Server, target: bytes) -> None:
    """The root is asked for where no path stands behind the host."""
    with connect(counting) as client:
        client.sendall(
            b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % target
        )

        assert read_to_end(client).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\n"])
def test_a_connection_with_a_request_that_was_not_read_is_none_to_end(
    monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """An event loop that is late does not end a connection on which something has come meanwhile."""
    monkeypatch.setattr(WireProtocol, "wire", Connections(Settings()), raising=False)

    assert asyncio.run(end(sent)) == (not sent)


async def end(sent: bytes) -> bool:
    """Tells a connection to end before the loop has read what was sent; returns whether it ends."""
    config = uvicorn.Config(nothing, log_config=None)
    config.load()
    protocol = WireProtocol(config=config, server_state=ServerState(), app_state={})
    ours, theirs = socket.socketpair()
    with theirs:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, ours)
        theirs.sendall(sent)
        protocol.shutdown()
        ends = transport.is_closing()
        transport.abort()
        await asyncio.sleep(0)

    return ends


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 204"),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 204",
        ),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"HTTP/1.1 400"),
        (b"GET / HTTP/1.1\n\n", b"HTTP/1.1 400"),
    ],
)
def test_a_connection_that_has_ended_is_gone(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, answer: bytes
) -> None:
    """A connection that was answered or refused leaves nothing for the collector, which would find it late."""
    monkeypatch.setattr(WireProtocol, "wire", Connections(Settings()), raising=False)
    gc.disable()

    try:
        received, protocol = asyncio.run(ask_and_leave(sent))
        assert received.startswith(answer)
        assert protocol() is None
    finally:
        gc.enable()


def test_a_connection_that_lingers_is_gone_with_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The time that a refused client has to read why does not hold its connection once it has left."""
    monkeypatch.setattr(WireProtocol, "wire", Connections(Settings()), raising=False)
    gc.disable()

    try:
        asyncio.run(leave_while_it_lingers())
    finally:
        gc.enable()


async def leave_while_it_lingers() -> None:
    sent = b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"
    _, protocol = await ask_and_leave(sent)

    assert WireProtocol.wire.n_lingering == 0
    assert protocol() is None


async def ask_and_leave(sent: bytes) -> tuple[bytes, weakref.ref[WireProtocol]]:
    """Sends something on a connection and ends it; returns the answer, and what becomes of the connection."""
    made: list[weakref.ref[WireProtocol]] = []

    def make() -> WireProtocol:
        config = uvicorn.Config(answer_nothing, log_config=None)
        config.load()
        protocol = WireProtocol(config=config, server_state=ServerState(), app_state={})
        made.append(weakref.ref(protocol))
        return protocol

    ours, theirs = socket.socketpair()
    with theirs:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_accepted_socket(make, ours)
        theirs.sendall(sent)
        received = await asyncio.to_thread(theirs.recv, 65_536)
    while not transport.is_closing():
        await asyncio.sleep(0)
    await asyncio.sleep(0)

    return received, made[0]


async def answer_nothing(scope: Any, receive: Any, send: Any) -> None:
    """This application has an answer without a body."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def nothing(scope: Any, receive: Any, send: Any) -> None:
    """This application answers nothing."""
