"""This check finds out whether the machine lets the service listen for gRPC, before anything is started."""

from __future__ import annotations

import socket
from importlib.util import find_spec

from service.errors import SettingsError
from service.settings import Settings

PACKAGES = {
    "grpc": "grpcio>=1.60",
    "google.protobuf": "protobuf>=5",
    "grpc_health": "grpcio-health-checking>=1.60",
    "grpc_reflection": "grpcio-reflection>=1.60",
}
"""gRPC needs these modules, each from this package."""


def check_can_listen(settings: Settings) -> None:
    """Raises SettingsError where a library is missing, or another process has the port."""
    missing = [package for module, package in PACKAGES.items() if not _is_there(module)]
    if missing:
        shown = " ".join(f"'{package}'" for package in missing)
        raise SettingsError(
            f"VEREDICTO_GRPC_PORT: gRPC needs what is not installed here: pip install {shown}"
        )

    try:
        family, *_, address = socket.getaddrinfo(
            settings.grpc_host, settings.grpc_port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise cannot_listen(settings, reason) from error


def cannot_listen(settings: Settings, reason: str) -> SettingsError:
    """Returns the error of an address that does not work."""
    return SettingsError(
        f"VEREDICTO_GRPC_PORT: cannot listen on {show_address(settings)}: {reason}"
    )


def show_address(settings: Settings) -> str:
    """Returns the address as gRPC takes it, with a host of IPv6 in brackets."""
    host = settings.grpc_host
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{settings.grpc_port}"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        # The package that it is in is missing.
        return False
