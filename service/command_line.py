"""The command line of the server: its words and the variables beside them become options of the launch."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence

from service.launch import TARGET, ServerOptions, run_server
from service.processes.listening import MAX_PORT
from service.setting_types import HOST, read_host
from service.settings import PREFIX

PORT_VARIABLES = ("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT")
"""Vertex AI and SageMaker say the port by these, where PORT does not; Cloud Run and Azure set PORT."""


def serve(arguments: Sequence[str] | None) -> int:
    """Serves until a signal ends it; returns the exit status."""
    given = _parse(arguments)
    if given.model_name is not None:
        os.environ[f"{PREFIX}MODEL_NAME"] = given.model_name

    options = ServerOptions(
        host=given.host,
        port=given.port,
        target=given.target,
        folder=given.folder,
        grace_s=given.grace_s,
        worker_arguments=tuple(given.worker_arguments),
    )

    return run_server(options)


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
        type=_host,
        default=os.environ.get("HOST", "127.0.0.1"),
        help="address to listen on (HOST, or 127.0.0.1: this machine alone)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=_find_port(),
        help=f"port to listen on (PORT, {', '.join(PORT_VARIABLES)}, or 3000)",
    )
    parser.add_argument(
        "--model-name",
        metavar="ALIAS[=NAME,...]",
        help=f"another name for the only model of the folder, or for several ({PREFIX}MODEL_NAME)",
    )
    # `bentoml serve` hands on what it was told by these.
    parser.add_argument("--target", default=TARGET, help=argparse.SUPPRESS)
    parser.add_argument("--folder", default=".", help=argparse.SUPPRESS)
    parser.add_argument("--grace-s", type=int, help=argparse.SUPPRESS)
    parser.add_argument("worker_arguments", nargs="*", help=argparse.SUPPRESS)

    return parser.parse_args(arguments)


def _find_port() -> str:
    named = (os.environ.get(each) for each in PORT_VARIABLES)
    return os.environ.get("PORT", next(filter(None, named), "3000"))


def _host(text: str) -> str:
    try:
        return read_host(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"expected {HOST.expected}, as 0.0.0.0 for all, got {text!r}"
        ) from error


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 0 < port <= MAX_PORT:
        raise argparse.ArgumentTypeError(
            f"expected a number from 1 to {MAX_PORT}, got {text!r}"
        )

    return port
