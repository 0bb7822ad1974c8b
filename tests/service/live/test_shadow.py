"""Challengers run in the shadow of their champion, and rows are shed where that would hurt the server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import numpy as np
import pytest

from service.live import shadow as module
from service.live.challengers import find_shadow_deployments, make_model_key
from service.live.journal.records import NO_ANSWER, ShadowRecord
from service.live.journal.writer import Journal
from service.live.shadow import Shadow
from service.live.shadow_batch import ROWS_AT_A_TIME
from service.models.registry import Registry
from service.settings import Settings
from tests.support.tiny_models import (
    COLOURS,
    WEIGHTS,
    tiny_card,
    write_image_model,
    write_tiny,
)

LIMIT_S = 30
LONG_GATHER_S = 2
"""Requests of one test are gathered although the machine is busy."""


class RecordingJournal(Journal):
    """A journal that also remembers the records that it was given."""

    def __init__(self, path: Path, registry: Registry) -> None:
        model_keys = [make_model_key(model) for model in registry.models.values()]
        self.shadow_records: list[ShadowRecord] = []
        self.n_shed = 0
        self.has_records = Event()
        super().__init__(path, max_rows=1000, model_keys=model_keys)

    def record_shadow(self, record: ShadowRecord) -> None:
        self.shadow_records.append(record)
        super().record_shadow(record)
        self.has_records.set()

    def record_shed(self, task: str, n_rows: int) -> None:
        self.n_shed += n_rows
        super().record_shed(task, n_rows)
        self.has_records.set()


def settings(shadow: str) -> Settings:
    return Settings.from_environment(
        {"VEREDICTO_SHADOW": shadow, "VEREDICTO_JOURNAL": "journal.db"}
    )


@pytest.fixture
def start_shadow(
    tmp_path: Path,
) -> Iterator[Callable[..., tuple[Registry, RecordingJournal, Shadow]]]:
    """Starts the shadow of a champion among the models of a folder, and closes it at the end."""
    with ExitStack() as stack:

        def make(
            folder: Path, shadow: str
        ) -> tuple[Registry, RecordingJournal, Shadow]:
            registry = Registry.load(folder)
            journal = RecordingJournal(tmp_path / "journal.db", registry)
            stack.callback(journal.close)
            made = Shadow(find_shadow_deployments(registry, settings(shadow)), journal)
            stack.callback(made.close)

            return registry, journal, made

        yield make


def offer(
    registry: Registry, shadow: Shadow, journal: Journal, name: str, inputs: object
) -> str:
    """Classifies the inputs, keeps the prediction and offers it to the shadow; returns its id."""
    model = registry.model(name)
    labels = model.run(inputs)[0]
    prediction_id = journal.record_prediction(make_model_key(model), labels)
    shadow.offer(prediction_id, model, inputs, labels)
    return prediction_id


def test_challengers_answer_what_the_champion_was_asked(
    models: Path, start_shadow: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests of one row and of several are run together and told apart again, disagreements with their values."""
    monkeypatch.setattr(module, "GATHER_S", LONG_GATHER_S)
    registry, journal, shadow = start_shadow(models, "colour:colour-first")
    requests = [
        np.array([[0.5, 1.0]], np.float32),
        np.array([[1.0, 0.0], [-1.0, 2.0]], np.float32),
    ]
    prediction_ids = [
        offer(registry, shadow, journal, "colour-first", each) for each in requests
    ]
    assert journal.has_records.wait(LIMIT_S)
    (found,) = journal.shadow_records
    expected = (np.concatenate(requests) @ -WEIGHTS).argmax(axis=1)
    assert (found.prediction_ids, found.row_counts) == (prediction_ids, [1, 2])
    assert found.labels.tolist() == [expected.tolist()]
    assert [(prediction_id, row) for prediction_id, row, _ in found.examples] == [
        (prediction_ids[0], 0),
        (prediction_ids[1], 0),
        (prediction_ids[1], 1),
    ]
    assert [json.loads(inputs) for _, _, inputs in found.examples] == [
        [0.5, "green"],
        [1.0, "red"],
        [-1.0, "blue"],
    ]


def test_other_models_have_no_shadow(
    models: Path, start_shadow: Callable[..., object]
) -> None:
    """A challenger that is asked itself runs nothing in a shadow."""
    registry, journal, shadow = start_shadow(models, "colour:colour-first")
    offer(
        registry, shadow, journal, "colour-second", np.array([[0.5, 1.0]], np.float32)
    )
    shadow.close()
    assert (journal.shadow_records, journal.n_shed) == ([], 0)


