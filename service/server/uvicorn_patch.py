"""Our server takes the place of uvicorn's only where the installed uvicorn and the system allow it."""

from __future__ import annotations

import logging
import select
from importlib import import_module
from importlib.metadata import version

from service.http.wire.fast_path import find_unknown_version
from service.server.context import ServerContext

logger = logging.getLogger(__name__)


def patch_uvicorn(context: ServerContext) -> bool:
    """Makes our server that of BentoML's worker; where it cannot, uvicorn's own serves, without a drain."""
    reason = find_unknown_version(version("uvicorn"))
    if reason is None and not hasattr(select, "epoll"):
        reason = "this system has no epoll"

    if reason is None:
        server = import_module("service.server.uvicorn_server")
        missing = server.find_missing_names()
        reason = f"uvicorn lacks {', '.join(missing)}" if missing else None

    if reason is not None:
        logger.warning("uvicorn's own server accepts connections: %s", reason)
        return False

    server.install(context)

    return True
