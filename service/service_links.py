"""Kubernetes tells every container of the Services of its namespace by variables, some of which look like settings.

A Service named `veredicto-grpc` makes `VEREDICTO_GRPC_PORT=tcp://10.0.0.12:8001` and six more, in a container that
belongs to another Service too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

PREFIX = "VEREDICTO_"
MAX_SHOWN_CHARACTERS = 200
_ADDRESS = re.compile(r"(tcp|udp|sctp)://")
_NAME = re.compile(
    r"(\w+_)?"
    r"(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)

logger = logging.getLogger(__name__)


def is_service_link(name: str, text: str) -> bool:
    """Returns whether Kubernetes makes a variable for a Service: by its name, or by its address where it ends so."""
    if not name.startswith(PREFIX):
        return False
    if name.endswith("_PORT") and _ADDRESS.match(text):
        return True
    return _NAME.fullmatch(name.removeprefix(PREFIX)) is not None


def log_service_links(environment: Mapping[str, str], known: frozenset[str]) -> None:
    """Logs in one line which variables are ignored; as a warning where one has the name of a `known` setting."""
    links = sorted(
        name for name, text in environment.items() if is_service_link(name, text)
    )
    if not links:
        return

    shown = ", ".join(links)
    taken = [f"{name}={environment[name]}" for name in links if name in known]
    if taken:
        logger.warning(
            "no setting is %s: Kubernetes made it for a Service of that name; ignored with it: %s",
            ", ".join(taken)[:MAX_SHOWN_CHARACTERS],
            shown,
        )
    else:
        logger.info("ignored what Kubernetes made for Services: %s", shown)
