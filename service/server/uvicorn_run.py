"""A worker's server is run as BentoML's program for a worker runs it."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import uvicorn

from service.http.lifespan import ASGIApp


def run_server(
    application: ASGIApp, descriptor: int, options: Mapping[str, Any]
) -> None:
    """Serves on a listening socket until it is told to end; `options` are those of `uvicorn.Config`.

    Nothing here speaks WebSocket, for which uvicorn would import a library of its own once the models are loaded.
    """
    config = uvicorn.Config(
        app=application,
        log_config=None,
        workers=1,
        server_header=False,
        ws="none",
        **options,
    )
    # It is looked up only now, since ours may have taken its place.
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])
