"""Real servers whose journal is deleted, damaged, locked or of another version answer predictions all the same."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from threading import Event

import httpx
import psutil
import pytest

from service.processes.fork_server import FORK_SERVER_NAME
from tests.support.responses import error_of
from tests.support.server import Server, serve
from tests.support.tiny_models import tiny_card, write_tiny

ROW = [0.5, "green"]
TRIES = 600
WAIT_S = 0.05


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Writes one tiny classifier."""
    made = tmp_path_factory.mktemp("models")
    write_tiny(made, tiny_card(family="first"))

    return made


def predict(server: Server) -> str:
    """Asks for a prediction on a connection of its own, which any worker may take, and returns its id."""
    body = {"model": "colour-first", "inputs": [ROW]}
    with server.connect() as client:
        response = client.post("/predict", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["id"])


def give_feedback(server: Server) -> httpx.Response:
    """Predicts, and gives feedback on another connection."""
    body = {"id": predict(server), "label": "yes"}
    with server.connect() as client:
        return client.post("/feedback", json=body)


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(TRIES):
        if holds():
            return
        Event().wait(WAIT_S)
    raise AssertionError("it does not come true")


def find_workers(server: Server) -> list[psutil.Process]:
    workers = []
    for child in psutil.Process(server.process.pid).children(recursive=True):
        with suppress(psutil.Error):
            is_worker = any("worker" in part for part in child.cmdline())
            if is_worker and child.name() != FORK_SERVER_NAME:
                workers.append(child)

    return workers


def test_no_label_is_accepted_after_the_file_was_deleted(
    folder: Path, tmp_path: Path
) -> None:
    """Two workers, and one that is started in place of a killed one, refuse feedback and begin no new file."""
    path = tmp_path / "journal.db"
    settings = {"VEREDICTO_JOURNAL": path, "VEREDICTO_WORKERS": 2}

    with serve(tmp_path, VEREDICTO_MODELS=folder, **settings) as server:
        wait_until(lambda: len(find_workers(server)) == 2)
        assert [give_feedback(server).status_code for _ in range(20)] == [200] * 20
        for each in tmp_path.glob("journal.db*"):
            each.unlink()

        responses = [give_feedback(server) for _ in range(40)]
        assert {each.status_code for each in responses} == {503}
        assert {each.headers["retry-after"] for each in responses} == {"1"}
        message = error_of(responses[0], 503)
        assert message.startswith("feedback: the label is not stored: the journal's")
        assert message.endswith("is used again after a restart of the service")
        comparison = httpx.get(f"{server.url}/tasks/colour/comparison")
        assert "journal's file was deleted" in error_of(comparison, 503)

        wait_until(lambda: server.log.read_text().count("deleted or moved") == 2)
        check_metrics(server)
        killed = find_workers(server)[0]
        os.kill(killed.pid, signal.SIGKILL)
        wait_until(lambda: server.log.read_text().count("deleted or moved") == 3)
        assert [give_feedback(server).status_code for _ in range(10)] == [503] * 10

    assert list(tmp_path.glob("journal.db*")) == []
    with serve(tmp_path, VEREDICTO_MODELS=folder, **settings) as server:
        assert give_feedback(server).status_code == 200


def check_metrics(server: Server) -> None:
    """Checks that refused labels, failures and the state are shown, summed over the workers."""
    text = httpx.get(f"{server.url}/metrics").text
    for name, value in (
        ("veredicto_feedback_refused_total", "[1-9]"),
        (re.escape('veredicto_journal_failures_total{kind="lost"}'), "2.0"),
        ("veredicto_journal_usable", "0.0"),
        ("veredicto_feedback_accepted_total", "20.0"),
    ):
        assert re.search(rf"^{name} {value}", text, re.M), (name, text)


def make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE things (name TEXT)")
        connection.execute(f"PRAGMA application_id = {0x56455244}")
        connection.execute("PRAGMA user_version = 99")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b"\xa5" * 60_000), "file is not a database"),
        (lambda path: path.write_text("garbage\n"), "file is not a database"),
        (make_newer, "the journal's schema is 99, this version knows 1 to 6"),
    ],
    ids=["noise", "text", "newer schema"],
)
def test_a_file_that_cannot_be_used_stops_no_prediction(
    folder: Path, tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    """The server starts, predicts, refuses feedback with the reason, says it once, and leaves the file as it is."""
    path = tmp_path / "journal.db"
    spoil(path)
    before = path.read_bytes()

    with serve(
        tmp_path, VEREDICTO_MODELS=folder, VEREDICTO_JOURNAL=path, VEREDICTO_WORKERS=1
    ) as server:
        assert server.client.get("/readyz").status_code == 200
        assert words in error_of(give_feedback(server), 503)
        assert words in error_of(server.client.get("/tasks/colour/comparison"), 503)
        log = server.log.read_text()

    assert log.count("the journal cannot be written") == 1
    assert "Traceback" not in log
    assert path.read_bytes() == before


def test_a_lock_stops_no_worker_from_starting(folder: Path, tmp_path: Path) -> None:
    """A server starts while another process writes, refuses feedback, and takes it when that has ended."""
    path = tmp_path / "journal.db"
    settings = {"VEREDICTO_JOURNAL": path, "VEREDICTO_WORKERS": 1}
    path.touch()

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with serve(tmp_path, VEREDICTO_MODELS=folder, **settings) as server:
            assert "database is locked" in error_of(give_feedback(server), 503)
            other.execute("ROLLBACK")
            wait_until(lambda: give_feedback(server).status_code == 200)

    assert "the journal is written again" in server.log.read_text()
