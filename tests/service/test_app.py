"""The service runs as BentoML runs it: with its client, its readiness and its end."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import bentoml
import onnxruntime
import pytest
from sklearn.datasets import load_breast_cancer

from tests.support.model_folders import link_models
from tests.support.new_process import run_python
from tests.support.server import ROOT, Server, serve
from tests.support.tiny_models import self_check, tiny_card, write_tiny
from tests.support.waiting import wait_until

CANCER_ROWS = load_breast_cancer().data[:3].tolist()


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        ("predict", {"model": "breast_cancer-logistic", "inputs": CANCER_ROWS}),
        (
            "predict_proba",
            {"model": "breast_cancer-logistic", "inputs": CANCER_ROWS, "top": 1},
        ),
        ("predict", {"model": "tacos-linear", "inputs": [[10.0], [20.0]]}),
        ("transform", {"model": "digits-pca", "inputs": [[0.0] * 64]}),
    ],
    ids=["labels", "probabilities", "numbers", "codes"],
)
def test_bentomls_client_knows_the_calls(
    server: Server, call: str, fields: dict[str, object]
) -> None:
    """BentoML's client, which is given the address alone, has the calls and gets the routes' answers."""
    with bentoml.SyncHTTPClient(server.url) as client:
        answer = getattr(client, call)(**fields)

    assert answer == server.post(f"/{call}", fields).json()


def test_bentomls_client_compares_objects_with_labels(server: Server) -> None:
    """BentoML's client sends rows as objects, and labels, to `/compare`."""
    fields = {"task": "points", "inputs": [{"x": 1.0, "y": 2.0}], "labels": ["blue"]}

    with bentoml.SyncHTTPClient(server.url) as client:
        answer = client.compare(**fields)

    expected = server.post("/compare", fields).json()

    assert answer["consensus"] == expected["consensus"]


def test_bentomls_client_raises_our_errors(server: Server) -> None:
    """BentoML's client raises errors with the service's own words."""
    with (
        bentoml.SyncHTTPClient(server.url) as client,
        pytest.raises(
            bentoml.exceptions.NotFound,
            match=r"unknown model 'points-mpl' \(did you mean 'points-mlp'\?\); ",
        ),
    ):
        client.predict(model="points-mpl", inputs=[[1.0, 2.0]])


