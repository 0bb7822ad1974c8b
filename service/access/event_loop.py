"""This event loop lets go of clients that begin TLS and do not go on, which the server itself never sees."""

from __future__ import annotations

from typing import Any

import uvloop

HANDSHAKE_LIMIT_S = 10.0
"""asyncio's own limit is 60 s, and such connections count for no other limit."""


class Loop(uvloop.Loop):
    """This is uvloop's loop, whose servers end handshakes that take too long."""

    async def create_server(self, *arguments: Any, **options: Any) -> Any:
        """Returns a server of uvloop's, with the limit where it speaks TLS."""
        if options.get("ssl") is not None:
            options.setdefault("ssl_handshake_timeout", HANDSHAKE_LIMIT_S)
        return await super().create_server(*arguments, **options)
