"""Real servers keep predictions, take feedback and compare models, through restarts, several workers and kill -9."""

from __future__ import annotations

import http.client
import json
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier, Event, Lock
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.support.image_files import encode
from tests.support.journal_counts import (
    count_again,
    count_groups_again,
    read_counts,
    read_groups,
)
from tests.support.responses import error_of
from tests.support.server import ROOT, Server, free_port, serve
from tests.support.tiny_models import (
    tiny_card,
    write_image_model,
    write_kind,
    write_tiny,
)
from tests.support.waiting import TRIES, WAIT_S, wait_for

ROW = [0.5, "green"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Writes two tiny classifiers of each of two tasks, and a regressor."""
    made = tmp_path_factory.mktemp("models")
    write_tiny(made, tiny_card(family="first"))
    write_tiny(made, tiny_card(family="second"), sign=-1.0)
    for family in ("first", "second"):
        write_image_model(made, family=family)

    write_kind(made, "regressor")

    return made


@pytest.fixture(scope="module")
def live(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Starts a server with a journal and shadows, shared by tests that each make predictions of their own."""
    home = tmp_path_factory.mktemp("live")
    with serve(home, **make_settings(folder, home)) as running:
        yield running


def make_settings(folder: Path, home: Path, **others: object) -> dict[str, object]:
    return {
        "VEREDICTO_MODELS": folder,
        "VEREDICTO_JOURNAL": home / "journal.db",
        "VEREDICTO_SHADOW": "colour:colour-first,hue:hue-second",
        **others,
    }


def predict(server: Server, *rows: object, model: str = "colour-first") -> str:
    """Asks for a prediction and returns its id."""
    answer = server.post("/predict", {"model": model, "inputs": list(rows)}).json()
    return str(answer["id"])


def test_classifiers_answers_carry_an_id(live: Server) -> None:
    """Answers of classifiers to both calls end with an id of 16 characters; a regressor's answer has none."""
    for path in ("/predict", "/predict_proba"):
        answer = live.post(path, {"model": "colour-first", "inputs": [ROW]}).json()
        assert list(answer)[-1] == "id"
        assert re.fullmatch(r"[A-Za-z0-9_-]{16}", answer["id"])
    assert (
        "id"
        not in live.post(
            "/predict", {"model": "tiny-regressor", "inputs": [[1, 2]]}
        ).json()
    )


def test_without_a_journal_there_are_no_ids(server: Server) -> None:
    """Feedback is refused with the setting that switches it on, and the comparison is empty."""
    assert list(
        server.post("/predict", {"model": "points-mlp", "inputs": [[1, 2]]}).json()
    ) == [
        "model",
        "version",
        "predictions",
    ]
    assert error_of(
        server.post("/feedback", {"id": "a" * 16, "label": "blue"}), 400
    ) == ("feedback is off: predictions are not kept (VEREDICTO_JOURNAL names no file)")
    found = server.client.get("/tasks/points/comparison").json()
    assert (found["window"]["rows"], found["pairs"], found["champion"]) == (0, [], None)


def test_groups_are_counted_once(folder: Path, tmp_path: Path) -> None:
    """A request, and rows of one name over requests and feedback, are one group each of the live test."""
    with serve(tmp_path, **make_settings(folder, tmp_path)) as server:
        ids = [predict(server, *[ROW] * 20)]
        requests = [
            ([ROW] * 2, ["a patient", "another"]),
            ([ROW], "a patient"),
            ([ROW] * 3, "another"),
        ]
        for rows, group in requests:
            request = {"model": "colour-first", "inputs": rows, "group": group}
            path = "/predict" if len(rows) > 1 else "/predict_proba"
            ids.append(server.post(path, request).json()["id"])

        single = predict(server, ROW)
        for prediction_id, n_rows in zip(ids, (20, 2, 1, 3), strict=True):
            for row in range(n_rows):
                told = {"id": f"{prediction_id}/{row}", "label": "yes"}
                assert server.post("/feedback", told).status_code == 200
        told = {"id": single, "label": "yes", "group": "a patient"}
        assert server.post("/feedback", told).status_code == 200

        found = wait_for(server, "colour", lambda each: each["tests"][0]["rows"] == 27)
        assert found["tests"][0]["groups"] == 3
        assert found["tests"][0]["verdict"] == "not shown yet"


def test_wrong_groups_are_refused(live: Server) -> None:
    """A list that has not one group for each row is refused, and so is one with a number or an empty name."""
    for group, words in (
        (["a"], "group: expected one name, or 2, one for each row of inputs, got 1"),
        (["a", 3], "group"),
        ("", "group"),
    ):
        request = {"model": "colour-first", "inputs": [ROW, ROW], "group": group}
        assert words in error_of(live.post("/predict", request), 400)


def test_feedback_is_accepted_once_and_again(live: Server) -> None:
    """A label that is repeated is accepted, and each row of a request has its own."""
    prediction_id = predict(live, ROW, [-1, "red"])
    for _ in range(2):
        response = live.post("/feedback", {"id": f"{prediction_id}/1", "label": "yes"})
        assert (response.status_code, response.json()) == (
            200,
            {"id": f"{prediction_id}/1", "accepted": True},
        )

    assert (
        live.post("/feedback", {"id": f"{prediction_id}/0", "label": "no"}).status_code
        == 200
    )


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "malformed JSON: the body is empty"),
        (b"[1]", 400, "expected object, got array"),
        (b'{"id": 3, "label": "no"}', 400, "id: expected str, got int"),
        (b'{"id": "x", "label": 1.5}', 400, "label: expected int | str, got number"),
        (b'{"id": "x", "label": null}', 400, "label: expected int | str, got null"),
        (b'{"id": "x"}', 400, "missing required field label"),
        (b'{"id": "x", "label": "no", "why": 1}', 400, "contains unknown field why"),
        (
            b'{"id": "x", "label": "no"}',
            404,
            "unknown id 'x': expected that of an answer",
        ),
        (
            b'{"id": "AAAAAAAAAAAAAAAA/-1", "label": "no"}',
            404,
            "unknown id 'AAAAAAAAAAAAAAAA/-1'",
        ),
        (
            b'{"id": "AAAAAAAAAAAAAAAA/01", "label": "no"}',
            404,
            "unknown id 'AAAAAAAAAAAAAAAA/01': expected that of an answer",
        ),
        (
            '{"id": "AAAAAAAAAAAAAAAA/\u0661", "label": "no"}'.encode(),
            404,
            "unknown id 'AAAAAAAAAAAAAAAA/\u0661': expected that of an answer",
        ),
        (
            b'{"id": "AAAAAAAAAAAAAAAA", "label": "no"}',
            404,
            "unknown id 'AAAAAAAAAAAAAAAA': no prediction of it is",
        ),
        (b'{"id": "' + b"A" * 9000 + b'", "label": "no"}', 404, "unknown id 'AAAA"),
        (b"\xff\xfe", 400, "malformed JSON"),
    ],
)
def test_garbage_is_refused_with_words(
    live: Server, body: bytes, status: int, message: str
) -> None:
    """Bodies that are no feedback are answered 400 or 404 with what was expected."""
    assert error_of(live.post_raw("/feedback", body), status).startswith(message)


