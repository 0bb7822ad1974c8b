"""`python -m service` serves the exported models over HTTP; `make serve` and `veredicto serve` start it too.

The process becomes BentoML's, so that a signal that is sent to it reaches the server.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from service.access.check import check_access
from service.access.tls import list_bentoml_options
from service.errors import SettingsError
from service.settings import PREFIX, Settings

TARGET = "service.app:Veredicto"
GRACE_S = 30
"""Requests in flight have this long to end once the server is told to stop."""
NOT_STARTED = 1
MAX_PORT = 2**16 - 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Becomes the server; returns 1 only where it cannot start, with one line on stderr that says why."""
    options = _parse(arguments)
    try:
        tls_options = _check()
        _become_server(options.host, options.port, tls_options)
    except SettingsError as error:
        sys.stderr.write(f"veredicto does not start: {error}\n")

    return NOT_STARTED


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m service",
        description="Serves a folder of exported models over HTTP. Everything else that can be set is a "
        f"{PREFIX}* variable, such as {PREFIX}MODELS, the folder.",
        epilog=f"Example: {PREFIX}MODELS=my_models python -m service --port 8080, "
        "then open http://127.0.0.1:8080 or ask /v2/models.",
    )
    parser.add_argument(
        "--host",
        default=os.environ.get("HOST", "127.0.0.1"),
        help="address to listen on (HOST, or 127.0.0.1: this machine alone)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=os.environ.get("PORT", "3000"),
        help="port to listen on (PORT, or 3000)",
    )

    return parser.parse_args(arguments)


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 0 < port <= MAX_PORT:
        raise argparse.ArgumentTypeError(
            f"expected a number from 1 to {MAX_PORT}, got {text!r}"
        )

    return port


def _check() -> list[str]:
    """Returns the server's arguments for TLS.

    It raises SettingsError for whatever would end the server in a way that does not say what is wrong.
    """
    settings = Settings.from_environment(os.environ)
    check_access(settings)
    for library in ("bentoml", "onnxruntime"):
        if find_spec(library) is None:
            raise SettingsError(
                f"{library} is not installed: pip install 'veredicto[cpu]', or [gpu]"
            )

    if f"{PREFIX}MODELS" not in os.environ and not settings.models.is_dir():
        raise SettingsError(
            f"expected a folder of exported models, got none: name yours in {PREFIX}MODELS "
            f"(the default, {settings.models}, is not there)"
        )

    other = Path("service", "__init__.py").resolve()  # BentoML looks here first
    if other.exists() and other.parent != Path(__file__).resolve().parent:
        raise SettingsError(
            f"expected a folder without a package of the name service, got {Path.cwd()}: "
            "start it from another folder"
        )

    return list_bentoml_options(settings)


def _become_server(host: str, port: int, tls_options: list[str]) -> NoReturn:
    command = [sys.executable, "-m", "bentoml", "serve", TARGET]
    command += ["--host", host, "--port", str(port)]
    command += ["--timeout-graceful-shutdown", str(GRACE_S)]
    command += tls_options
    os.execv(sys.executable, command)


if __name__ == "__main__":
    sys.exit(main())
