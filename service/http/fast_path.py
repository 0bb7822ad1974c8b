"""The fast path is installed only where the setting and the installed uvicorn allow it."""

from __future__ import annotations

import logging
import select
from importlib import import_module
from importlib.metadata import version

from service.http.application import Application
from service.http.surroundings import Surroundings
from service.settings import Settings

MIN_UVICORN = (0, 30)
BEFORE_UVICORN = (0, 60)
"""The fast path is known to work with the inside of uvicorn from 0.30 and before this version."""

logger = logging.getLogger(__name__)


def install_fast_path(application: Application, settings: Settings) -> bool:
    """Makes uvicorn's protocol answer small requests from here on; says in one log line why where it cannot."""
    if not settings.fast_path:
        logger.info(
            "the fast path is off (VEREDICTO_FAST_PATH=0): requests go the plain ASGI way"
        )
        return False

    reason = why_unknown(version("uvicorn"))
    if reason is None:
        protocol = import_module("service.http.uvicorn_protocol")
        protocol.install(application, stuck_s=settings.deadline_s)
        return True

    logger.warning("requests go the plain ASGI way: %s", reason)
    return False


def install_server(surroundings: Surroundings) -> bool:
    """Makes our server that of BentoML's worker; where it cannot, uvicorn's own serves, without a drain."""
    reason = find_unknown_version(version("uvicorn"))
    if reason is None and not hasattr(select, "epoll"):
        reason = "this system has no epoll"

    if reason is None:
        server = import_module("service.http.uvicorn_server")
        missing = server.find_missing_names()
        reason = f"uvicorn lacks {', '.join(missing)}" if missing else None

    if reason is not None:
        logger.warning("uvicorn's own server accepts connections: %s", reason)
        return False

    server.install(surroundings)

    return True


def find_unknown_version(installed: str) -> str | None:
    """Returns why this version of uvicorn is none that we know, or None."""
    numbers = tuple(int(part) for part in installed.split(".")[:2] if part.isdigit())
    if MIN_UVICORN <= numbers < BEFORE_UVICORN:
        return None

    known = ".".join(map(str, MIN_UVICORN)), ".".join(map(str, BEFORE_UVICORN))

    return f"uvicorn {installed} is not between {known[0]} and {known[1]}"


def why_unknown(installed: str) -> str | None:
    """Returns what of the installed uvicorn is not as the fast path needs it, or None."""
    reason = find_unknown_version(installed)
    if reason is not None:
        return reason

    try:
        protocol = import_module("service.http.uvicorn_protocol")
    except (ImportError, AttributeError) as error:
        return f"uvicorn {installed} has another inside: {error}"

    missing: list[str] = protocol.find_missing_names()

    return f"uvicorn {installed} lacks {', '.join(missing)}" if missing else None
