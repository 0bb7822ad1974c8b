"""An address of a Ray cluster is looked at before Ray does, which tries for minutes where nothing answers."""

from __future__ import annotations

import os
import re
import socket

_ADDRESS = re.compile(r"(?:ray://)?\[?(?P<host>[^\[\]/]+?)\]?:(?P<port>\d{1,5})")
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""What a client of HTTP/2 says first, and its settings, of which it has none; RFC 9113, 3.4."""
_FRAME_HEAD_BYTES, _TYPE, _SETTINGS = 9, 3, 4
MAX_WAIT_S = 10.0
"""So long a server may take to let one in, and so long again to answer."""


def join_cluster(address: str) -> None:
    """Has Ray join the cluster at an address, or begin one of this machine for `local`.

    It raises ConnectionError where there is none, soon where nothing answers.
    """
    # It is an optional library, and slow to import.
    import ray

    reason = explain_absence(address)
    here = None if address == "local" else address
    if not reason:
        try:
            ray.init(address=here, log_to_driver=False, include_dashboard=False)
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())

    if reason:
        raise ConnectionError(
            f"--ray {address}: expected a cluster of Ray, got none: {reason}"
        )


def explain_absence(address: str) -> str:
    """Returns why there is no cluster of Ray at HOST:PORT or ray://HOST:PORT, nothing where there may be one.

    A head of Ray speaks HTTP/2, whose server answers a greeting at once. Of `auto` that is looked for which
    RAY_ADDRESS names; all other words are left to Ray.
    """
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", "")

    found = _ADDRESS.fullmatch(address)
    if found is None:
        return ""

    host, port = found["host"], int(found["port"])
    try:
        with socket.create_connection((host, port), timeout=MAX_WAIT_S) as connection:
            return "" if _greet(connection) else _describe_other(host, port)
    except TimeoutError:
        return f"nothing answers at {host}:{port} within {MAX_WAIT_S:.0f} s"
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        return f"nothing answers at {host}:{port}: {reason}"


def _greet(connection: socket.socket) -> bool:
    """Returns whether the answer is that of HTTP/2, its settings; encrypted clusters are left to Ray."""
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
        return True

    connection.sendall(_GREETING)
    head = b""
    while len(head) < _FRAME_HEAD_BYTES:
        part = connection.recv(_FRAME_HEAD_BYTES - len(head))
        if not part:
            return False
        head += part

    return head[_TYPE] == _SETTINGS


def _describe_other(host: str, port: int) -> str:
    return (
        f"what answers at {host}:{port} is no head of Ray, whose port is 6379 by itself"
    )
