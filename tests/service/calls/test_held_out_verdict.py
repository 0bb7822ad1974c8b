"""The verdict of a task is computed from what the files of its classifiers keep of held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from row_records import HELD_OUT_KEY, HeldOut, write_held_out
from service.calls import held_out_verdict
from service.calls.held_out_verdict import (
    NO_RECORD,
    OTHER_ROWS,
    Verdicts,
    judge_held_out,
)
from service.errors import InvalidRequest
from service.models.registry import Registry
from tests.support.server import Server
from tests.support.tiny_models import tiny_card, write_tiny

StartServer = Callable[..., AbstractContextManager[Server]]
N_ROWS = 300
ROWS = "sha256:" + "a" * 64


def keep(n_right: int, *, rows: str = ROWS, n_equal: int = 1) -> dict[str, str]:
    """Returns the record of a model that is right on the first rows, which come in groups of equal ones."""
    truth = np.arange(N_ROWS) // n_equal % 2
    labels = np.where(np.arange(N_ROWS) < n_right, truth, 1 - truth)
    record = HeldOut(
        rows=rows,
        truth=truth,
        labels=labels,
        probabilities=np.where(np.eye(2)[labels] == 1, 0.9, 0.1),
        groups=np.arange(N_ROWS) // n_equal if n_equal > 1 else None,
    )

    return write_held_out(record)


def write(folder: Path, records: dict[str, dict[str, str]]) -> Registry:
    """Writes a tiny model of each family with these records, and loads them."""
    for family, record in records.items():
        write_tiny(folder, tiny_card(family=family), records=record)

    return Registry.load(folder)


def test_the_better_one_is_named_first(tmp_path: Path) -> None:
    """The headline names who is shown to be better, and the figures are those of the kept answers."""
    registry = write(tmp_path, {"first": keep(290), "second": keep(200)})
    found = judge_held_out(registry.task("colour"))
    assert found["headline"].startswith(
        "first is the best in accuracy: right on 96.7 % of 300 rows"
    )
    assert "shown to be better than second" in found["headline"]
    assert found["rows"] == N_ROWS
    assert found["numbers"]["leader"] == "colour-first"
    accuracies = [
        each["metrics"]["accuracy"]["value"] for each in found["numbers"]["models"]
    ]
    assert accuracies == pytest.approx([290 / 300, 200 / 300])
    (pair,) = found["numbers"]["pairs"]
    assert (pair["only_a"], pair["only_b"]) == (90, 0)
    versions = {model.name: model.version for model in registry.task("colour")}
    assert found["versions"] == versions


def test_equal_rows_count_once(tmp_path: Path) -> None:
    """Ten groups of thirty equal rows show no difference that three hundred rows would show."""
    registry = write(
        tmp_path, {"first": keep(300, n_equal=30), "second": keep(180, n_equal=30)}
    )
    found = judge_held_out(registry.task("colour"))
    assert found["numbers"]["n_groups"] == 10
    assert "equal rows belong together" in found["findings"][0]
    assert found["numbers"]["pairs"][0]["p_value"] > 0.05


def test_files_without_the_same_rows_are_left_out(tmp_path: Path) -> None:
    """A file with no record, a broken one, or one of other rows is left out, and it is said why."""
    records = {
        "first": keep(290),
        "second": keep(200),
        "third": keep(250, rows="sha256:" + "b" * 64),
        "fourth": {},
        "fifth": {HELD_OUT_KEY: "{"},
    }
    found = judge_held_out(write(tmp_path, records).task("colour"))
    assert list(found["versions"]) == ["colour-first", "colour-second"]
    assert found["left_out"]["colour-third"] == OTHER_ROWS
    assert found["left_out"]["colour-fourth"] == NO_RECORD
    assert found["left_out"]["colour-fifth"].startswith(f"{HELD_OUT_KEY}: not JSON")


def test_without_records_it_is_said_what_to_do(tmp_path: Path) -> None:
    """A task whose files keep nothing has no verdict, and the error names the command that needs no record."""
    models = write(tmp_path, {"first": {}}).task("colour")
    with pytest.raises(InvalidRequest, match="veredicto evaluate"):
        judge_held_out(models)


def test_a_verdict_is_computed_once_for_the_same_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second verdict on the same files is the first one; at most `MAX_KEPT` are kept."""
    registry = write(tmp_path, {"first": keep(290), "second": keep(200)})
    models = registry.task("colour")
    verdicts = Verdicts()
    found = verdicts.judge(models)
    assert verdicts.judge(models) is found
    monkeypatch.setattr(held_out_verdict, "MAX_KEPT", 1)
    assert verdicts.judge(models[:1]) is not found
    assert verdicts.judge(models) is not found


def test_a_server_answers_the_verdict(
    tmp_path: Path, start_server: StartServer
) -> None:
    """The verdict is JSON over HTTP; another metric, another field and another task are refused in words."""
    write(tmp_path, {"first": keep(290), "second": keep(200)})
    with start_server(VEREDICTO_MODELS=tmp_path) as server:
        answer = server.client.get("/tasks/colour/verdict?by=accuracy")
        brier = server.client.get("/tasks/colour/verdict?by=brier").json()
        metric = server.client.get("/tasks/colour/verdict?by=beauty")
        field = server.client.get("/tasks/colour/verdict?buy=accuracy")
        unknown = server.client.get("/tasks/color/verdict")
        posted = server.client.post("/tasks/colour/verdict")

    assert answer.status_code == 200
    assert answer.json()["numbers"]["leader"] == "colour-first"
    assert (brier["by"], brier["numbers"]) == ("brier", answer.json()["numbers"])
    assert brier["headline"].startswith("first is the best by Brier score: ")
    assert brier["numbers_by"]["pairs"][0]["verdict"] == "a"
    assert "numbers_by" not in answer.json()
    assert metric.status_code == field.status_code == 400
    assert metric.json()["error"] == (
        "by: expected one of accuracy, brier, log_loss, balanced_accuracy, got 'beauty'"
    )
    assert "unknown field 'buy'" in field.json()["error"]
    assert unknown.status_code == 404
    assert posted.status_code == 405
