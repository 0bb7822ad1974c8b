"""A client that leaves while it is answered is no defect, and gRPC logs a traceback for each."""

from __future__ import annotations

import logging

LOGGER = "grpc._cython.cygrpc"
LOST = "ExecuteBatchError"
"""gRPC raises this, and logs it, where what it sends or waits for has lost its connection or its call."""


def keep_quiet() -> None:
    """Keeps gRPC from logging calls whose client has left; every other line of it goes out."""
    logging.getLogger(LOGGER).addFilter(_is_of_service)


def _is_of_service(record: logging.LogRecord) -> bool:
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or kind.__name__ != LOST
