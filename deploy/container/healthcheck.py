"""The image's health check asks the server in this container whether it lives, and exits with 0 where it does.

Only the standard library is imported, and little of it: it runs every ten seconds.
"""

from __future__ import annotations

import os
import socket
import ssl
import sys

TIMEOUT_S = 2
REQUEST = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
PORT_VARIABLES = ("PORT", "AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT")


def ask_server(port: int, *, is_tls: bool) -> bool:
    """Returns whether the server on this port of the loopback answers 200; where it takes known clients only, whether
    it accepts a connection.
    """
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as connection:
        if os.environ.get("VEREDICTO_TLS_CLIENT_CA"):
            return True

        if is_tls:
            # It is this container's own server, whose certificate is for another name.
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = context.wrap_socket(connection)

        connection.sendall(REQUEST)
        return connection.recv(64).startswith(b"HTTP/1.1 200")


def main() -> int:
    """Returns 0 where the server lives, else 1."""
    named = (os.environ.get(each) for each in PORT_VARIABLES)
    port = int(next(filter(None, named), "3000"))
    try:
        lives = ask_server(port, is_tls=bool(os.environ.get("VEREDICTO_TLS_CERT")))
    except OSError:
        lives = False
    return 0 if lives else 1


if __name__ == "__main__":
    sys.exit(main())
