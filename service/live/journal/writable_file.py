"""The journal's file is opened, written and given up here: one that is lost is not touched again before a restart."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

from service.errors import Overloaded, VeredictoError
from service.execution.live_metrics import JournalMetrics
from service.live.journal.records import Costs, Record
from service.live.journal.storage.file import JournalFile, PreparedFile
from service.live.journal.storage.problems import JournalLost, JournalUnusable, explain
from service.live.journal.transaction import Transactions

RETRY_S = 0.5
"""So long after a file could not be opened it is tried again."""

logger = logging.getLogger(__name__)


class WritableFile:
    """The writer's thread writes to the file, and any thread may ask whether it can be read.

    `problem` is the reason why it cannot be written, None where it can.
    """

    def __init__(
        self,
        path: Path,
        metrics: JournalMetrics,
        *,
        max_rows: int,
        fsync: bool,
        max_examples: int,
        begun: PreparedFile | None,
        costs: Mapping[str, Costs] | None,
    ) -> None:
        self._path = path
        self._metrics = metrics
        self._max_rows = max_rows
        self._fsync = fsync
        self._max_examples = max_examples
        self._begun = begun
        self._costs = costs
        self._file: JournalFile | None = None
        self._transactions: Transactions | None = None
        self.problem: JournalUnusable | None = None
        self._tried_s = -RETRY_S

    def check_readable(self) -> None:
        """Raises Overloaded where the path does not name a file that can be trusted."""
        file = self._file
        problem = self.problem
        try:
            if isinstance(problem, JournalLost) or (
                file is None and problem is not None
            ):
                raise problem
            if file is None:
                raise JournalUnusable("it is not open yet")
            file.check_names()
        except JournalUnusable as error:
            raise Overloaded(
                f"the journal cannot be read now{advise(error)}"
            ) from error

    def write(self, batch: Sequence[Record]) -> list[VeredictoError | bool]:
        """Writes records into the file that the path names, before and after it; raises JournalUnusable.

        A file that turns out to be lost is closed.
        """
        file, transactions = self._open()
        try:
            file.check()
            if not batch:
                return []

            results = transactions.write(batch)
            file.check()
        except (sqlite3.Error, OSError) as error:
            problem = explain(error)
            self._drop_lost(problem)
            raise problem from error
        except JournalUnusable as problem:
            self._drop_lost(problem)
            raise

        return results

    def _open(self) -> tuple[JournalFile, Transactions]:
        """Returns the open file, which it opens where that is due; raises JournalUnusable."""
        if self._file is not None and self._transactions is not None:
            return self._file, self._transactions

        problem = self.problem
        is_lost = isinstance(problem, JournalLost)
        is_soon = monotonic() - self._tried_s < RETRY_S
        if problem is not None and (is_lost or is_soon):
            raise problem

        self._tried_s = monotonic()
        file = JournalFile(self._path, begun=self._begun)
        self._transactions = Transactions(
            file.connection,
            max_rows=self._max_rows,
            fsync=self._fsync,
            max_examples=self._max_examples,
            costs=self._costs,
        )
        self._file = file
        self._metrics.recover()

        return file, self._transactions

    def _drop_lost(self, problem: JournalUnusable) -> None:
        if isinstance(problem, JournalLost) and self._file is not None:
            self._file.close(is_sound=False)
            self._file = None
            self._transactions = None

    def read_outcomes(self) -> dict[tuple[str, str], tuple[int, int]] | None:
        """Returns how often each model, by name and version, has been right and wrong; None where it cannot be read."""
        if self._transactions is None or self.problem is not None:
            return None

        try:
            return self._transactions.read_outcomes()
        except sqlite3.Error as error:  # the last ones are still true enough
            problem = explain(error)
            self._drop_lost(problem)
            self.report(problem)
            return None

    def close(self) -> None:
        """Closes the file, which is sound."""
        if self._file is not None:
            self._file.close(is_sound=True)

    def report(self, problem: JournalUnusable) -> None:
        """Logs and counts the first of several problems of a kind."""
        if type(problem) is not type(self.problem):
            logger.error(
                "predictions are dropped: the journal cannot be written: %s, feedback is refused%s",
                problem,
                " until a restart" if isinstance(problem, JournalLost) else "",
            )
            self._metrics.fail(is_lost=isinstance(problem, JournalLost))

        self.problem = problem

    def report_recovery(self) -> None:
        """Logs and counts that a problem is over."""
        if self.problem is not None:
            logger.warning("the journal is written again")
            self._metrics.recover()
        self.problem = None


def advise(problem: JournalUnusable) -> str:
    """Returns the end of a sentence for clients: the reason, and what would work."""
    if isinstance(problem, JournalLost):
        return f": {problem}; the journal is used again after a restart of the service"
    return f", try again: {problem}"
