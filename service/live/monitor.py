"""Monitors what a server answers: ids of predictions, the journal, shadows, drift, feedback, live comparison."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sqlite3
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

from service.contract import live_answers
from service.errors import NotFound, Overloaded, SettingsError
from service.execution import process_tuning
from service.execution.processors import Load
from service.live import champion_log, comparison
from service.live.challengers import (
    ShadowDeployment,
    find_deployments_left,
    find_shadow_deployments,
    make_model_key,
)
from service.live.champion_watch import ChampionWatch
from service.live.cost_settings import find_costs
from service.live.drift_cells import DriftCells, Features
from service.live.drift_monitor import DriftMonitor
from service.live.journal.challenger_counts import ACCURACY
from service.live.journal.group_keys import hash_names
from service.live.journal.reading import reader
from service.live.journal.reading.window import Example, PredictionWindow
from service.live.journal.records import FeedbackRecord, Labels, Probabilities
from service.live.journal.storage.startup import read_prepared_file
from service.live.journal.writer import Journal
from service.live.live_comparisons import LiveComparisons
from service.live.shadow import Shadow
from service.models.model import Inputs, Model
from service.models.registry import Registry
from service.settings import Settings

logger = logging.getLogger(__name__)
_ROW_ID = re.compile(r"([A-Za-z0-9_-]{16})(?:/(0|[1-9][0-9]{0,8}))?")


class Monitor:
    """Monitors one process; its threads start with it and end with the server.

    In a worker that takes the place of another, settings that make no sense for the models of by now are told and
    left out, as in those that have followed a reload; else they raise SettingsError.
    """

    def __init__(
        self,
        registry: Registry,
        settings: Settings,
        path: Path,
        *,
        is_replacement: bool = False,
    ) -> None:
        classifiers = _find_classifiers(registry)
        self._registry = registry
        self._settings = settings
        self._model_keys = {model: make_model_key(model) for model in classifiers}
        history = _read_acts(settings, leaves_out=is_replacement)
        self.champions: Mapping[str, str] = history.find_champions()
        """These are the champions that acts have made, by task."""
        self.follow_champions: Callable[[], None] = lambda: None
        """The data plane is told so that there are other champions."""
        find = find_deployments_left if is_replacement else find_shadow_deployments
        deployments = find(registry, settings, self.champions)
        self._deployments_by_task = _by_task(deployments)
        self._costs = find_costs(registry, settings, leaves_out=is_replacement)
        self.journal = self._open_journal(path)
        self._shadow = Shadow(deployments, self.journal) if settings.shadow else None
        self._drift_monitor = DriftMonitor(_find_cells(classifiers), self.journal)
        self._watch = self._make_watch(history)
        self._watch.follow(_group_by_task(classifiers), self._deployments_by_task)

        self._following = threading.Lock()
        self._comparisons = LiveComparisons(
            registry, settings, self.journal, self._drift_monitor, self._costs
        )
        process_tuning.switch_threads_often()
        self._watch.start()

    def _open_journal(self, path: Path) -> Journal:
        settings = self._settings
        return Journal(
            path,
            max_rows=settings.journal_rows,
            model_keys=list(self._model_keys.values()),
            fsync=settings.journal_fsync,
            max_examples=settings.journal_disagreements or 0,
            begun=read_prepared_file(os.environ),
            costs=self._costs,
        )

    def _make_watch(self, history: champion_log.History) -> ChampionWatch:
        settings = self._settings
        return ChampionWatch(
            self.journal,
            path=settings.acts,
            history=history,
            error_budget=settings.error_budget,
            by=settings.acts_by,
            costs=self._costs,
            follow_champions=self._follow_champions,
        )

    def watch_load(self, count_in_flight: Callable[[], int]) -> None:
        """Lets shadows give way where more than a few requests are in flight, but for those that wait for the file.

        They also give way where this thread, which is to run the event loop, has much to do, or the processors have.
        """
        if self._shadow is not None:
            loop = Load(threading.get_ident())
            process = Load()
            count_waiting = self.journal.count_waiting_feedback
            self._shadow.measure_load = lambda: max(loop.look(), process.look())
            self._shadow.count_in_flight = lambda: count_in_flight() - count_waiting()

    def observe(
        self,
        model: Model,
        inputs: Inputs,
        labels: Labels,
        group: str | list[str] | None = None,
        probabilities: Probabilities | None = None,
    ) -> str:
        """Returns the id of a classifier's answer, which is kept and shadowed without waiting for either.

        `group` names the group of each row, or of all; None where the request is a group of its own. `probabilities`
        are `(n_rows, n_classes)`.
        """
        key = self._model_keys.get(model) or make_model_key(model)
        keys = None if group is None else hash_names(key.task, group)
        prediction_id = self.journal.record_prediction(key, labels, keys, probabilities)
        if self._shadow is not None:
            self._shadow.offer(prediction_id, model, inputs, labels, probabilities)

        if not isinstance(inputs, list):
            self._drift_monitor.offer(model.card.task, inputs)

        return prediction_id

    def follow(self) -> None:
        """Follows the registry, which has other models now; a request that has an old one is kept as its answer."""
        with self._following:
            classifiers = _find_classifiers(self._registry)
            self._model_keys = {model: make_model_key(model) for model in classifiers}
            self.journal.serve(list(self._model_keys.values()))
            self._drift_monitor.follow(_find_cells(classifiers))
            self._deploy(classifiers)

    def _follow_champions(self, champions: Mapping[str, str]) -> None:
        """Takes the champions of acts for those that are set; the thread that watches calls it."""
        with self._following:
            self.champions = champions
            self._deploy(_find_classifiers(self._registry))

        self.follow_champions()

    def _deploy(self, classifiers: list[Model]) -> None:
        """Lets challengers run in the shadow of the champions that there are now."""
        deployments = find_deployments_left(
            self._registry, self._settings, self.champions
        )
        self._deployments_by_task = _by_task(deployments)
        if self._shadow is not None:
            self._shadow.deploy(deployments)
        self._watch.follow(_group_by_task(classifiers), self._deployments_by_task)
        self._comparisons.clear()

    def record_feedback(
        self, row_id: str, label: str | int, group: str | None = None
    ) -> Future[None]:
        """Returns a future that is done when the true label is stored; raises NotFound for what cannot be an id.

        A `row_id` is a prediction's id, with `/ROW` after it where the prediction had several rows.
        """
        found = _ROW_ID.fullmatch(row_id)
        if found is None:
            raise NotFound(
                f"unknown id {row_id[:100]!r}: expected that of an answer, and of several rows 'ID/ROW'"
            )

        prediction_id = found[1]
        row = None if found[2] is None else int(found[2])

        return self.journal.record_feedback(
            FeedbackRecord(prediction_id, row, str(label), group)
        )

    def compare(
        self, task: str, by: str = ACCURACY, *, has_curves: bool = False
    ) -> live_answers.LiveComparison:
        """Returns the live comparison of the task's classifiers, about a second old.

        It raises NotFound for a task, InvalidRequest for a metric, and Overloaded where the journal cannot be read.
        """
        return self._comparisons.compare(
            task, self._deployments_by_task, by, has_curves=has_curves
        )

    def read_unlabelled(
        self, task: str, max_rows: int
    ) -> tuple[PredictionWindow, list[Example]]:
        """Returns the latest rows, and those on which models disagree and that are not labelled; raises Overloaded."""
        self.journal.check_readable()
        try:
            window = reader.read_window(
                self.journal.path, task, max_rows=comparison.MAX_WINDOW_ROWS
            )
            examples = reader.read_unlabelled(
                self.journal.path, task, max_rows=max_rows
            )
        except sqlite3.Error as error:
            raise Overloaded(
                f"the journal cannot be read now, try again: {error}"
            ) from error

        return window, examples

    def read_held_out_by(self, read: Callable[[str], Features | None]) -> None:
        """Compares correlations with these rows of a task from here on, None where it has none."""
        self._drift_monitor.read_held_out = read

    def find_champion(self, task: str) -> str | None:
        """Returns the name of the task's champion, whose challengers run in its shadow; None without one."""
        deployment = self._deployments_by_task.get(task)
        return None if deployment is None else deployment.champion.name

    def outcomes(self, task: str) -> Mapping[str, tuple[int, int]]:
        """Returns how often each classifier of a task has been right and wrong on rows that had feedback."""
        return self.journal.outcomes(task)

    async def start(self) -> None:
        """Does nothing: a monitor has started when it was made."""

    async def stop(self) -> None:
        """Closes the monitor while the event loop goes on."""
        await asyncio.get_running_loop().run_in_executor(None, self.close)

    def close(self) -> None:
        """Ends all threads and writes what waits."""
        self._watch.close()
        self._drift_monitor.close()
        if self._shadow is not None:
            self._shadow.close()
        self.journal.close()


