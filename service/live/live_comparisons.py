"""Live comparisons of a task's classifiers are made from the journal, each at most once a second."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping
from time import monotonic

from service.contract import live_answers
from service.errors import Overloaded
from service.live import comparison
from service.live.challenger_tests import check_metric
from service.live.challengers import ShadowDeployment
from service.live.drift_monitor import DriftMonitor
from service.live.journal.challenger_counts import ACCURACY, find_metrics
from service.live.journal.reading import reader
from service.live.journal.records import Costs
from service.live.journal.writer import Journal
from service.models.model import Model
from service.models.registry import Registry
from service.settings import Settings

MAX_AGE_S = 1.0
_Made = tuple[float, live_answers.LiveComparison]
"""When a comparison was made stands before it, in seconds by the clock that never goes back."""


class LiveComparisons:
    """Any thread may ask for a comparison; who asks while one is made waits, and takes the same."""

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        journal: Journal,
        drift_monitor: DriftMonitor,
        costs: Mapping[str, Costs],
    ) -> None:
        self._registry = registry
        self._settings = settings
        self._journal = journal
        self._drift_monitor = drift_monitor
        self._costs = costs
        self._lock = threading.Lock()
        self._made: dict[tuple[str, str, bool], _Made] = {}

    def clear(self) -> None:
        """Forgets what was made, since there are other challengers now."""
        with self._lock:
            self._made.clear()

    def compare(
        self,
        task: str,
        deployments: Mapping[str, ShadowDeployment],
        by: str = ACCURACY,
        *,
        has_curves: bool = False,
    ) -> live_answers.LiveComparison:
        """Returns the live comparison of the task's classifiers, about a second old; `deployments` are by task.

        It raises NotFound for a task, InvalidRequest for a metric, and Overloaded where the journal cannot be read.
        """
        models = self._registry.task(task)
        costs = self._costs.get(task)
        if costs is not None and costs.classes != models[0].classes:
            costs = None
        check_metric(by, task, costs)

        with self._lock:
            key = (task, by, has_curves)
            made_s, found = self._made.get(key, (0.0, None))
            if found is None or monotonic() - made_s > MAX_AGE_S:
                found = self._make(
                    models, deployments.get(task), by, costs, has_curves=has_curves
                )
                self._made[key] = monotonic(), found

        return found

    def _make(
        self,
        models: list[Model],
        deployment: ShadowDeployment | None,
        by: str,
        costs: Costs | None,
        *,
        has_curves: bool,
    ) -> live_answers.LiveComparison:
        task = models[0].card.task
        self._journal.check_readable()
        try:
            window = reader.read_window(
                self._journal.path,
                task,
                max_rows=comparison.MAX_WINDOW_ROWS,
                metrics=find_metrics(by, len(models[0].classes), costs),
                has_histories=has_curves,
            )
            drift = self._drift_monitor.describe(task)
        except sqlite3.Error as error:
            raise Overloaded(
                f"the journal cannot be read now, try again: {error}"
            ) from error

        return comparison.describe(
            models,
            deployment,
            window,
            drift,
            policy=self._settings.policy,
            error_budget=self._settings.error_budget,
            by=by,
            costs=costs,
        )
