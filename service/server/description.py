"""BentoML's description of the calls is a file, and `python -m service.server.description` writes it.

To ask BentoML itself, whose import takes turns with the event loop for a second and more, left 45 MB in each worker.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

PATH = Path(__file__).with_name("description.json")
SERVICE = "service.app"


def read_description() -> bytes:
    """Returns the description as JSON."""
    return PATH.read_bytes()


def describe() -> bytes:
    """Returns the description that BentoML makes of the calls as they are."""
    service = import_module(SERVICE).Veredicto
    return json.dumps(service.schema(), indent=1).encode() + b"\n"


if __name__ == "__main__":
    PATH.write_bytes(describe())
