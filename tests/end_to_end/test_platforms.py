"""Platforms that host one model start the server by their variables and ask it by their paths."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from PIL import Image

from service.calls.data_plane import DataPlane
from service.contract.limits import Limits
from service.execution.pipeline import Cost
from service.http.platforms import PlatformRoutes
from service.models.registry import Registry
from service.settings import Settings
from tests.support.called_commands import call_command
from tests.support.graphs import write_simple
from tests.support.server import ROOT, STOP_LIMIT_S, PatientTransport, free_port, serve
from tests.support.tiny_models import (
    tiny_card,
    write_image_model,
    write_kind,
    write_tiny,
)
from tests.support.triton_grpc import triton as triton_grpc

ROW = [1.0, "green"]
CODES = [1.0, 1.0]
"""A row of the tiny classifier, and the same as its graph takes it."""


@contextmanager
def start(
    folder: Path, *words: str, **variables: str
) -> Iterator[tuple[httpx.Client, int]]:
    """Starts `veredicto serve` with these words and variables alone, and yields a client of the port that it found."""
    port = next(
        int(text) for name, text in variables.items() if name.endswith("PORT") and text
    )
    inherited = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("VEREDICTO_", "AIP_", "SAGEMAKER_"))
        and name not in ("PORT", "HOST")
    }
    log = folder / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "serve", *words],
            cwd=ROOT,
            env=inherited | {"BENTOML_HOME": str(folder / "bentoml")} | variables,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    transport = PatientTransport()
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=60, transport=transport) as client:
            assert client.get("/livez").status_code == 200, log.read_text()
            yield client, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=STOP_LIMIT_S)


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """The folder has one classifier with a card, under the file name that platforms mount."""
    folder = tmp_path / "mnt"
    folder.mkdir()
    write_tiny(folder, tiny_card(family="first")).rename(folder / "model.onnx")
    return folder


def predict(client: httpx.Client, path: str, **request: Any) -> Any:
    response = client.post(path, json=request)
    assert response.status_code == 200, response.text
    return response.json()


def test_cloud_run_and_azure_say_the_port(mounted: Path, tmp_path: Path) -> None:
    """The server listens on the port of the variable PORT."""
    given = {"PORT": str(free_port()), "VEREDICTO_MODELS": str(mounted)}
    with start(tmp_path, "--model-name", "flowers", **given) as (client, _):
        assert client.get("/readyz").json() == {"ready": True, "models": 1}


@pytest.mark.parametrize(
    "variable", ["PORT", "AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT"]
)
def test_each_platform_says_the_port_its_way(
    mounted: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
) -> None:
    """The port of Cloud Run and Azure, of Vertex AI, or of SageMaker is taken, which alone keeps from a start."""
    with socket.create_server(("0.0.0.0", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv(variable, str(port))
        monkeypatch.setenv("VEREDICTO_MODELS", str(mounted))
        assert call_command("cli", "serve", "--model-name", "flowers") == 1

    assert re.search(rf"port {port} of \S+ is taken", capsys.readouterr().err)


def test_vertex_ai_names_its_paths(mounted: Path, tmp_path: Path) -> None:
    """Vertex AI's variables name port, health and prediction; the prediction may even take the path of `/predict`."""
    variables = {
        "AIP_HTTP_PORT": str(free_port()),
        "AIP_HEALTH_ROUTE": "/v1/endpoints/7/deployedModels/8",
        "AIP_PREDICT_ROUTE": "/predict",
        "VEREDICTO_MODELS": str(mounted),
        "VEREDICTO_MODEL_NAME": "flowers",
    }
    with start(tmp_path, **variables) as (client, _):
        assert client.get(variables["AIP_HEALTH_ROUTE"]).json()["ready"] is True
        answer = predict(client, "/predict", instances=[ROW, ROW])
        rows = predict(
            client, "/predict", instances=[ROW], parameters={"call": "predict_proba"}
        )

    assert answer.keys() == {"predictions"}
    assert len(answer["predictions"]) == 2
    assert sum(rows["predictions"][0]) == pytest.approx(1)