@pytest.mark.parametrize(
    ("in_flight", "limit"),
    [(module.MAX_IN_FLIGHT + 1, module.MAX_WAITING_ROWS), (0, 4)],
)
def test_rows_are_shed_where_they_would_hurt(
    models: Path,
    start_shadow: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
    in_flight: int,
    limit: int,
) -> None:
    """Rows are shed and counted where more requests are in flight, or more rows wait, than allowed."""
    registry, journal, shadow = start_shadow(models, "colour:colour-first")
    monkeypatch.setattr(module, "MAX_WAITING_ROWS", limit)
    shadow.count_in_flight = lambda: in_flight
    offer(
        registry,
        shadow,
        journal,
        "colour-first",
        np.tile(np.array([[0.5, 1.0]], np.float32), (5, 1)),
    )
    assert journal.has_records.wait(LIMIT_S)
    assert (journal.shadow_records, journal.n_shed) == ([], 5)


def test_rows_are_shed_where_the_event_loop_is_busy(
    models: Path, start_shadow: Callable[..., object]
) -> None:
    """Rows that have gathered are shed and counted where the load is over its limit."""
    registry, journal, shadow = start_shadow(models, "colour:colour-first")
    shadow.measure_load = lambda: module.MAX_LOAD + 0.1
    offer(registry, shadow, journal, "colour-first", np.array([[0.5, 1.0]], np.float32))
    assert journal.has_records.wait(LIMIT_S)
    assert (journal.shadow_records, journal.n_shed) == ([], 1)


def test_the_load_is_looked_at_before_each_run(
    models: Path, start_shadow: Callable[..., object]
) -> None:
    """The second batch is shed where the load rises during the first."""
    registry, journal, shadow = start_shadow(models, "colour:colour-first")
    loads = iter((0.0,))
    shadow.measure_load = lambda: next(loads, module.MAX_LOAD + 0.1)
    rows = np.tile(np.array([[0.5, 1.0]], np.float32), (ROWS_AT_A_TIME, 1))
    for _ in range(2):
        offer(registry, shadow, journal, "colour-first", rows)

    until = monotonic() + LIMIT_S
    while journal.n_shed == 0 and monotonic() < until:
        sleep(0.01)

    assert [each.labels.shape[1] for each in journal.shadow_records] == [len(rows)]
    assert journal.n_shed == len(rows)


def test_what_waits_at_the_end_is_shed(
    models: Path, start_shadow: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing runs nothing any more, and counts the rows that waited."""
    monkeypatch.setattr(module, "GATHER_S", LIMIT_S)
    registry, journal, shadow = start_shadow(models, "colour:colour-first")
    offer(registry, shadow, journal, "colour-first", np.array([[0.5, 1.0]], np.float32))
    shadow.close()
    assert (journal.shadow_records, journal.n_shed) == ([], 1)


def test_a_challenger_without_an_answer_leaves_a_gap(
    tmp_path: Path,
    start_shadow: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A challenger that cannot answer one request of a run still answers the others."""
    monkeypatch.setattr(module, "GATHER_S", LONG_GATHER_S)
    folder = tmp_path / "models"
    folder.mkdir()
    write_tiny(folder, tiny_card(family="first"), sign=0.5)
    write_tiny(folder, tiny_card(family="second"), sign=4.0)
    registry, journal, shadow = start_shadow(folder, "colour:colour-first")

    for size in (1.0, 1.5e38):
        offer(
            registry,
            shadow,
            journal,
            "colour-first",
            np.array([[size, 1.0]], np.float32),
        )

    assert journal.has_records.wait(LIMIT_S)
    assert journal.shadow_records[0].labels.tolist() == [[0, NO_ANSWER]]


def test_images_are_shadowed_too(
    tmp_path: Path, start_shadow: Callable[..., object]
) -> None:
    """Images of different sizes are classified by the challenger."""
    folder = tmp_path / "models"
    folder.mkdir()
    for family in ("first", "second"):
        write_image_model(folder, family=family)

    registry, journal, shadow = start_shadow(folder, "hue:hue-second")
    images = [np.zeros((height, 4, 3), np.uint8) for height in (3, 5)]
    images[1][:, :, 2] = 200
    offer(registry, shadow, journal, "hue-second", images)
    assert journal.has_records.wait(LIMIT_S)
    assert [COLOURS[label] for label in journal.shadow_records[0].labels[0]] == [
        "red",
        "blue",
    ]
