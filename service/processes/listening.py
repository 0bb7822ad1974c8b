"""The listening socket is made once, by the supervisor; all workers accept connections from it."""

from __future__ import annotations

import ctypes
import socket
import struct
import sys

from service.errors import SettingsError

SO_ATTACH_FILTER = 26
_RETURN_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
"""This program of the Berkeley packet filter has one instruction: to take nothing of any packet."""


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Returns a socket that listens on a host's first address; raises SettingsError where that does not work."""
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(host, port, error) from error

    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise _cannot_listen(host, port, error) from error

    listener.settimeout(0)

    return listener


def refuse_new_connections(listener: socket.socket) -> None:
    """Makes the system ignore whoever wants to connect from here on; who has connected can still be accepted.

    A socket that is closed resets the connections that nobody has accepted yet, whose requests would be lost. Whoever
    is ignored meanwhile asks again after a second, and is refused then.
    """
    if sys.platform != "linux":
        return

    program = ctypes.create_string_buffer(_RETURN_NOTHING)
    attached = struct.pack("HL", 1, ctypes.addressof(program))
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, attached)
    except OSError:
        # Without the filter some connections may be reset, as with any server.
        pass


def _cannot_listen(host: str, port: int, error: Exception) -> SettingsError:
    reason = getattr(error, "strerror", None) or str(error)
    return SettingsError(f"cannot listen on {host} port {port}: {reason}")
