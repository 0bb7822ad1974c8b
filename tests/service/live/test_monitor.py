"""The monitor gives ids to predictions, takes feedback for them, and compares a task's classifiers."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from service.errors import InvalidRequest, NotFound, Overloaded, SettingsError
from service.live import live_comparisons
from service.live.monitor import Monitor
from service.models.registry import Registry
from service.settings import Settings

LIMIT_S = 30
ROWS = np.array([[0.5, 1.0], [1.0, 0.0]], np.float32)


@pytest.fixture
def monitor(models: Path, tmp_path: Path) -> Iterator[Monitor]:
    """Monitors two classifiers of one task, without a shadow; restores the switch interval that it changes."""
    path = tmp_path / "journal.db"
    settings = Settings(journal=path)
    switch_interval_s = sys.getswitchinterval()
    try:
        with closing(Monitor(Registry.load(models), settings, path)) as made:
            yield made
    finally:
        sys.setswitchinterval(switch_interval_s)


def observe(monitor: Monitor, models: Path, rows: np.ndarray) -> str:
    """Classifies rows and returns the id of the prediction."""
    model = Registry.load(models).model("colour-first")
    return monitor.observe(model, rows, model.run(rows)[0])


def test_a_replacement_begins_where_its_settings_make_no_sense_any_more(
    models: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that starts with the server refuses what one that takes another's place tells of and leaves out."""
    log = tmp_path / "acts.jsonl"
    log.write_text("damaged\n")
    path = tmp_path / "journal.db"
    settings = Settings.from_environment(
        {
            "VEREDICTO_JOURNAL": str(path),
            "VEREDICTO_SHADOW": "colour:colour-third",
            "VEREDICTO_ACTS": str(log),
            "VEREDICTO_COSTS": f"colour:{tmp_path / 'gone.csv'}",
        }
    )
    registry = Registry.load(models)
    switch_interval_s = sys.getswitchinterval()
    with pytest.raises(SettingsError, match="VEREDICTO_ACTS"):
        Monitor(registry, settings, path)
    try:
        with closing(
            Monitor(registry, settings, path, is_replacement=True)
        ) as replacement:
            assert replacement.champions == {}
            prediction_id = observe(replacement, models, ROWS[:1])
            assert (
                replacement.record_feedback(prediction_id, "no").result(LIMIT_S) is None
            )
    finally:
        sys.setswitchinterval(switch_interval_s)

    for each in ("VEREDICTO_SHADOW: ", "acts.jsonl: line 1 is no act", "gone.csv"):
        assert each in caplog.text


def test_feedback_is_stored_for_a_row_of_a_prediction(
    monitor: Monitor, models: Path
) -> None:
    """The future of `ID/ROW` is done when the label is stored, and the outcome counts it."""
    prediction_id = observe(monitor, models, ROWS)
    assert monitor.record_feedback(f"{prediction_id}/1", "yes").result(LIMIT_S) is None

    with closing(sqlite3.connect(monitor.journal.path)) as connection:
        assert connection.execute("SELECT row, label FROM truths").fetchall() == [
            (1, 1)
        ]


def test_a_prediction_of_one_row_needs_no_row(monitor: Monitor, models: Path) -> None:
    """The id alone is enough for one row; with several it raises InvalidRequest."""
    one = observe(monitor, models, ROWS[:1])
    two = observe(monitor, models, ROWS)

    assert monitor.record_feedback(one, "no").result(LIMIT_S) is None
    with pytest.raises(InvalidRequest, match=r"^id: the answer had 2 rows: name one"):
        monitor.record_feedback(two, "no").result(LIMIT_S)


@pytest.mark.parametrize("row_id", ["", "x", "A" * 17, f"{'A' * 16}/", f"{'A' * 16}/x"])
def test_what_cannot_be_an_id_is_not_found_at_once(
    monitor: Monitor, row_id: str
) -> None:
    """A text that no prediction can have as its id raises NotFound without a look into the file."""
    with pytest.raises(NotFound, match=r"^unknown id "):
        monitor.record_feedback(row_id, "yes")


def test_a_comparison_is_made_once_in_a_while(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comparison is kept and returned until it is too old."""
    first = monitor.compare("colour")
    assert monitor.compare("colour") is first

    monkeypatch.setattr(live_comparisons, "MAX_AGE_S", 0.0)
    assert monitor.compare("colour") is not first


def test_an_unknown_task_cannot_be_compared(monitor: Monitor) -> None:
    """A task without models raises NotFound."""
    with pytest.raises(NotFound, match=r"^unknown task 'hue'; known tasks: colour"):
        monitor.compare("hue")


def test_a_journal_that_cannot_be_read_is_overloaded(monitor: Monitor) -> None:
    """A table that is missing raises Overloaded, which says that the journal cannot be read."""
    with closing(sqlite3.connect(monitor.journal.path)) as connection:
        connection.execute("ALTER TABLE examples RENAME TO elsewhere")

    with pytest.raises(Overloaded, match=r"^the journal cannot be read now, try again"):
        monitor.compare("colour")
