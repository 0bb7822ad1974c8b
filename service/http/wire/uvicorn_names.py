"""The protocols lean on names of uvicorn's inside; here it is asked whether the installed uvicorn has them all."""

from __future__ import annotations

import uvicorn.config
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)

_CYCLE_ATTRIBUTES = (
    "transport",
    "flow",
    "default_headers",
    "message_event",
    "on_response",
    "access_log",
    "disconnected",
    "keep_alive",
    "response_started",
    "response_complete",
)
_PROTOCOL_ATTRIBUTES = (
    "loop",
    "parser",
    "server_state",
    "connections",
    "ws_protocol_class",
    "root_path",
    "limit_concurrency",
    "transport",
    "flow",
    "scope",
    "headers",
    "expect_100_continue",
    "cycle",
)
_METHODS = (
    "data_received",
    "shutdown",
    "on_message_begin",
    "on_headers_complete",
    "on_body",
    "on_message_complete",
    "on_response_complete",
    "_start_asgi_task",
    "pause_writing",
    "resume_writing",
)
"""The fast path uses these names of uvicorn's inside."""


def find_missing_names() -> list[str]:
    """Returns the names that the fast path uses of uvicorn's inside, and that the installed uvicorn lacks."""
    cycle_attributes = RequestResponseCycle.__init__.__code__.co_names
    protocol_attributes = HttpToolsProtocol.__init__.__code__.co_names
    missing = [name for name in _CYCLE_ATTRIBUTES if name not in cycle_attributes]
    missing += [
        name for name in _PROTOCOL_ATTRIBUTES if name not in protocol_attributes
    ]
    missing += [name for name in _METHODS if not hasattr(HttpToolsProtocol, name)]
    if "auto" not in uvicorn.config.HTTP_PROTOCOLS:
        missing.append("HTTP_PROTOCOLS")

    return missing
