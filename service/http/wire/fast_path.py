"""Our protocol is installed where it knows the installed uvicorn; the setting decides whether it has a fast path."""

from __future__ import annotations

import logging
from importlib import import_module
from importlib.metadata import version
from typing import Any

from service.contract.limits import MAX_HEAD_BYTES
from service.http.application import Application
from service.settings import Settings

MIN_UVICORN = (0, 30)
BEFORE_UVICORN = (0, 60)
"""The fast path is known to work with the inside of uvicorn from 0.30 and before this version."""

logger = logging.getLogger(__name__)


def install_fast_path(application: Application, settings: Settings) -> bool:
    """Makes uvicorn's protocol ours from here on, and returns whether it answers small requests.

    One log line says why where it does not, or where connections have no limits.
    """
    reason = why_unknown(version("uvicorn"))
    if reason is not None:
        logger.warning(
            "requests go the plain ASGI way, without limits on heads, connections and pipelining: %s",
            reason,
        )
        return False

    protocol = import_module("service.http.wire.uvicorn_protocol")
    protocol.install(application, settings)
    if not settings.fast_path:
        logger.info(
            "the fast path is off (VEREDICTO_FAST_PATH=0): requests go the plain ASGI way"
        )

    return settings.fast_path


def make_server_options(settings: Settings) -> dict[str, Any]:
    """Returns what `uvicorn.Config` is to be told, so that its own protocols have our limits where they can."""
    return {
        "http": "auto",
        "ws": "none",
        "access_log": False,
        "timeout_keep_alive": settings.keep_alive_s,
        "h11_max_incomplete_event_size": MAX_HEAD_BYTES,
    }


def find_unknown_version(installed: str) -> str | None:
    """Returns why this version of uvicorn is none that we know, or None."""
    parts = installed.split(".")[:2]
    numbers = tuple(int(part) for part in parts if part.isdigit())
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
        import_module("service.http.wire.uvicorn_protocol")
        names = import_module("service.http.wire.uvicorn_names")
    except (ImportError, AttributeError) as error:
        return f"uvicorn {installed} has another inside: {error}"

    missing: list[str] = names.find_missing_names()

    return f"uvicorn {installed} lacks {', '.join(missing)}" if missing else None