def test_the_methods_answer_as_the_routes_do(server: Server, tmp_path: Path) -> None:
    """The BentoML methods give the answers of the routes."""
    program = (
        "import json; from service.app import Veredicto; service = Veredicto()\n"
        "fields = {'model': 'points-mlp', 'inputs': [[1, 2]]}\n"
        "comparison = service.compare(task='points', inputs=[[1, 2]])\n"
        "print(json.dumps([service.predict(**fields), service.predict_proba(**fields), comparison['consensus']]))"
    )
    models = link_models(tmp_path, "points-*")
    printed = run_python(program, os.environ | {"VEREDICTO_MODELS": str(models)})
    fields = {"model": "points-mlp", "inputs": [[1, 2]]}

    assert json.loads(printed) == [
        server.post("/predict", fields).json(),
        server.post("/predict_proba", fields).json(),
        server.post("/compare", {"task": "points", "inputs": [[1, 2]]}).json()[
            "consensus"
        ],
    ]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has two good files, a truncated one and one whose card contradicts its graph."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny(folder, tiny_card(family="first"))
    good = write_tiny(folder, tiny_card(family="second"), sign=-1.0).read_bytes()
    (folder / "colour-truncated.onnx").write_bytes(good[: len(good) // 2])
    three = self_check(row=(0.5, 1.0), probabilities=(0.6, 0.2, 0.2))
    write_tiny(
        folder, tiny_card(family="third", classes=("a", "b", "c"), self_check=three)
    )

    with serve(tmp_path_factory.mktemp("home"), VEREDICTO_MODELS=folder) as running:
        yield running


def test_strictly_a_refused_file_means_not_ready(strict: Server) -> None:
    """`/readyz` gets 503 and says which files are refused and why, without where they lie."""
    response = strict.client.get("/readyz")

    text = response.json()["error"]
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert text.startswith(
        "not ready: refused colour-third.onnx: its card promises 'probabilities' of shape"
    )
    assert "colour-truncated.onnx: onnxruntime cannot load it: " in text
    assert "/models" not in text


def test_a_server_that_is_not_ready_is_alive(strict: Server) -> None:
    """`/livez` gets 200 where a file is refused."""
    assert strict.client.get("/livez").status_code == 200


def test_a_server_that_is_not_ready_answers_for_what_it_has(strict: Server) -> None:
    """A loaded model answers where another file is refused."""
    request = {"model": "colour-first", "inputs": [[1, "red"]]}

    assert strict.post("/predict", request).status_code == 200


def test_the_log_names_what_is_refused(strict: Server) -> None:
    """The server's log has a line for a refused file."""
    assert "refused colour-third.onnx: " in strict.log.read_text()


@pytest.fixture(scope="module")
def loose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server has VEREDICTO_STRICT=0, two good files, a corrupt one and one without a card."""
    folder = tmp_path_factory.mktemp("models")
    write_tiny(folder, tiny_card(family="first"))
    write_tiny(folder, tiny_card(family="second"), sign=-1.0)
    write_tiny(folder, None, stem="bare")
    (folder / "corrupt.onnx").write_bytes(random.Random(0).randbytes(500))

    with serve(
        tmp_path_factory.mktemp("home"), VEREDICTO_MODELS=folder, VEREDICTO_STRICT=0
    ) as running:
        yield running


def test_loosely_a_server_is_ready_without_the_refused_file(loose: Server) -> None:
    """A server with a refused file is ready with the others where VEREDICTO_STRICT=0."""
    assert loose.client.get("/readyz").json() == {"ready": True, "models": 3}


def test_loosely_the_refused_file_is_listed(loose: Server) -> None:
    """`/models` lists the models with a card, and the refused file beside them, where VEREDICTO_STRICT=0."""
    answer = loose.client.get("/models").json()

    names = [model["name"] for model in answer["models"]]
    assert names == ["colour-first", "colour-second"]
    assert [each["file"] for each in answer["refused"]] == ["corrupt.onnx"]


def test_the_log_names_what_has_no_card(loose: Server) -> None:
    """The server's log says what serves a file without a card."""
    expected = "bare has no card: only the Open Inference Protocol serves it"

    assert expected in loose.log.read_text()


def test_onnxruntime_may_be_installed_by_another_name(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is ready, and shows the version, where onnxruntime is installed as onnxruntime-gpu is."""
    (tmp_path / "sitecustomize.py").write_text(
        "from importlib.metadata import Distribution, PackageNotFoundError\n"
        "find = Distribution.from_name\n"
        "def from_name(name):\n"
        "    if name == 'onnxruntime':\n"
        "        raise PackageNotFoundError(name)\n"
        "    return find(name)\n"
        "Distribution.from_name = from_name\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with serve(tmp_path, VEREDICTO_MODELS=models) as server:
        assert server.client.get("/readyz").status_code == 200
        metrics = server.client.get("/metrics").text

    assert f'onnxruntime="{onnxruntime.__version__}"' in metrics


def test_an_empty_folder_is_not_ready(
    tmp_path: Path, start_server: Callable[..., object]
) -> None:
    """A server of an empty folder is alive and not ready, and says what is missing."""
    (tmp_path / "none").mkdir()
    with start_server(VEREDICTO_MODELS=tmp_path / "none") as server:
        response = server.client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["error"].startswith("not ready: no model to serve: ")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        (
            "VEREDICTO_STRICT",
            "perhaps",
            "VEREDICTO_STRICT: expected 0 or 1, got 'perhaps'",
        ),
        ("VEREDICTO_PORT", "80", "unknown setting VEREDICTO_PORT; known settings: "),
    ],
)
def test_a_bad_setting_refuses_to_start(
    tmp_path: Path, name: str, value: str, message: str
) -> None:
    """A bad setting ends the start at once with a message, before anything listens."""
    finished = subprocess.run(
        [sys.executable, "-m", "bentoml", "serve", "service.app:Veredicto"],
        cwd=ROOT,
        env=os.environ | {name: value, "BENTOML_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert finished.returncode != 0
    assert finished.stderr.startswith(f"veredicto does not start: {message}")


def test_a_request_in_flight_is_answered_before_it_stops(
    models: Path, start_server: Callable[..., object]
) -> None:
    """A request whose body is still to come when SIGTERM arrives is answered before the process ends."""
    body = json.dumps({"model": "colour-first", "inputs": [[1, "red"]]}).encode()
    with start_server(VEREDICTO_MODELS=models) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(
                b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
                % len(body)
            )
            slow.sendall(b"Expect: 100-continue\r\n\r\n")

            assert slow.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"

            server.process.send_signal(signal.SIGTERM)
            slow.sendall(body)
            answer = slow.makefile("rb").read()

        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b'"predictions":["no"]}')
        assert server.process.wait(timeout=30) == 0


def test_two_workers_serve_and_count_together(
    models: Path, start_server: Callable[..., object]
) -> None:
    """Metrics are the sums over the workers, a second late at most for those that are not scraped."""
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_WORKERS=2) as server:
        for _ in range(30):  # a new connection each, which either worker may take
            with server.connect() as client:
                row = {"model": "colour-first", "inputs": [[1, "red"]]}
                assert client.post("/predict", json=row).status_code == 200

        expected = 'veredicto_requests_total{route="/predict",status="200"} 30.0'
        wait_until(lambda: expected in server.client.get("/metrics").text)
