"""Real servers promote the challenger that is better, roll it back when it fails, and do nothing without a reason."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from evaluation.__main__ import main as evaluate
from model_card import Metric
from tests.support.broken_machine import fill_disk, mount_small_disk
from tests.support.server import ROOT, Server, free_port, serve
from tests.support.tiny_models import tiny_card, write_tiny

ROW = [0.5, "green"]
TRIES = 1200
WAIT_S = 0.05
FIRST, SECOND = "colour-first", "colour-second"
ALARM_OF_SECOND = 'veredicto_model_alarm{model="colour-second",task="colour"} 1.0'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Writes two classifiers that never say the same, and whose cards promise little."""
    made = tmp_path_factory.mktemp("models")
    metrics = {"accuracy": Metric(value=0.4, interval=(0.3, 0.5))}
    write_tiny(made, tiny_card(family="first", metrics=metrics))
    write_tiny(made, tiny_card(family="second", metrics=metrics), sign=-1)

    return made


@pytest.fixture
def environment(folder: Path, tmp_path: Path) -> dict[str, object]:
    return {
        "VEREDICTO_MODELS": folder,
        "VEREDICTO_JOURNAL": tmp_path / "journal.db",
        "VEREDICTO_JOURNAL_FSYNC": 0,
        "VEREDICTO_SHADOW": f"colour:{FIRST}",
        "VEREDICTO_ACTS": tmp_path / "acts.jsonl",
    }


def wait_until(holds: Callable[[], Any]) -> None:
    for _ in range(TRIES):
        if holds():
            return
        Event().wait(WAIT_S)
    raise AssertionError("it does not come true")


def read_acts(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def who_answers(server: Server) -> str:
    """Returns the model that answers for the task, asked on a connection of its own, which any worker may take."""
    with server.connect() as client:
        response = client.post("/predict", json={"task": "colour", "inputs": [ROW]})
    assert response.status_code == 200, response.text
    return str(response.json()["model"])


def label(server: Server, model: str, hits: Sequence[bool]) -> None:
    """Asks for as many rows as there are hits, each a group, and says that the model was right on these."""
    names = [os.urandom(8).hex() for _ in hits]
    body = {"model": model, "inputs": [ROW] * len(hits), "group": names}
    answer = server.post("/predict", body).json()
    said = answer["predictions"][0]
    other = {"yes": "no", "no": "yes"}[said]
    bodies = [
        {"id": f"{answer['id']}/{row}", "label": said if hit else other}
        for row, hit in enumerate(hits)
    ]
    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(lambda body: server.post("/feedback", body), bodies))

    assert {response.status_code for response in responses} == {200}


def show_second_better(server: Server) -> None:
    """Labels rows on which the second model, which always contradicts the first, is right on two of three."""
    label(server, FIRST, [True, False, False] * 60)


def count_tested(server: Server) -> int:
    """Returns how many groups of rows the test of champion and challenger has counted."""
    comparison = server.client.get("/tasks/colour/comparison").json()
    return int(comparison["tests"][0]["groups"])


def let_it_look(server: Server) -> None:
    """Gives the second model an alarm by rows of its own, and waits until the server has looked and shows it."""
    label(server, SECOND, [False] * 40)
    wait_until(lambda: ALARM_OF_SECOND in server.client.get("/metrics").text)


def label_beside(
    folder: Path, environment: dict[str, object], model: str, hits: Sequence[bool]
) -> None:
    """Labels rows by another server on the same journal, which makes no acts and has another champion.

    No challenger answers them, so that they count for the model's alarm and for no test: the look that finds the alarm
    finds nothing else, however slowly the labels come.
    """
    without_acts = {
        key: value for key, value in environment.items() if key != "VEREDICTO_ACTS"
    }
    folder.mkdir()
    with serve(folder, **without_acts) as server:
        assert who_answers(server) != model
        label(server, model, hits)


def verify(path: Path) -> int:
    """Returns the exit code of `veredicto evaluate --verify`, called in this process."""
    return evaluate(["--verify", str(path)])


