"""The listening socket is made once, by the supervisor; all workers accept connections from it."""

from __future__ import annotations

import ctypes
import errno
import resource
import socket
import struct
import sys
from contextlib import suppress

from service.errors import SettingsError

MAX_PORT = 2**16 - 1
HALFWAY_S = 0.2
"""Whoever is halfway to a connection has this long; who is ignored meanwhile asks again after a second."""
MIN_DESCRIPTORS = 64
"""A process that may open half as many files cannot accept a connection."""
SO_ATTACH_FILTER = 26
_LOAD_BYTE, _JUMP_IF_SET, _RETURN = 0x30, 0x45, 0x06
_FLAGS_AT, _ACKNOWLEDGES = 13, 0x10
_NO_NEW_CONNECTIONS = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (_LOAD_BYTE, 0, 0, _FLAGS_AT),
        (_JUMP_IF_SET, 0, 1, _ACKNOWLEDGES),
        (_RETURN, 0, 0, 0xFFFF_FFFF),
        (_RETURN, 0, 0, 0),
    )
)
"""This program of the Berkeley packet filter drops what begins a connection, which alone acknowledges nothing.

Whoever has got an answer to that is connected, as far as it knows: the packet that says so must be taken.
"""


def allow_descriptors() -> None:
    """Lets this process and its workers open as many files and connections as they may.

    Many shells and services begin with 1,024, for the sake of programs that call `select`, and may have many more.
    Raises SettingsError where they may not even be enough for the server itself, which would wait for them for good.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MIN_DESCRIPTORS:
        raise SettingsError(
            f"a process may open {hard} files here, and needs {MIN_DESCRIPTORS}: ulimit -n {MIN_DESCRIPTORS}, or more"
        )
    if soft != hard:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


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
    is ignored meanwhile asks again after a second, and is refused then. The listener must stay open for HALFWAY_S.
    """
    if sys.platform != "linux":
        return

    program = ctypes.create_string_buffer(_NO_NEW_CONNECTIONS)
    n_instructions = len(_NO_NEW_CONNECTIONS) // struct.calcsize("HBBI")
    attached = struct.pack("HL", n_instructions, ctypes.addressof(program))
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, attached)
    except OSError:
        # Without the filter some connections may be reset, as with any server.
        pass


def _cannot_listen(host: str, port: int, error: Exception) -> SettingsError:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        other = port + 1 if port < MAX_PORT else port - 1
        return SettingsError(
            f"port {port} of {host} is taken by another process: end it, or name another port: "
            f"make serve PORT={other}, or veredicto serve --port {other}"
        )

    reason = getattr(error, "strerror", None) or str(error)
    return SettingsError(f"cannot listen on {host} port {port}: {reason}")
