"""Certificates that were renewed are served without a new start: their files are looked at again and again.

Whoever has a connection keeps it; the next handshake shows the new certificate, and asks for clients of the new
authorities. Files that do not work, as while they are being written, change nothing.
"""

from __future__ import annotations

import logging
import ssl
from threading import Lock
from time import monotonic

from service.access.file_stamp import stamp_file
from service.access.tls import make_ssl_context
from service.errors import SettingsError
from service.settings import Settings

LOOK_EVERY_S = 1.0

logger = logging.getLogger(__name__)


class Renewal:
    """A renewal notices that the files of a server's certificate have changed; any thread may ask it."""

    def __init__(self, settings: Settings, *, protocol: str) -> None:
        self._settings = settings
        self._protocol = protocol
        self._lock = Lock()
        self._seen = self._look()
        self._next_look_s = monotonic() + LOOK_EVERY_S

    def read(self) -> ssl.SSLContext | None:
        """Returns what the files say now; None where they are as they were, do not work or were just looked at."""
        with self._lock:
            if monotonic() < self._next_look_s:
                return None

            self._next_look_s = monotonic() + LOOK_EVERY_S
            seen = self._look()
            if seen == self._seen:
                return None
            # What changes while it is read is read again.
            self._seen = seen

        try:
            context = make_ssl_context(self._settings)
        except SettingsError as error:
            logger.error("%s goes on with its certificate: %s", self._protocol, error)
            return None

        logger.warning("%s has read its certificate again", self._protocol)

        return context

    def _look(self) -> list[tuple[int, ...]]:
        settings = self._settings
        paths = (settings.tls_cert, settings.tls_key, settings.tls_client_ca)
        return [stamp_file(path) for path in paths if path is not None]