def test_sagemaker_pings_and_invokes(tmp_path: Path, models: Path) -> None:
    """SageMaker's two paths answer; of several models the request names one, or is told how."""
    with serve(tmp_path, VEREDICTO_MODELS=models) as server:
        assert server.client.get("/ping").status_code == 200
        posted = server.post("/ping", {})
        assert (
            posted.json()["error"] == "POST is not taken by /ping; allowed: GET, HEAD"
        )
        refused = server.post("/invocations", {"instances": [ROW]})
        named = {"instances": [ROW], "parameters": {"model": "colour-first"}}
        answer = server.post("/invocations", named).json()
        named["parameters"]["call"] = None
        assert server.post("/invocations", named).json() == answer
        expected = {"model": "colour-first", "inputs": [ROW]}
        predictions = server.post("/predict", expected).json()["predictions"]

    assert refused.status_code == 400
    assert refused.json()["error"] == (
        "expected the name of a model, got none, and there are 2: send it in parameters.model, "
        "or set VEREDICTO_MODEL_NAME"
    )
    assert answer == {"predictions": predictions}


def test_ping_says_when_the_folder_is_bad(tmp_path: Path, models: Path) -> None:
    """`/ping` is 503 with the reason where `/readyz` is."""
    (models / "broken.onnx").write_bytes(b"none")
    with serve(tmp_path, VEREDICTO_MODELS=models) as server:
        ping, ready = server.client.get("/ping"), server.client.get("/readyz")

    assert ping.status_code == 503
    assert ping.json() == ready.json()


def test_kinds_answer_in_their_own_way(tmp_path: Path) -> None:
    """Numbers, cluster numbers and codes are predictions too; a generator has none, and says what it has."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    for kind in ("regressor", "clusterer", "transformer", "generator"):
        write_kind(folder, kind)

    with serve(tmp_path, VEREDICTO_MODELS=folder) as server:

        def ask(name: str) -> httpx.Response:
            return server.post(f"/v1/models/{name}:predict", {"instances": [[1, 2.5]]})

        assert ask("tiny-regressor").json() == {"predictions": [3.5]}
        assert ask("tiny-clusterer").json() == {"predictions": [1]}
        transformed = {"model": "tiny-transformer", "inputs": [[1, 2.5]]}
        codes = server.post("/transform", transformed).json()["outputs"]
        assert ask("tiny-transformer").json() == {"predictions": codes}
        refused = ask("tiny-generator")

    assert refused.status_code == 400
    assert "only to /generate" in refused.json()["error"]


def test_an_image_is_an_instance(tmp_path: Path) -> None:
    """An instance of a model of images is a file in base64, which is decoded in a thread, as for `/predict`."""
    folder = tmp_path / "images"
    folder.mkdir()
    path = write_image_model(folder)
    row = {"b64": base64.b64encode(make_image()).decode()}
    with serve(tmp_path, VEREDICTO_MODELS=folder) as server:
        asked = server.post("/predict", {"model": path.stem, "inputs": [row]}).json()
        answer = server.post("/invocations", {"instances": [row]})
        broken = server.post("/invocations", {"instances": [{"b64": "no image"}]})

    assert answer.json() == {"predictions": asked["predictions"]}
    assert broken.status_code == 400
    assert broken.json()["error"].startswith("instances[0]")


def make_image() -> bytes:
    file = BytesIO()
    Image.new("RGB", (16, 16), "red").save(file, "PNG")
    return file.getvalue()


def test_rows_of_images_take_a_thread(models: Path) -> None:
    """A call that takes no image file but rows of them is slow by what its rows are."""
    settings = Settings(models=models)
    plane = DataPlane(Registry.load(models), settings)
    route = PlatformRoutes(plane, Limits(settings)).invocations
    head = route.read_head([])

    image = route.decode(b'{"instances": [{"b64": "AAAA"}]}', head)
    row = route.decode(b'{"instances": [[1, "green"]]}', head)

    assert route.find_cost(image) is Cost.COSTLY
    assert route.find_cost(row) is Cost.SMALL


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"instances": [[1]]}, "instances[0]: expected 2 values"),
        ({"instances": []}, "instances: expected at least one row"),
        ({"inputs": [ROW]}, "unknown field inputs"),
        ({"instances": [ROW], "parameters": {"top": "1"}}, "unknown parameter 'top'"),
        ({"instances": [ROW], "signature_name": "tune"}, "expected one of the calls"),
    ],
)
def test_a_wrong_request_is_told_in_its_own_words(
    platform: httpx.Client, body: dict[str, Any], text: str
) -> None:
    """An error is a 400 that speaks of instances, which is what was sent."""
    for path in ("/invocations", "/v1/models/flowers:predict"):
        response = platform.post(path, json=body)
        assert response.status_code == 400
        assert text in response.json()["error"]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The server is started as a runtime of KServe starts it, with one model mounted and named `flowers`."""
    folder = tmp_path_factory.mktemp("mnt")
    write_tiny(folder, tiny_card(family="first")).rename(folder / "model.onnx")
    variables = {
        "PORT": str(free_port()),
        "VEREDICTO_GRPC_PORT": str(free_port()),
        "VEREDICTO_MODELS": str(folder),
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "VEREDICTO_DRAIN_S": "0",
    }
    home = tmp_path_factory.mktemp("home")
    with start(home, "--model-name=flowers", **variables) as (client, _):
        client.headers["grpc-port"] = variables["VEREDICTO_GRPC_PORT"]
        yield client