def _find_classifiers(registry: Registry) -> list[Model]:
    return [
        model for model in registry.models.values() if model.card.kind == "classifier"
    ]


def _group_by_task(classifiers: list[Model]) -> dict[str, list[Model]]:
    grouped: dict[str, list[Model]] = {}
    for model in classifiers:
        grouped.setdefault(model.card.task, []).append(model)

    return grouped


def _read_acts(settings: Settings, *, leaves_out: bool) -> champion_log.History:
    """Returns the acts of the log; none with `leaves_out` where it is damaged: then no act is made either."""
    if settings.acts is None:
        return champion_log.History()

    try:
        return champion_log.read(settings.acts)
    except SettingsError as error:
        if not leaves_out:
            raise
        logger.error("champions are those of VEREDICTO_SHADOW for now: %s", error)
        return champion_log.History()


def _by_task(
    deployments: Mapping[str, ShadowDeployment],
) -> dict[str, ShadowDeployment]:
    return {each.champion.card.task: each for each in deployments.values()}


def _find_cells(classifiers: list[Model]) -> dict[str, DriftCells]:
    """Returns by task the cells of its first classifier that has any: all have learnt from the same rows."""
    found: dict[str, DriftCells] = {}

    for model in classifiers:
        task = model.card.task
        cells = None if task in found else DriftCells.of(model.card)
        if cells is not None:
            found[task] = cells

    return found
