"""Watches how champions and challengers stand, away from requests: alarms for `/metrics`, and acts where they are on.

Each worker watches. Who finds that an act is due takes the log's lock and writes its line, if nobody has written one
since; all workers follow what the log says, the writer too.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from service.errors import Overloaded, SettingsError
from service.execution.live_metrics import AlarmMetrics
from service.execution.processors import LOW_PRIORITY, lower_priority
from service.live import alarms, champion_log, promotion
from service.live.challengers import ShadowDeployment
from service.live.champion_log import History, LogChanged
from service.live.journal.reading import reader
from service.live.journal.reading.window import HitBlocks, ModelVersion
from service.live.journal.records import Costs
from service.live.journal.writer import Journal
from service.live.promotion import PromotionMetric
from service.models.model import Model

INTERVAL_S = 1.0

logger = logging.getLogger(__name__)


class ChampionWatch:
    """Watches in one process; `follow_champions` is told the champions, by task, whenever the log has others.

    `path` is the log of acts, None where none is to be made. Challengers are promoted `by` this metric, with `costs` by
    task where it is that of costs.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        path: Path | None,
        history: History,
        error_budget: float,
        by: str,
        costs: Mapping[str, Costs],
        follow_champions: Callable[[Mapping[str, str]], None],
    ) -> None:
        self._journal = journal
        self._path = path
        self._history = history
        self._error_budget = error_budget
        self._by = by
        self._costs = costs
        self._follow_champions = follow_champions
        self._metrics = AlarmMetrics()
        self._models: Mapping[str, list[Model]] = {}
        self._deployments: Mapping[str, ShadowDeployment] = {}
        self._judged: dict[ModelVersion, tuple[HitBlocks, bool]] = {}
        self._state: champion_log.FileState | None = None
        self._problem = ""
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._watch_until_closed, name="veredicto-watch", daemon=True
        )

    def start(self) -> None:
        """Starts the thread, once models and deployments are known."""
        self._thread.start()

    def follow(
        self,
        models: Mapping[str, list[Model]],
        deployments: Mapping[str, ShadowDeployment],
    ) -> None:
        """Watches these classifiers and deployments, by task, from here on."""
        self._models = models
        self._deployments = deployments

    def close(self) -> None:
        """Ends the thread."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _watch_until_closed(self) -> None:
        lower_priority(LOW_PRIORITY)

        while not self._closing.wait(INTERVAL_S):
            try:
                self.look()
                self._problem = ""
            except (sqlite3.Error, Overloaded):
                logger.debug("the journal cannot be read now", exc_info=True)
            except (OSError, SettingsError) as error:
                self._report(f"no act is made: {error}")
            except Exception:
                logger.exception("a defect in watching")

    def look(self) -> None:
        """Follows the log, shows alarms, and makes the acts that are due."""
        self._follow_log()
        self._journal.check_readable()
        raised: dict[tuple[str, str], bool] = {}

        for task, models in list(self._models.items()):
            metric = self._find_metric(task, models[0].classes)
            counts = reader.read_group_counts(
                self._journal.path, task, metric.list_metrics(len(models[0].classes))
            )
            for model in models:
                raised[task, model.name] = self._is_alarmed(model, counts.hits)
            deployment = self._deployments.get(task)
            if self._path is not None and deployment is not None:
                act = promotion.decide(
                    deployment, counts, self._history, self._error_budget, metric
                )
                if act is not None:
                    self._make(self._path, act)

        self._metrics.show_alarms(raised)

    def _find_metric(self, task: str, classes: tuple[str, ...]) -> PromotionMetric:
        """Returns what the task's challengers are promoted by; costs of other classes than the models' are none."""
        costs = self._costs.get(task)
        fits = costs is not None and costs.classes == classes
        return PromotionMetric(self._by, costs if fits else None)

    def _follow_log(self) -> None:
        if self._path is None:
            return

        state = champion_log.read_state(self._path)
        if state == self._state:
            return

        history = champion_log.read(self._path)
        self._state = state
        if history != self._history:
            self._take(history)

    def _make(self, path: Path, act: champion_log.ChampionChange) -> None:
        """Writes an act's line, and follows it; another worker may have been first, which is seen at the next look."""
        try:
            history = champion_log.append(path, self._history, act)
        except LogChanged:
            return

        logger.warning("%s of %s: %s", act["act"], act["task"], act["because"])
        self._metrics.count_act(act["task"], act["act"])
        self._take(history)

    def _take(self, history: History) -> None:
        self._history = history
        self._follow_champions(history.find_champions())

    def _is_alarmed(self, model: Model, hits: Mapping[ModelVersion, HitBlocks]) -> bool:
        """Returns whether a model has an alarm; it is computed anew, in 2 ms, where there are other groups."""
        version = ModelVersion(model.name, model.version)
        of_model = hits.get(version, {})
        known = self._judged.get(version)
        if known is not None and known[0] == of_model:
            return known[1]

        state = alarms.judge(model, of_model, self._error_budget)
        self._judged[version] = of_model, alarms.is_raised(state)
        return alarms.is_raised(state)

    def _report(self, problem: str) -> None:
        """Logs the first of several problems that are the same."""
        if problem != self._problem:
            logger.error(problem)
        self._problem = problem
