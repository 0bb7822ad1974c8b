"""The folder of models is looked at by a thread, which notices what changes there."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from service.repository.stamps import stamp_folder

logger = logging.getLogger(__name__)


SETTLE_S = 1.0
"""A folder that has changed is looked at again after at most this time, until it is the same twice."""
MAX_SETTLING = 10
"""After so many looks it is taken as it is: something in it may change all the time."""


class FolderWatcher:
    """A watcher looks at the folder in a thread of its own: a disk that hangs holds nothing else up."""

    def __init__(self, folder: Path, every_s: float) -> None:
        self._folder = folder
        self._every_s = every_s
        self._seen = ""
        self._has_changed = threading.Event()
        self._thread = threading.Thread(
            target=self._watch, name="model folder", daemon=True
        )

    def start(self, stamp: str) -> bool:
        """Starts to look for what differs from this stamp, and returns True; returns False where it has started."""
        if self._thread.ident is not None:
            return False

        self._seen = stamp
        self._thread.start()

        return True

    def take_change(self) -> bool:
        """Returns whether the folder has changed, once for each change."""
        has_changed = self._has_changed.is_set()
        self._has_changed.clear()
        return has_changed

    def forget(self) -> None:
        """Takes the folder as changed at the next look."""
        self._seen = ""

    def _watch(self) -> None:
        waiting = threading.Event()
        while True:
            waiting.wait(self._every_s)
            try:
                self._look(waiting)
            except Exception:
                logger.exception("a defect in looking at the model folder")

    def _look(self, waiting: threading.Event) -> None:
        found = stamp_folder(self._folder)
        if found == self._seen:
            return

        # Whoever writes a file may be at it.
        for _ in range(MAX_SETTLING):
            waiting.wait(min(self._every_s, SETTLE_S))
            before, found = found, stamp_folder(self._folder)
            if found == before:
                break

        self._seen = found
        self._has_changed.set()