def test_a_model_of_version_one_has_a_state(platform: httpx.Client) -> None:
    """Clients of KServe and of TensorFlow Serving find what each of them reads of a model's state."""
    state = platform.get("/v1/models/flowers").json()
    assert state["name"] == "flowers"
    assert state["ready"] is True
    assert state["model_version_status"][0]["state"] == "AVAILABLE"
    assert platform.get("/v1/models").json() == {"models": ["colour-first", "flowers"]}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/models/roses", 404),
        ("POST", "/v1/models/roses:predict", 404),
        ("GET", "/v1/models/flowers:predict", 405),
        ("POST", "/v1/models/flowers", 405),
        ("POST", "/v1/models/flowers:explain", 404),
        ("GET", "/v1/models/flowers/versions/1", 404),
    ],
)
def test_what_version_one_has_not_is_an_error_in_json(
    platform: httpx.Client, method: str, path: str, status: int
) -> None:
    """Unknown models and paths are 404, and wrong methods 405."""
    response = platform.request(method, path, json={"instances": [ROW]})
    assert response.status_code == status
    assert response.json().keys() == {"error"}


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"parameters": {"model": "flowers"}}, 200, None),
        ({"parameters": {"model": None}}, 200, None),
        (
            {"parameters": {"model": "roses"}},
            400,
            "parameters.model: expected 'flowers', which the path names, or none, got 'roses'",
        ),
        (
            {"parameters": {"call": "predict_proba"}, "signature_name": "predict"},
            400,
            "expected one call, got 'predict_proba' in parameters.call and 'predict' in signature_name",
        ),
        (
            {
                "parameters": {"call": "predict_proba"},
                "signature_name": "serving_default",
            },
            200,
            None,
        ),
    ],
)
def test_what_a_request_says_twice_it_says_alike(
    platform: httpx.Client, body: dict[str, Any], status: int, error: str | None
) -> None:
    """No model and no call is taken for another one that the same request names elsewhere."""
    asked = {"instances": [ROW], **body}
    response = platform.post("/v1/models/flowers:predict", json=asked)

    assert response.status_code == status
    assert response.json().get("error") == error


def test_kserves_client_predicts_by_both_versions(platform: httpx.Client) -> None:
    """KServe's own client finds server and model ready, and both versions of its protocol give the same answer."""

    async def ask() -> tuple[Any, Any]:
        url = str(platform.base_url)
        v1, v2 = (
            InferenceRESTClient(RESTConfig(protocol=version))
            for version in ("v1", "v2")
        )
        assert await v2.is_server_ready(url)
        assert await v2.is_model_ready(url, "flowers")
        assert await v1.is_model_ready(url, "flowers")

        tensor = InferInput("features", [1, 2], "FP32")
        tensor.set_data_from_numpy(np.array([CODES], np.float32))
        request = InferRequest("flowers", [tensor])
        old = await v1.infer(url, {"instances": [ROW]}, "flowers")
        new = await v2.infer(url, request, "flowers")
        await v1.close()
        await v2.close()
        return old, new

    old, new = asyncio.run(ask())
    classes = platform.get("/models/flowers").json()["classes"]
    label = next(each for each in new.outputs if each.name == "label")

    assert new.model_name == "flowers"
    assert old == {"predictions": [classes[label.data[0]]]}


