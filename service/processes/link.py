"""A worker tells over its link to the supervisor that it lives, and is told when to stop.

A worker that BentoML's own supervisor started has no link, and does without.
"""

from __future__ import annotations

import functools
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from service.processes.channel import Channel, ChannelClosed, Message
from service.processes.messages import ToProcess, ToSupervisor

CHANNEL_VARIABLE = "_VEREDICTO_CHANNEL"
"""The supervisor names the descriptor of a worker's end in this variable, which is no setting."""
ORPHAN_LIMIT_S = 10.0
"""A worker whose supervisor is gone ends within this time, whatever it is doing."""

_ENDS = ("drain", "close")
"""With these the supervisor ends a worker."""

Handler = Callable[[Message], None]


class Link:
    """A thread of its own reads what the supervisor says, so that a busy event loop misses nothing."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._handlers: dict[str, Handler] = {}
        self._orphaned: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._others: list[Message] = []
        """These came with the first message, and are read once the link is started."""
        self.first = self._read_first()
        """The supervisor's first message says how this worker is to begin."""

    def start(self) -> None:
        """Starts to read; each message goes to the handler of its kind, in the thread of the link."""
        threading.Thread(target=self._read, name="supervisor", daemon=True).start()

    def handle(self, kind: ToProcess, handler: Handler) -> None:
        """Sets what is done with the messages of a kind; others are passed over."""
        self._handlers[kind] = handler

    def on_orphaned(self, end: Callable[[], None]) -> None:
        """Sets what ends this worker in order once the supervisor is gone."""
        self._orphaned = end

    def send(self, kind: ToSupervisor, **fields: Any) -> None:
        """Tells the supervisor something; a supervisor that is gone is told nothing."""
        with self._lock:
            try:
                self._channel.send(kind, **fields)
            except ChannelClosed:
                return

    def close(self) -> None:
        """Closes the channel of a link that was not started."""
        self._channel.close()

    def tell_loading(self, file: str | None, *beside: str) -> None:
        """Tells the supervisor which file is about to be loaded, None after the last: so it knows who is at fault.

        Beside others that are being loaded too it cannot know, and has the next worker load one at a time.
        """
        self.send("loading", file=file, beside=beside)

    def _read_first(self) -> Message:
        try:
            while not (messages := self._channel.receive()):
                pass
        except ChannelClosed:
            os._exit(1)

        first, *self._others = messages
        if first["kind"] in _ENDS:
            # The server was told to stop before this process was told to begin.
            os._exit(0)

        return first

    def _read(self) -> None:
        try:
            for message in self._others:
                self._take(message)
            while True:
                for message in self._channel.receive():
                    self._take(message)
        except ChannelClosed:
            self._end()

    def _take(self, message: Message) -> None:
        handler = self._handlers.get(message["kind"])
        if handler is not None:
            handler(message)
        elif message["kind"] == "close":
            # It is told to end before it has begun to serve.
            os._exit(0)

    def _end(self) -> None:
        """Ends this process: in order where it serves, at once where it does not get that far."""
        if self._orphaned is None:
            os._exit(1)

        timer = threading.Timer(ORPHAN_LIMIT_S, os._exit, (1,))
        timer.daemon = True
        timer.start()
        self._orphaned()


@functools.cache
def find_link() -> Link | None:
    """Returns the link of this process, made when first asked for; None without a supervisor of ours."""
    link = open_link()
    if link is not None:
        link.start()

    return link


def open_link() -> Link | None:
    """Returns a link that nothing reads yet but its first message; None without a supervisor of ours."""
    descriptor = os.environ.pop(CHANNEL_VARIABLE, None)
    if descriptor is None:
        return None

    end = socket.socket(fileno=int(descriptor))
    end.set_inheritable(False)
    end.settimeout(None)

    return Link(Channel(end))