def test_the_better_challenger_is_promoted_and_rolled_back_when_it_fails(
    environment: dict[str, object], tmp_path: Path
) -> None:
    """Each act is a line that can be verified, all workers follow it, and a restart and a kill change nothing."""
    log = tmp_path / "acts.jsonl"
    two_workers = environment | {"VEREDICTO_WORKERS": 2}
    with serve(tmp_path, **two_workers) as server:
        assert who_answers(server) == FIRST
        show_second_better(server)
        wait_until(lambda: log.read_text().count("\n") == 1)
        wait_until(lambda: {who_answers(server) for _ in range(10)} == {SECOND})
        comparison = server.client.get("/tasks/colour/comparison").json()
        assert comparison["champion"] == SECOND

    with serve(tmp_path, **two_workers) as server:
        assert {who_answers(server) for _ in range(5)} == {SECOND}
        label_beside(tmp_path / "beside", environment, SECOND, [False] * 100)
        wait_until(lambda: log.read_text().count("\n") == 2)
        wait_until(lambda: {who_answers(server) for _ in range(10)} == {FIRST})
        alarms = {
            each["model"]: each["alarm"]["raised"]
            for each in server.client.get("/tasks/colour/comparison").json()["models"]
        }
        assert alarms == {FIRST: False, SECOND: True}
        wait_until(lambda: ALARM_OF_SECOND in server.client.get("/metrics").text)
        os.kill(server.process.pid, signal.SIGKILL)

    acts = read_acts(log)
    assert [(each["act"], each["after"]["model"]) for each in acts] == [
        ("promotion", SECOND),
        ("roll-back", FIRST),
    ]
    words = ("-m", "evaluation", "--verify", str(log))
    checked = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "2 acts" in checked.stdout


def test_the_metric_that_is_set_promotes(
    environment: dict[str, object], tmp_path: Path
) -> None:
    """Two models say the same, and the one that is surer of what is right is promoted by its Brier score."""
    models = tmp_path / "models"
    models.mkdir()
    write_tiny(models, tiny_card(family="first"), sign=0.2)
    write_tiny(models, tiny_card(family="second"))
    environment |= {"VEREDICTO_MODELS": models, "VEREDICTO_ACTS_BY": "brier"}
    with serve(tmp_path, **environment) as server:
        label(server, FIRST, [True] * 400)
        wait_until(lambda: who_answers(server) == SECOND)

    log = tmp_path / "acts.jsonl"
    (act,) = read_acts(log)
    assert act["test"]["by"] == "brier"
    assert "is better by brier than" in act["because"]
    assert verify(log) == 0


def test_equal_models_change_nothing(
    environment: dict[str, object], tmp_path: Path
) -> None:
    """A challenger that is right as often as the champion stays one, and no line is written."""
    log = tmp_path / "acts.jsonl"
    with serve(tmp_path, **environment) as server:
        label(server, FIRST, [True, False] * 100)
        wait_until(lambda: count_tested(server) == 200)
        let_it_look(server)
        assert log.read_bytes() == b""
        assert who_answers(server) == FIRST


def test_without_a_log_nothing_is_done(
    environment: dict[str, object], tmp_path: Path
) -> None:
    """A challenger is shown to be better, and the champion stays where nobody has asked for acts."""
    environment = environment | {}
    del environment["VEREDICTO_ACTS"]
    with serve(tmp_path, **environment) as server:
        show_second_better(server)
        wait_until(lambda: count_tested(server) == 180)
        let_it_look(server)
        assert who_answers(server) == FIRST
        assert not (tmp_path / "acts.jsonl").exists()


def test_no_act_is_done_without_its_line(
    environment: dict[str, object], tmp_path: Path
) -> None:
    """The champion stays while the disk is full; once there is room its challenger is promoted, by one whole line."""
    with mount_small_disk(tmp_path / "disk") as disk:
        log = disk / "acts.jsonl"
        environment |= {"VEREDICTO_ACTS": log}
        with serve(tmp_path, **environment) as server:
            filler = fill_disk(disk)
            show_second_better(server)
            wait_until(lambda: "no act is made: " in server.log.read_text())
            assert log.read_bytes() == b""
            assert who_answers(server) == FIRST

            filler.unlink()
            wait_until(lambda: who_answers(server) == SECOND)
            assert len(read_acts(log)) == 1
            assert verify(log) == 0


def test_a_log_that_is_none_refuses_to_start(
    environment: dict[str, object], tmp_path: Path
) -> None:
    """A server names the line of the log that is no act, and ends before it has workers."""
    (tmp_path / "acts.jsonl").write_text("notes\n")
    variables = os.environ | {key: str(value) for key, value in environment.items()}
    started = subprocess.run(
        [sys.executable, "-m", "service", "--port", str(free_port())],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode != 0
    assert "VEREDICTO_ACTS: acts.jsonl: line 1 is no act" in started.stderr
