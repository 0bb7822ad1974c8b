"""Connections that have sent nothing are closed in the order in which they were heard, and no others are."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic

import pytest

from service.server import silent_connections
from service.server.silent_connections import SilentConnections

LONG_S = 3600.0


@pytest.fixture
def connections() -> Iterator[list[socket.socket]]:
    """Three sockets are open, whose other ends are too."""
    with ExitStack() as stack:
        pairs = [socket.socketpair() for _ in range(3)]
        for pair in pairs:
            for each in pair:
                stack.enter_context(each)
        yield [first for first, _ in pairs]


def test_those_beyond_the_limit_are_closed_who_were_heard_longest_ago(
    connections: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that was heard again stands last, and of three with room for two the first is closed."""
    monkeypatch.setattr(silent_connections, "MAX_SILENT", 2)
    first, second, third = connections
    with select.epoll() as poll:
        silent = SilentConnections(poll)
        for each in (first, second, third, first):
            silent.wait_for(each, LONG_S)
        silent.sweep(monotonic())

        assert list(silent) == [third, first]
        assert second.fileno() == -1


def test_those_whose_time_is_over_are_closed(connections: list[socket.socket]) -> None:
    """A connection whose time is over is closed, and neither another one nor one that was forgotten."""
    first, second, third = connections
    with select.epoll() as poll:
        silent = SilentConnections(poll)
        poll.register(third, select.EPOLLIN)
        silent.wait_for(first, 1.0)
        silent.wait_for(second, LONG_S)
        silent.wait_for(third, 1.0)
        silent.forget(third)
        silent.sweep(monotonic() + 2)

        assert list(silent) == [second]
        assert (first.fileno(), len(silent)) == (-1, 1)
        assert third.fileno() >= 0
