"""BentoML's description of the calls, which its client reads, is written by a process of its own that then ends.

The import of BentoML leaves 45 MB in a worker, and takes turns with its event loop for a second and more.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from importlib import import_module

from service.errors import NotReady

LIMIT_S = 60.0
"""On a busy machine the process takes seconds."""
LOW_PRIORITY = 5
"""It has a third of the share of a processor that serving has, which goes first."""
SERVICE = "service.app"

logger = logging.getLogger(__name__)


def describe() -> bytes:
    """Returns the description as JSON, of another process; raises NotReady where that has none in time."""
    command = [sys.executable, "-m", "service.server.description"]
    try:
        written = subprocess.run(
            command,
            env=_make_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=LIMIT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        logger.error("BentoML's description could not be written: %s", error)
        raise NotReady(
            "BentoML's description of the calls could not be written: try again"
        ) from None

    return written.stdout


def _make_environment() -> dict[str, str]:
    """Returns the variables of a process that finds this package too, and counts nothing."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(each for each in sys.path if each),
    }
    environment.pop("PROMETHEUS_MULTIPROC_DIR", None)

    return environment


def main() -> None:
    """Writes the description to the standard output."""
    os.nice(LOW_PRIORITY)
    service = import_module(SERVICE).Veredicto
    sys.stdout.write(json.dumps(service.schema()))


if __name__ == "__main__":
    main()
