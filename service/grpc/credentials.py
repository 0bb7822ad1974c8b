"""gRPC speaks TLS by the certificate of HTTP, and follows it when it is renewed."""

from __future__ import annotations

from typing import Any

import grpc

from service.access.kept_certificate import choose_files
from service.access.renewal import Renewal
from service.access.tls import read_credentials, read_patiently
from service.errors import SettingsError
from service.settings import Settings


def make_credentials(settings: Settings) -> Any:
    """Returns the credentials of a server's port, None where it speaks no TLS; raises SettingsError."""
    renewal = Renewal(settings, protocol="gRPC")
    first = read_patiently(lambda: _read(choose_files(settings, protocol="gRPC")))
    if first is None:
        return None

    def read_again() -> Any:
        """Returns what the next connection is shown, None for what the one before was."""
        if renewal.read() is None:
            return None
        try:
            return _read(settings)
        except (SettingsError, OSError):
            # It has changed once more, and is read again with the next connection.
            return None

    is_mutual = settings.tls_client_ca is not None
    return grpc.dynamic_ssl_server_credentials(first, read_again, is_mutual)


def _read(settings: Settings) -> Any:
    found = read_credentials(settings)
    if found is None:
        return None

    key, certificate, authorities = found
    return grpc.ssl_server_certificate_configuration([(key, certificate)], authorities)
