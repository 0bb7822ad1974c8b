"""`python -m service.server.worker` is the program of a worker, which the supervisor starts.

It takes the options of BentoML's own program for a worker, and serves the same application without importing BentoML.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from service.execution import process_tuning
from service.server import composition
from service.server.composition import import_serving_modules, make_application


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until the supervisor ends it."""
    given = vars(_parse(arguments))
    descriptor = given.pop("fd")
    forks = given.pop("forks", None)
    # The models are copied meanwhile, by another process.
    with process_tuning.without_collections():
        import_serving_modules()
    if forks is not None:
        from service.server.forking import wait_to_be_forked

        wait_to_be_forked(forks)

    # These may import numpy, whose environment has been set only now.
    from service.server.bentoml_stand_in import BentoMLStandIn
    from service.server.uvicorn_run import run_server

    application = make_application(BentoMLStandIn)
    run_server(application, descriptor, given, _name_certificate)


def _name_certificate() -> dict[str, str]:
    """Returns uvicorn's options for the files of the certificate, whose own may be damaged by now."""
    settings = composition.settings
    if settings.tls_cert is None:
        return {}

    from service.access.kept_certificate import choose_files

    files = choose_files(settings, protocol="HTTP")
    options = {"ssl_certfile": files.tls_cert, "ssl_keyfile": files.tls_key}
    if files.tls_client_ca is not None:
        options["ssl_ca_certs"] = files.tls_client_ca

    return {name: str(path) for name, path in options.items()}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m service.server.worker",
        description="One worker of the server; the supervisor starts it.",
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--fd", type=int, required=True, help="listening socket")
    parser.add_argument("--forks", type=int, help="socket that orders forks")
    numbers = (
        "backlog",
        "ssl-cert-reqs",
        "ssl-version",
        "timeout-graceful-shutdown",
        "timeout-keep-alive",
    )
    texts = ("certfile", "keyfile", "keyfile-password", "ca-certs", "ciphers")
    for name in numbers:
        parser.add_argument(f"--{name}", type=int)
    for name in texts:
        parser.add_argument(f"--ssl-{name}")

    return parser.parse_args(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
