"""The last lines of a start say what is served, where a person finds it, and what to do where nothing is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

EVERYWHERE = ("0.0.0.0", "::", "")
"""A server that listens on all addresses is found on this machine as `localhost`."""

logger = logging.getLogger(__name__)


def make_url(host: str, port: int, *, has_tls: bool) -> str:
    """Returns the address at which a browser of this machine finds the server."""
    name = "localhost" if host in EVERYWHERE else host
    shown = f"[{name}]" if ":" in name else name

    return f"http{'s' if has_tls else ''}://{shown}:{port}"


def announce(
    served: Mapping[str, int], seconds: float, *, url: str, folder: Path
) -> None:
    """Logs how many models of how many tasks are served, the page, the API and how to stop."""
    if not served.get("models") and not served.get("refused"):
        logger.warning("%s", describe_empty(folder))

    logger.info(
        "%s of %s, %d refused, ready after %.1f s",
        _count(served.get("models", 0), "model"),
        _count(served.get("tasks", 0), "task"),
        served.get("refused", 0),
        seconds,
    )
    logger.info("page %s/   API %s/docs   stop: Ctrl+C", url, url)


def describe_empty(folder: Path) -> str:
    """Returns what is wrong with a folder without a model, and what fills it."""
    found = "has no .onnx file" if folder.is_dir() else "is not there"
    return (
        f"no model to serve: {folder} {found}; copy .onnx files into it, name another folder in VEREDICTO_MODELS, "
        f"or train one: veredicto train logistic --task wine --output {folder}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