def test_what_contradicts_is_refused(live: Server) -> None:
    """Another label, another class, an unknown row, and a row that is not named, are refused."""
    prediction_id = predict(live, ROW)
    several = predict(live, ROW, ROW)
    live.post("/feedback", {"id": prediction_id, "label": "yes"})
    messages = [
        error_of(live.post("/feedback", {"id": prediction_id, "label": "no"}), 400),
        error_of(live.post("/feedback", {"id": prediction_id, "label": "pink"}), 400),
        error_of(live.post("/feedback", {"id": several, "label": "no"}), 400),
        error_of(live.post("/feedback", {"id": f"{several}/2", "label": "no"}), 404),
    ]
    assert [message.partition(":")[2].strip()[:40] for message in messages] == [
        "the row of this id was labelled 'yes' be",
        "unknown class 'pink'; classes: no, yes",
        "the answer had 2 rows: name one of them,",
        "the rows of its answer are 0 to 1",
    ]


def test_methods_and_types_are_those_of_the_contract(live: Server) -> None:
    """Wrong methods are answered 405 with the allowed ones, wrong types 415, unknown paths and tasks 404."""
    for path, method, allowed in (
        ("/feedback", "GET", "POST"),
        ("/tasks/colour/comparison", "POST", "GET, HEAD"),
    ):
        response = live.client.request(method, path)
        assert (response.status_code, response.headers["allow"]) == (405, allowed)

    error_of(
        live.post_raw("/feedback", b"id=1", "application/x-www-form-urlencoded"), 415
    )
    error_of(live.client.get("/tasks/colour"), 404)
    assert error_of(live.client.get("/tasks/colors/comparison"), 404) == (
        "unknown task 'colors' (did you mean 'colour'?); known tasks: colour, hue"
    )
    error_of(live.client.get("/tasks/tiny/comparison"), 400)
    head = live.client.head("/tasks/colour/comparison")
    assert (head.status_code, head.content) == (200, b"")


