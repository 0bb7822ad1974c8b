"""A channel carries messages between the supervisor and one worker, over a pair of sockets that nobody else has.

Nothing listens: whoever is not one of both processes has no way to send a command.
"""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Mapping
from typing import Any

Message = Mapping[str, Any]
"""A message is an object of JSON whose `kind` says what it is, one of those of `messages`."""

MAX_MESSAGE_BYTES = 4_000_000
_READ_BYTES = 65_536
SEND_LIMIT_S = 1.0
"""The other end has this long to take the rest of a message."""


class ChannelClosed(Exception):
    """The process at the other end is gone."""


class Channel:
    """One end of a pair of sockets sends and receives messages, one line of JSON each."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._received = b""

    @classmethod
    def make_pair(cls) -> tuple[Channel, socket.socket]:
        """Returns one end as a channel, and the other as a socket that a child process is to inherit."""
        ours, theirs = socket.socketpair()
        ours.settimeout(0)
        return cls(ours), theirs

    def fileno(self) -> int:
        """Returns the descriptor, for a selector."""
        return self._socket.fileno()

    def send(self, kind: str, **fields: Any) -> None:
        """Sends a message; raises ChannelClosed where nobody takes it, or the other end does not read."""
        line = json.dumps({"kind": kind, **fields}).encode() + b"\n"
        try:
            self._send_all(line)
        except OSError as error:
            raise ChannelClosed from error

    def receive(self) -> list[Message]:
        """Returns the messages that have come; raises ChannelClosed at the end.

        A socket that blocks is waited for.
        """
        try:
            data = self._socket.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            raise ChannelClosed from error

        self._received += data
        if not data or len(self._received) > MAX_MESSAGE_BYTES:
            raise ChannelClosed

        *lines, self._received = self._received.split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Closes this end."""
        self._socket.close()

    def _send_all(self, line: bytes) -> None:
        """Sends a line whole: half a line would garble the next."""
        view = memoryview(line)
        while view:
            try:
                n_sent = self._socket.send(view, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                if len(view) == len(line):
                    raise
                self._wait_until_writable()
            else:
                view = view[n_sent:]

    def _wait_until_writable(self) -> None:
        _, writable, _ = select.select([], [self._socket], [], SEND_LIMIT_S)
        if not writable:
            raise TimeoutError
