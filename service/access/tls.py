"""HTTP and gRPC speak TLS 1.2 or later by the same certificate, which is looked at before anything listens.

What reads certificates is imported where there is one: every start of a server comes through here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from service.errors import SettingsError
from service.settings import Settings

if TYPE_CHECKING:
    import ssl

MAX_TRIES = 5
PAUSE_S = 0.1
Read = TypeVar("Read")


def read_patiently(read: Callable[[], Read]) -> Read:
    """Returns what is read of a certificate's files, which are read again, some times, where they do not work.

    Somebody may renew one after the other at this moment. It raises the last error: OSError, of which those of TLS are,
    or SettingsError.
    """
    for _ in range(MAX_TRIES - 1):
        try:
            return read()
        except (OSError, SettingsError):
            time.sleep(PAUSE_S)

    return read()


def make_ssl_context(settings: Settings) -> ssl.SSLContext | None:
    """Returns what a server of HTTP needs to speak TLS; None where it does not.

    It raises SettingsError, in one line, for files that are missing, unreadable or do not belong together.
    """
    if settings.tls_cert is None or settings.tls_key is None:
        return None

    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _read("VEREDICTO_TLS_CERT", settings.tls_cert)
    _read("VEREDICTO_TLS_KEY", settings.tls_key)

    try:
        # Without a function of its own a key with a password would ask on the terminal.
        context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_refuse)
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(
            "VEREDICTO_TLS_CERT, VEREDICTO_TLS_KEY: expected a certificate and its own key, "
            f"in PEM and without a password: {_word(error)}"
        ) from error

    if settings.tls_client_ca is not None:
        _read("VEREDICTO_TLS_CLIENT_CA", settings.tls_client_ca)
        try:
            context.load_verify_locations(settings.tls_client_ca)
        except (ssl.SSLError, ValueError) as error:
            raise SettingsError(
                f"VEREDICTO_TLS_CLIENT_CA: expected certificates in PEM: {_word(error)}"
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED

    return context


def list_bentoml_options(settings: Settings) -> list[str]:
    """Returns the arguments of `bentoml serve` for TLS, none where the server speaks none; raises SettingsError."""
    context = make_ssl_context(settings)
    if context is None:
        return []

    options = [
        *("--ssl-certfile", str(settings.tls_cert)),
        *("--ssl-keyfile", str(settings.tls_key)),
    ]
    if settings.tls_client_ca is not None:
        options += ["--ssl-ca-certs", str(settings.tls_client_ca)]
        options += ["--ssl-cert-reqs", str(int(context.verify_mode))]

    return options


def read_credentials(settings: Settings) -> tuple[bytes, bytes, bytes | None] | None:
    """Returns key, certificate and the clients' authorities as gRPC takes them; raises SettingsError."""
    if make_ssl_context(settings) is None:
        return None

    assert settings.tls_cert is not None
    assert settings.tls_key is not None
    authorities = settings.tls_client_ca

    return (
        settings.tls_key.read_bytes(),
        settings.tls_cert.read_bytes(),
        None if authorities is None else authorities.read_bytes(),
    )


def _read(setting: str, path: Path) -> None:
    """Raises SettingsError where a file cannot be read, which OpenSSL would not say."""
    try:
        if not path.is_file():
            raise SettingsError(f"{setting}: expected a file, there is none at {path}")
        path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{setting}: cannot read {path}: {error.strerror}"
        ) from error


def _refuse() -> str:
    raise ValueError("the key has a password")


def _word(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason or error).lower().replace("_", " ")
