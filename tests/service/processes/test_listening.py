"""The listening socket is made with words for what can go wrong, and closed without losing who has connected."""

from __future__ import annotations

import socket
import sys

import pytest

from service.errors import SettingsError
from service.processes.listening import listen, refuse_new_connections


def test_a_host_may_be_a_name() -> None:
    """The name of this machine's own address is listened on as its number is."""
    with listen("localhost", 0, 8) as listener:
        host = listener.getsockname()[0]
        assert host in ("127.0.0.1", "::1")


def test_a_port_that_is_taken_is_told_in_words() -> None:
    """The error says which port of which host, and the commands that take another one."""
    with listen("127.0.0.1", 0, 8) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(SettingsError) as refused:
            listen("127.0.0.1", port, 8)

    other = port + 1 if port < 65_535 else port - 1
    assert str(refused.value) == (
        f"port {port} of 127.0.0.1 is taken by another process: end it, or name another port: "
        f"make serve PORT={other}, or veredicto serve --port {other}"
    )


def test_a_host_that_is_not_here_is_told_in_words() -> None:
    """An address of another machine is refused as such."""
    with pytest.raises(
        SettingsError, match=r"^cannot listen on 192\.0\.2\.1 port 80: "
    ):
        listen("192.0.2.1", 80, 8)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the filter")
def test_who_has_connected_is_accepted_and_nobody_else_connects() -> None:
    """A connection that was there before the filter is accepted and answered, and a new one is not made."""
    with listen("127.0.0.1", 0, 8) as listener:
        address = listener.getsockname()
        with socket.create_connection(address) as early:
            early.sendall(b"question")
            refuse_new_connections(listener)
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.2)

            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(60)
                assert accepted.recv(100) == b"question"
                accepted.sendall(b"answer")

            early.settimeout(60)
            assert early.recv(100) == b"answer"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the filter")
def test_who_is_halfway_to_a_connection_gets_it() -> None:
    """A client that has been told that it is connected is accepted, although the filter came before it said a word."""
    with listen("127.0.0.1", 0, 8) as listener:
        # With this the client's first packet is taken for the last of those that connect.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
        with socket.create_connection(listener.getsockname()) as halfway:
            refuse_new_connections(listener)
            halfway.sendall(b"question")

            listener.settimeout(60)
            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(60)
                assert accepted.recv(100) == b"question"
