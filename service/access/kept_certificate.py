"""The supervisor keeps the last certificate that worked, for a worker that starts while its files do not.

They are kept in files of the memory, which have no name and end with the server: no private key is written to a disk.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from service.access.file_stamp import stamp_file
from service.access.tls import make_ssl_context
from service.errors import SettingsError
from service.settings import Settings

KEPT_VARIABLE = "_VEREDICTO_CERTIFICATE"
"""The supervisor names the descriptors of what it keeps in this variable, which is no setting."""
LOOK_EVERY_S = 1.0
_FIELDS = ("tls_cert", "tls_key", "tls_client_ca")

logger = logging.getLogger(__name__)


class KeptCertificate:
    """These are the files of a certificate as they were when they last worked; nothing where there is no TLS."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._paths = [path for _, path in _list_files(settings)]
        self._seen: list[tuple[int, ...]] = []
        self._next_look_s = 0.0
        has_memory_files = hasattr(os, "memfd_create")
        self.descriptors = tuple(
            os.memfd_create("certificate") for _ in self._paths if has_memory_files
        )
        """A worker needs these; a system without files of the memory has none, and its workers wait for their files."""
        self.look()

    @property
    def environment(self) -> dict[str, str]:
        """Returns the variables by which a worker finds what is kept."""
        if not self.descriptors:
            return {}
        return {KEPT_VARIABLE: ",".join(map(str, self.descriptors))}

    def look(self) -> None:
        """Keeps what the files say, where they have changed and work; it looks at them once a second."""
        if not self.descriptors or monotonic() < self._next_look_s:
            return

        self._next_look_s = monotonic() + LOOK_EVERY_S
        seen = [stamp_file(path) for path in self._paths]
        if seen == self._seen:
            return

        self._seen = seen
        try:
            make_ssl_context(self._settings)
            contents = [path.read_bytes() for path in self._paths]
        except (SettingsError, OSError):
            # The workers say what is wrong.
            return

        if seen == [stamp_file(path) for path in self._paths]:
            self._keep(contents)
        else:
            # What was read may be none of what was checked.
            self._seen = []

    def _keep(self, contents: list[bytes]) -> None:
        for descriptor, content in zip(self.descriptors, contents, strict=True):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, content, 0)


def choose_files(settings: Settings, *, protocol: str) -> Settings:
    """Returns the settings with files of a certificate that work: their own, or else what the supervisor keeps.

    It raises SettingsError where neither works.
    """
    try:
        make_ssl_context(settings)
    except SettingsError as error:
        kept = _find_kept(settings)
        if kept is None:
            raise
        make_ssl_context(kept)
        logger.error(
            "%s begins with the certificate that the server had: %s", protocol, error
        )
        return kept

    return settings


def _find_kept(settings: Settings) -> Settings | None:
    descriptors = os.environ.get(KEPT_VARIABLE)
    if not descriptors:
        return None

    names = [name for name, _ in _list_files(settings)]
    paths: dict[str, Any] = {
        name: Path(f"/proc/self/fd/{number}")
        for name, number in zip(names, descriptors.split(","), strict=True)
    }

    return replace(settings, **paths)


def _list_files(settings: Settings) -> list[tuple[str, Path]]:
    """Returns the settings that name a file of the certificate, and the files."""
    named = [(name, getattr(settings, name)) for name in _FIELDS]
    return [(name, path) for name, path in named if path is not None]