def test_tritons_clients_predict_by_the_alias(platform: httpx.Client) -> None:
    """Triton's clients over HTTP and gRPC find the model by its alias, and the answer bears it."""
    assert platform.base_url.port is not None
    addresses = {
        tritonclient.http: f"127.0.0.1:{platform.base_url.port}",
        triton_grpc: f"127.0.0.1:{platform.headers['grpc-port']}",
    }
    for module, address in addresses.items():
        client = module.InferenceServerClient(address)
        tensor = module.InferInput("features", [1, 2], "FP32")
        tensor.set_data_from_numpy(np.array([CODES], np.float32))
        assert client.is_model_ready("flowers")
        answer = client.infer("flowers", [tensor]).get_response()
        client.close()
        name = answer["model_name"] if isinstance(answer, dict) else answer.model_name
        assert name == "flowers"


def test_requests_by_an_alias_are_counted_under_it(platform: httpx.Client) -> None:
    """A model's statistics are those of the name that was asked."""
    tensor = {"name": "features", "shape": [1, 2], "datatype": "FP32", "data": CODES}
    before = platform.get("/v2/models/colour-first/stats").json()
    platform.post("/v2/models/flowers/infer", json={"inputs": [tensor]})
    stats = platform.get("/v2/models/flowers/stats").json()["model_stats"][0]

    assert stats["name"] == "flowers"
    assert stats["inference_count"] >= 1
    assert platform.get("/v2/models/colour-first/stats").json() == before


def test_a_graph_without_a_card_is_served_by_version_two(tmp_path: Path) -> None:
    """A mounted file without a card is served under the alias; version one says where to send tensors."""
    folder = tmp_path / "mnt"
    folder.mkdir()
    write_simple(folder).rename(folder / "model.onnx")
    variables = {"VEREDICTO_MODELS": folder, "VEREDICTO_MODEL_NAME": "flowers"}
    with serve(tmp_path, **variables) as server:
        described = server.client.get("/v2/models/flowers").json()
        inputs = [
            {
                "name": each["name"],
                "datatype": each["datatype"],
                "shape": [abs(length) for length in each["shape"]],
                "data": [0] * abs(int(np.prod(each["shape"]))),
            }
            for each in described["inputs"]
        ]
        answer = server.post("/v2/models/flowers/infer", {"inputs": inputs})
        refused = server.post("/v1/models/flowers:predict", {"instances": [[1]]})

    assert answer.status_code == 200, answer.text
    assert answer.json()["model_name"] == "flowers"
    assert refused.status_code == 400
    assert refused.json()["error"] == (
        "flowers has no card, which says what a row is: send tensors to /v2/models/flowers/infer"
    )


def test_a_path_that_is_none_does_not_start() -> None:
    """A route that is no path is refused in one line, by the name of the variable that has it."""
    finished = subprocess.run(
        [sys.executable, "-m", "service"],
        cwd=ROOT,
        env=os.environ | {"AIP_PREDICT_ROUTE": "predict?x"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 1
    assert finished.stderr == (
        "veredicto does not start: AIP_PREDICT_ROUTE: expected a path of plain characters that begins with / "
        "and has no ? or #, got 'predict?x'\n"
    )


def test_a_token_is_needed_where_there_are_tokens(tmp_path: Path, models: Path) -> None:
    """Predictions need the right to predict on every platform's path, and health needs none."""
    tokens = tmp_path / "tokens"
    made = subprocess.run(
        [sys.executable, "-m", "service.access", "new", "ci", "predict"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(each for each in made.stdout.splitlines() if each.startswith("ci"))
    tokens.write_text(line + "\n")
    paths = {"VEREDICTO_HEALTH_ROUTE": "/health", "VEREDICTO_PREDICT_ROUTE": "/ask"}
    with serve(
        tmp_path, VEREDICTO_MODELS=models, VEREDICTO_TOKENS=tokens, **paths
    ) as server:
        body = json.dumps({"instances": [ROW]}).encode()
        asked = [
            server.post_raw(path, body).status_code
            for path in ("/ask", "/invocations", "/v1/models/colour-first:predict")
        ]
        probed = [server.client.get(path).status_code for path in ("/health", "/ping")]

    assert asked == [401, 401, 401]
    assert probed == [200, 200]
