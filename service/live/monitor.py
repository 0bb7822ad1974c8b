"""Watches what goes out: gives each answer its id, keeps it, casts shadows, takes the truth, compares."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from time import monotonic

from service.contract import answers
from service.errors import NotFound, Overloaded
from service.execution.processors import Load
from service.live import comparison
from service.live.challengers import find_lineups, name_source
from service.live.drift import Cells
from service.live.drift_monitor import DriftMonitor
from service.live.journal import reader
from service.live.journal.records import Feedback, Labels
from service.live.journal.writer import Journal
from service.live.shadow import Shadow
from service.models.model import Inputs, Model
from service.models.registry import Registry
from service.settings import Settings

FRESH_S = 1.0
SWITCH_S = 0.0005
"""How long a thread in the background may keep the event loop from running Python; 5 ms if nobody says otherwise."""
_ID = re.compile(r"([A-Za-z0-9_-]{16})(?:/(\d{1,9}))?")


class Monitor:
    """Of one process; starts its threads at once and ends them with the server."""

    def __init__(self, registry: Registry, settings: Settings, path: Path) -> None:
        classifiers = [
            model
            for model in registry.models.values()
            if model.card.kind == "classifier"
        ]
        self._registry = registry
        self._sources = {model.name: name_source(model) for model in classifiers}
        self._lineups = find_lineups(registry, settings)
        self._by_task = {
            lineup.champion.card.task: lineup for lineup in self._lineups.values()
        }
        self.journal = Journal(
            path, most_rows=settings.journal_rows, sources=self._sources
        )
        self._shadow = Shadow(self._lineups, self.journal) if self._lineups else None
        self._intake = DriftMonitor(_find_cells(classifiers), self.journal)
        self._lock = threading.Lock()
        sys.setswitchinterval(SWITCH_S)
        self._standings: dict[str, tuple[float, answers.Standing]] = {}

    def heed(self, count_in_flight: Callable[[], int]) -> None:
        """Shadows give way where more than a few requests are in flight, but for those that wait for the file.

        And where this thread, which is to run the event loop, has much to do, or the processors have.
        """
        if self._shadow is not None:
            loop = Load(threading.get_ident())
            process = Load()
            self._shadow.look_at_load = lambda: max(loop.look(), process.look())
            self._shadow.count_in_flight = lambda: (
                count_in_flight() - self.journal.count_waiting()
            )

    def observe(self, model: Model, inputs: Inputs, labels: Labels) -> str:
        """The id of a classifier's answer, which is kept and shadowed without waiting for either."""
        number = self.journal.record(self._sources[model.name], labels)
        if self._shadow is not None:
            self._shadow.offer(number, model, inputs, labels)

        if not isinstance(inputs, list):
            self._intake.offer(model.card.task, inputs)

        return number

    def tell(self, number: str, label: str | int) -> Future[None]:
        """Done when the truth is stored; raises NotFound for what cannot be an id."""
        found = _ID.fullmatch(number)
        if found is None:
            raise NotFound(
                f"unknown id {number[:100]!r}: expected that of an answer, and of several rows 'ID/ROW'"
            )

        row = None if found[2] is None else int(found[2])

        return self.journal.tell(Feedback(found[1], row, str(label)))

    def compare(self, task: str) -> answers.Standing:
        """How the task's classifiers stand, about a second old; raises NotFound and Overloaded."""
        models = self._registry.task(task)
        with self._lock:  # who comes meanwhile takes the same
            made_s, found = self._standings.get(task, (0.0, None))
            if found is None or monotonic() - made_s > FRESH_S:
                try:
                    read = reader.read(
                        self.journal.path, task, most_rows=comparison.MOST_ROWS
                    )
                    drift = self._intake.describe(task)
                except sqlite3.Error as error:
                    raise Overloaded(
                        f"the journal cannot be read now, try again: {error}"
                    ) from error

                found = comparison.describe(
                    models, self._by_task.get(task), read, drift
                )
                self._standings[task] = monotonic(), found

        return found

    def outcomes(self, task: str) -> Mapping[str, tuple[int, int]]:
        """How often each classifier of a task has been right and wrong where the truth was told."""
        return self.journal.outcomes(task)

    async def start(self) -> None:
        """It has started when it was made."""

    async def stop(self) -> None:
        """Writes what waits; the event loop goes on meanwhile."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    def close(self) -> None:
        self._intake.close()
        if self._shadow is not None:
            self._shadow.close()
        self.journal.close()


def _find_cells(classifiers: list[Model]) -> dict[str, Cells]:
    """Of each task those of its first classifier that has any: they have learnt from the same rows."""
    found: dict[str, Cells] = {}
    for model in classifiers:
        cells = None if model.card.task in found else Cells.of(model.card)
        if cells is not None:
            found[model.card.task] = cells

    return found