def test_challengers_are_compared_with_the_champion(live: Server) -> None:
    """Two models of images that answer alike agree fully; this test alone asks about their task."""
    body = encode(Image.new("RGB", (5, 4), (0, 200, 0)))
    response = live.client.post(
        "/predict?model=hue-second", content=body, headers={"Content-Type": "image/png"}
    )
    assert (
        live.post(
            "/feedback", {"id": response.json()["id"], "label": "green"}
        ).status_code
        == 200
    )
    found = wait_for(
        live, "hue", lambda each: bool(each["tests"] and each["tests"][0]["rows"])
    )
    assert found["champion"] == "hue-second"
    assert found["pairs"] == [
        {
            "models": ["hue-first", "hue-second"],
            "rows": 1,
            "agreement": 1.0,
            "kappa": None,
            "reason": "undefined: both models give one and the same label throughout",
        }
    ]
    assert [each["accuracy"]["value"] for each in found["models"]] == [1.0, 1.0]


def test_metrics_count_what_was_kept(live: Server) -> None:
    """Prometheus shows predictions, feedback and shadowed rows, and that nothing was dropped."""
    prediction_id = predict(live, ROW, ROW, ROW)
    live.post("/feedback", {"id": f"{prediction_id}/0", "label": "no"})
    wait_for(live, "colour", lambda each: bool(each["pairs"]))
    text = live.client.get("/metrics").text

    for name in (
        "journal_predictions",
        "feedback_accepted",
        'shadow_rows_total{model="colour-second"',
    ):
        assert re.search(rf"^veredicto_{re.escape(name)}\S* [1-9]", text, re.M), name

    assert re.search(r"^veredicto_journal_dropped_total 0\.0$", text, re.M)


def test_the_sdk_gives_feedback(live: Server) -> None:
    """BentoML's client gives feedback like any other call."""
    import bentoml

    with bentoml.SyncHTTPClient(live.url) as client:
        answer = client.predict(model="colour-first", inputs=[ROW])
        assert client.feedback(id=answer["id"], label="yes") == {
            "id": answer["id"],
            "accepted": True,
        }


