"""A channel carries whole messages between two processes, and says when the other one is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from service.processes.channel import Channel, ChannelClosed


@pytest.fixture
def pair() -> Iterator[tuple[Channel, Channel]]:
    """The supervisor's end does not wait, the worker's does."""
    ours, theirs = Channel.make_pair()
    theirs.settimeout(60)
    other = Channel(theirs)
    yield ours, other
    ours.close()
    other.close()


def test_messages_come_whole_and_in_order(pair: tuple[Channel, Channel]) -> None:
    """Several messages of one read, and one that is longer than a read, come as they were sent."""
    ours, other = pair
    long = "x" * 100_000

    ours.send("first", number=1)
    ours.send("second", text=long)
    received = []
    while len(received) < 2:
        received += other.receive()

    assert received == [
        {"kind": "first", "number": 1},
        {"kind": "second", "text": long},
    ]


def test_an_end_that_has_nothing_to_say_is_not_waited_for(
    pair: tuple[Channel, Channel],
) -> None:
    """The supervisor's end returns no message where none has come."""
    assert pair[0].receive() == []


def test_an_end_that_is_gone_is_told(pair: tuple[Channel, Channel]) -> None:
    """Sending to a process that has ended, and reading from it, raise ChannelClosed."""
    ours, other = pair
    other.close()

    with pytest.raises(ChannelClosed):
        ours.receive()
    with pytest.raises(ChannelClosed):
        ours.send("beat")


def test_an_end_that_does_not_read_is_given_up(pair: tuple[Channel, Channel]) -> None:
    """A process that never reads what it is sent counts as gone once its buffer is full."""

    def send_much() -> None:
        for _ in range(1000):
            pair[0].send("beat", text="x" * 10_000)

    with pytest.raises(ChannelClosed):
        send_much()
