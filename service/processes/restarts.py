"""Restarts know which workers have died, when each is started again, without which files, and when it is hopeless."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from service.processes.worker import Worker

FIRST_DELAY_S = 0.2
MAX_DELAY_S = 10.0
"""A worker that dies again and again is started again after a delay, which doubles from the first to this one."""
HEALTHY_S = 30.0
"""A worker that has lived for this long is started again without a delay."""
MAX_FAILED_STARTS = 5
"""So many workers may die before the first one is ready; then there is no hope for the next."""
CANNOT_START = (1, 3)
"""A worker that cannot start has said why, and ends with one of these."""

NOT_STARTED = 1
NEVER_READY = 5

logger = logging.getLogger(__name__)


class Restarts:
    """Restarts are told of each death and of the first worker that serves."""

    def __init__(self, find_digest: Callable[[str], str], *, load_s: float) -> None:
        self.n_done = 0
        self.status: int | None = None
        """The server ends with this exit status, once there is no hope for it."""
        self._find_digest = find_digest
        self._load_s = load_s
        self._has_served = False
        self._n_failed_starts = 0
        self._due_s: dict[int, float] = {}
        self._delay_s: dict[int, float] = {}
        self._refused: dict[str, tuple[str, str]] = {}
        """Files whose load ended a worker stand here with their digest, and with the reason."""

    def note_ready(self) -> None:
        """Notes that a worker serves: whatever dies from here on, there is hope."""
        self._has_served = True

    def note_death(self, worker: Worker, status: int, *, lived_s: float) -> None:
        """Has another worker started in the place of one that has died with this status, after this long."""
        is_by_load = worker.loading is not None and status < 0 and not worker.is_ready
        if is_by_load and worker.is_in_doubt:
            logger.warning("the models are loaded once more, one at a time")
        elif is_by_load:
            reason = (
                f"its load did not end within {self._load_s:g} s"
                if worker.why_killed
                else "its load ended the process that loaded it"
            )
            assert worker.loading is not None
            self._refused[worker.loading] = self._find_digest(worker.loading), reason
        elif not worker.is_ready and not self._has_served:
            self._n_failed_starts += 1
            self._give_up_on(status)

        self.n_done += 1
        self._due_s[worker.number] = monotonic() + self._choose_delay(worker, lived_s)

    def take_due(self) -> list[int]:
        """Returns the numbers of the workers that are to be started now, each once."""
        now_s = monotonic()
        due = [number for number, due_s in self._due_s.items() if now_s >= due_s]
        for number in due:
            del self._due_s[number]
        return due

    def list_refused(self) -> dict[str, str]:
        """Returns by reason the files, as they are served now, whose load ended a worker."""
        return {
            file: reason
            for file, (digest, reason) in self._refused.items()
            if self._find_digest(file) == digest
        }

    def _choose_delay(self, worker: Worker, lived_s: float) -> float:
        number = worker.number
        if lived_s >= HEALTHY_S or (worker.is_ready and number not in self._delay_s):
            self._delay_s[number] = FIRST_DELAY_S
            return 0.0

        delay_s = self._delay_s.get(number, FIRST_DELAY_S)
        self._delay_s[number] = min(2 * delay_s, MAX_DELAY_S)

        return delay_s

    def _give_up_on(self, status: int) -> None:
        if status in CANNOT_START:
            self.status = NOT_STARTED
        elif self._n_failed_starts >= MAX_FAILED_STARTS:
            logger.error("no worker became ready: %d have died", self._n_failed_starts)
            self.status = NEVER_READY