def test_servers_share_a_journal_and_leave_it_to_their_successors(
    folder: Path, tmp_path: Path
) -> None:
    """A server takes feedback for what another predicted, beside it or before it; the oldest predictions go first."""
    homes = [tmp_path / "one", tmp_path / "two"]
    for home in homes:
        home.mkdir()

    journal = {
        "VEREDICTO_JOURNAL": tmp_path / "journal.db",
        "VEREDICTO_JOURNAL_ROWS": 30,
    }
    with serve(homes[0], VEREDICTO_MODELS=folder, **journal) as server:
        earlier = [predict(server, ROW) for _ in range(20)]

    with (
        serve(homes[0], VEREDICTO_MODELS=folder, **journal) as one,
        serve(homes[1], VEREDICTO_MODELS=folder, **journal) as two,
    ):
        statuses = [
            one.post("/feedback", {"id": each, "label": "yes"}).status_code
            for each in earlier
        ]
        later = [predict(server, ROW) for _ in range(10) for server in (one, two)]
        statuses += [
            server.post("/feedback", {"id": each, "label": "no"}).status_code
            for each, server in zip(later, [two, one] * 10, strict=True)
        ]
        assert statuses == [200] * 40
        assert (
            one.post("/feedback", {"id": earlier[0], "label": "yes"}).status_code == 404
        )
        found = [
            wait_for(each, "colour", lambda found: found["window"]["labelled"] == 30)
            for each in (one, two)
        ]

    assert [each["window"]["rows"] for each in found] == [30, 30]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        (
            {"VEREDICTO_SHADOW": "colour:colour-first"},
            "VEREDICTO_SHADOW needs VEREDICTO_JOURNAL, a file to keep what",
        ),
        (
            {"VEREDICTO_JOURNAL": ROOT / "README.md"},
            "VEREDICTO_JOURNAL: README.md: it cannot be used: file is not a",
        ),
        (
            {
                "VEREDICTO_JOURNAL": "journal.db",
                "VEREDICTO_SHADOW": "colour:colour-pink",
            },
            "VEREDICTO_SHADOW: the champion 'colour-pink' of 'colour' is no classifier of it; its classifiers: colour-",
        ),
    ],
)
def test_what_makes_no_sense_does_not_start(
    folder: Path, tmp_path: Path, variables: dict[str, object], message: str
) -> None:
    """The process ends with status 1 and says what is wrong with the setting."""
    if variables.get("VEREDICTO_JOURNAL") == "journal.db":
        variables = variables | {"VEREDICTO_JOURNAL": tmp_path / "journal.db"}

    environment = {
        name: str(value)
        for name, value in ({"VEREDICTO_MODELS": folder} | variables).items()
    }
    command = [
        sys.executable,
        "-m",
        "bentoml",
        "serve",
        "service.app:Veredicto",
        "--port",
        str(free_port()),
    ]
    finished = subprocess.run(
        command, cwd=ROOT, env=environment | {"BENTOML_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert finished.returncode == 1
    assert f"veredicto does not start: {message}" in finished.stderr


@dataclass
class Tally:
    """Counts what clients of all threads have asked and been answered."""

    accepted: dict[str, str] = field(default_factory=dict)
    lost: int = 0
    broken: int = 0
    asked: int = 0
    lock: Lock = field(default_factory=Lock)


class Client:
    """Keeps a connection, and asks again where it breaks since a worker was killed."""

    def __init__(self, server: Server, tally: Tally) -> None:
        self._host = server.url.removeprefix("http://")
        self._tally = tally
        self._connection = http.client.HTTPConnection(self._host, timeout=30)

    def post(self, path: str, body: object) -> tuple[int, dict[str, object]]:
        for _ in range(TRIES):
            try:
                self._connection.request(
                    "POST", path, json.dumps(body), {"Content-Type": "application/json"}
                )
                answer = self._connection.getresponse()
                return answer.status, json.loads(answer.read())
            except (OSError, http.client.HTTPException):
                with self._tally.lock:
                    self._tally.broken += 1
                self._connection.close()
                self._connection = http.client.HTTPConnection(self._host, timeout=30)
                Event().wait(WAIT_S)
        raise AssertionError(f"no answer to {path} in {TRIES} tries")

    def take_part(self, n_predictions: int, seed: int) -> None:
        """Predicts rows and gives feedback for each."""
        generator = np.random.default_rng(seed)
        for _ in range(n_predictions // 5):
            rows = [[float(size), "green"] for size in generator.normal(size=5)]
            request: dict[str, object] = {"model": "colour-first", "inputs": rows}
            if generator.random() < 0.5:
                request["group"] = [
                    f"g{each}" for each in generator.integers(99, size=5)
                ]
            status, answer = self.post("/predict", request)
            assert status == 200, answer
            with self._tally.lock:
                self._tally.asked += 5

            for row in range(5):
                self._give_feedback(
                    f"{answer['id']}/{row}", str(generator.choice(["no", "yes"]))
                )

        self._connection.close()

    def _give_feedback(self, row_id: str, label: str) -> None:
        for _ in range(TRIES):
            status, answer = self.post("/feedback", {"id": row_id, "label": label})
            if status != 503:
                break
            Event().wait(WAIT_S)
        with self._tally.lock:
            if status == 200:
                self._tally.accepted[row_id] = label
            else:
                assert status == 404, (
                    answer
                )  # its prediction was not written when its worker was killed
                self._tally.lost += 1


def find_workers(server: Server) -> list[psutil.Process]:
    """Returns the worker processes that live."""
    workers = []
    for child in psutil.Process(server.process.pid).children(recursive=True):
        with suppress(psutil.Error):
            if any("worker" in part for part in child.cmdline()):
                workers.append(child)

    return workers


@contextmanager
def kill_workers(server: Server, tally: Tally, at: list[int]) -> Iterator[list[int]]:
    """Kills a worker, chosen by a seeded generator, whenever so many predictions have been made."""
    generator = np.random.default_rng(9)
    killed = list[int]()
    done = Event()

    def kill() -> None:
        for limit in at:
            while tally.asked < limit:
                if done.wait(0.005):
                    return

            while not (workers := find_workers(server)):
                if done.wait(0.005):
                    return

            victim = workers[int(generator.integers(len(workers)))]
            victim.send_signal(signal.SIGKILL)
            killed.append(victim.pid)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(kill)
        try:
            yield killed
        finally:
            done.set()
            future.result()


def read_labels(journal: Path) -> tuple[dict[str, str], Any, Any]:
    """Returns the true labels by the rows' ids and the counts, once it has checked that each is there once."""
    classes = ["no", "yes"]
    with closing(sqlite3.connect(journal)) as connection:
        stored = {
            f"{prediction_id}/{row}": classes[label]
            for prediction_id, row, label in connection.execute(
                "SELECT id, row, label FROM truths JOIN predictions USING (seq)"
            )
        }
        (n_true_labels,) = connection.execute("SELECT count(*) FROM truths").fetchone()
        outcomes, pairs = read_counts(connection)
        assert (outcomes, pairs) == count_again(connection)
        assert read_groups(connection) == count_groups_again(connection)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    assert n_true_labels == len(stored)

    return stored, outcomes, pairs


def choose_kills(n_kills: int, n_predictions: int) -> list[int]:
    """Returns the numbers of predictions, in order and spread at random, at which a worker is killed."""
    shares = np.random.default_rng(10).uniform(0.1, 0.95, n_kills)
    numbers: list[int] = np.sort(shares * n_predictions).astype(int).tolist()

    return numbers


def check_kill(
    folder: Path,
    home: Path,
    *,
    n_predictions: int,
    n_threads: int,
    n_workers: int,
    n_kills: int,
) -> None:
    """Checks that every accepted label is in the file once, and that the counts are those of the rows."""
    tally = Tally()
    at = choose_kills(n_kills, n_predictions)
    start = Barrier(n_threads)
    settings = make_settings(folder, home, VEREDICTO_WORKERS=n_workers)

    with serve(home, **settings) as server:

        def run(seed: int) -> None:
            start.wait()
            Client(server, tally).take_part(n_predictions // n_threads, seed)

        with (
            kill_workers(server, tally, at) as killed,
            ThreadPoolExecutor(n_threads) as pool,
        ):
            list(pool.map(run, range(n_threads)))

        with server.connect() as client:
            comparison = client.get("/tasks/colour/comparison").json()

    stored, outcomes, pairs = read_labels(home / "journal.db")
    report = f"killed {len(killed)}, asked {tally.asked}, accepted {len(tally.accepted)}, lost {tally.lost}"
    sys.stdout.write(
        f"{report}, broken {tally.broken}, shadowed and labelled {sum(pairs.values())}\n"
    )
    assert len(killed) == n_kills, report
    assert stored == tally.accepted, report
    assert sum(outcomes["colour-first"]) == len(stored)
    assert tally.lost < tally.asked / 10, report
    assert comparison["dropped"] == 0


def test_kill_9_loses_no_feedback_that_was_accepted(
    folder: Path, tmp_path: Path
) -> None:
    """2,000 predictions under two workers lose no accepted label though three workers are killed."""
    check_kill(
        folder, tmp_path, n_predictions=2000, n_threads=16, n_workers=2, n_kills=3
    )


@pytest.mark.soak
def test_kill_9_loses_no_feedback_of_100_000(folder: Path, tmp_path: Path) -> None:
    """100,000 predictions under four workers lose no accepted label though twelve workers are killed."""
    check_kill(
        folder, tmp_path, n_predictions=100_000, n_threads=32, n_workers=4, n_kills=12
    )
