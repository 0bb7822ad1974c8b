"""A worker's server is run as BentoML's program for a worker runs it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn

from service.access.tls import read_patiently
from service.http.lifespan import ASGIApp


def run_server(
    application: ASGIApp,
    descriptor: int,
    options: Mapping[str, Any],
    name_certificate: Callable[[], Mapping[str, Any]],
) -> None:
    """Serves on a listening socket until it is told to end; `options` are those of `uvicorn.Config`.

    `name_certificate` returns the options for the files of a certificate, none where there is no TLS.
    """
    server = load_server(application, options, name_certificate)
    server.run(sockets=[socket.socket(fileno=descriptor)])


def load_server(
    application: ASGIApp,
    options: Mapping[str, Any],
    name_certificate: Callable[[], Mapping[str, Any]],
) -> uvicorn.Server:
    """Returns a server that has read its certificate; raises OSError or SettingsError where its files do not work."""

    def load() -> uvicorn.Server:
        # Nothing here speaks WebSocket, for which uvicorn would import a library of its own once models are loaded.
        config = uvicorn.Config(
            app=application,
            log_config=None,
            workers=1,
            server_header=False,
            ws="none",
            **{**options, **name_certificate()},
        )
        # Its class is looked up only now, since ours may have taken its place. It notes what the files are before they
        # are read.
        server = uvicorn.Server(config)
        config.load()
        return server

    return read_patiently(load)
