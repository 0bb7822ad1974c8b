"""An address at which no cluster of Ray can be is told at once, since Ray itself tries for minutes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import pytest

from cli import ray_address
from cli.ray_address import explain_absence
from tests.support.server import free_port


@contextmanager
def answer_with(content: bytes | None) -> Iterator[str]:
    """Yields the address of a server that answers its first client with these bytes, or keeps silent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(1000)
                if content is None:
                    is_over.wait()
                else:
                    client.sendall(content)

        is_over = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            is_over.set()
            thread.join()


def test_a_port_without_a_server_is_told() -> None:
    """The system's reason is there, also for Ray's own clients and for the cluster that a variable names."""
    port = free_port()
    said = f"nothing answers at 127.0.0.1:{port}: Connection refused"
    assert explain_absence(f"127.0.0.1:{port}") == said
    assert explain_absence(f"ray://127.0.0.1:{port}") == said

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
        assert explain_absence("auto") == said


def test_an_unknown_host_is_told() -> None:
    """No name of the domain invalid is one of a host; RFC 6761, 6.4."""
    assert explain_absence("head.invalid:6379").startswith(
        "nothing answers at head.invalid:6379: "
    )
    assert explain_absence("[::1]:99999").startswith("nothing answers at ::1:99999: ")


@pytest.mark.parametrize("content", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_server_of_something_else_is_told(content: bytes) -> None:
    """One that speaks HTTP/1, as that of a dashboard, or that hangs up is no head of Ray."""
    with answer_with(content) as address:
        assert explain_absence(address) == (
            f"what answers at {address} is no head of Ray, whose port is 6379 by itself"
        )


def test_a_server_that_keeps_silent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for no longer than the limit."""
    monkeypatch.setattr(ray_address, "MAX_WAIT_S", 1.0)
    with answer_with(None) as address:
        assert explain_absence(address) == f"nothing answers at {address} within 1 s"


def test_a_server_of_grpc_may_be_a_head_of_ray() -> None:
    """Ray finds out whether it is one; words that are no address are left to it, too."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        assert explain_absence(f"127.0.0.1:{port}") == ""
    finally:
        server.stop(None).wait()

    for word in ("auto", "local", "nonsense", ""):
        assert explain_absence(word) == ""


def test_an_encrypted_cluster_is_left_to_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers no greeting that is not encrypted."""
    monkeypatch.setenv("RAY_USE_TLS", "1")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert explain_absence(f"127.0.0.1:{listener.getsockname()[1]}") == ""
