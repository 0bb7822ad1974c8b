"""Models come, change and go under a running server, whose workers serve the same ones at every moment."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.access.tokens import make_token
from tests.conftest import write_models
from tests.support.clients import find_workers
from tests.support.connections import connect, read, write
from tests.support.server import Server, free_port, serve
from tests.support.tiny_models import (
    WEIGHTS,
    self_check,
    tiny_card,
    tiny_probabilities,
    write_tiny,
)
from tests.support.triton_grpc import triton
from tests.support.waiting import wait_for, wait_until

LIMIT_S = 120
ROW = [0.5, "green"]
FEATURES = np.array([[0.5, 1.0]])
N_RELOADS = int(os.environ.get("RELOADS", "8"))
"""So many times the model is loaded anew under load; `RELOADS=1000` is the long run."""
PAUSE_S = 0.0 if "RELOADS" in os.environ else 0.01
"""A caller that was answered waits so long, but in the long run; without, four of them take all processors."""


@dataclass
class Reloading:
    """A server that loads models by request and by itself, with its folder and the token that may load."""

    server: Server
    folder: Path
    token: str
    grpc_port: int
    signs: dict[str, float] = field(default_factory=dict)
    """Each version of `colour-first` that was written, with the sign of its weights."""

    def write(self, sign: float, family: str = "first") -> str:
        """Replaces a model as `mv` does, and returns its version."""
        hidden = self.folder.parent / "hidden"
        hidden.mkdir(exist_ok=True)
        path = write_tiny(hidden, tiny_card(family=family), sign=sign)
        version = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        if family == "first":
            self.signs[version] = sign
        path.rename(self.folder / path.name)

        return version

    def ask(self, action: str, name: str, body: object = None) -> Any:
        """Asks for a model to be loaded or unloaded."""
        return self.server.client.post(
            f"/v2/repository/models/{name}/{action}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
        )

    def list_versions(self) -> dict[str, str]:
        """Returns the versions by name that a worker serves."""
        listed = self.server.client.get("/models").json()["models"]
        return {each["name"]: each["version"] for each in listed}

    def list_refused(self) -> dict[str, str]:
        """Returns the reasons by file that a worker tells."""
        listed = self.server.client.get("/models").json().get("refused", [])
        return {each["file"]: each["reason"] for each in listed}


def start(folder: Path, **environment: object) -> Iterator[Reloading]:
    """Serves two tiny models from a folder that may change."""
    models = write_models(folder / "models")
    token, line = make_token("operator", frozenset({"admin"}))
    tokens = folder / "tokens.txt"
    tokens.write_text(f"{line}\n")
    port = free_port()
    with serve(
        folder,
        VEREDICTO_MODELS=models,
        VEREDICTO_TOKENS=tokens,
        VEREDICTO_PUBLIC="predict,observe",
        VEREDICTO_GRPC_PORT=port,
        **environment,
    ) as server:
        reloading = Reloading(server, models, token, port)
        first = reloading.list_versions()["colour-first"]
        reloading.signs[first] = 1.0
        yield reloading


@pytest.fixture(scope="module")
def by_request(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reloading]:
    """Two workers load models by request alone."""
    folder = tmp_path_factory.mktemp("by_request")
    yield from start(folder, VEREDICTO_RELOAD_S=0, VEREDICTO_WORKERS=2)


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reloading]:
    """One worker follows a folder that is looked at every second."""
    yield from start(tmp_path_factory.mktemp("watching"), VEREDICTO_RELOAD_S=1)


class Caller(threading.Thread):
    """A caller asks again and again on one connection, and checks each answer against the version that it names."""

    def __init__(self, reloading: Reloading, kind: str) -> None:
        super().__init__(daemon=True)
        self._reloading = reloading
        self._ask = getattr(self, f"_ask_{kind}")
        self._is_ending = threading.Event()
        host, port = reloading.server.url.removeprefix("http://").split(":")
        self._connection = HTTPConnection(host, int(port), timeout=LIMIT_S)
        self.problems: list[str] = []
        self.versions: set[str] = set()
        self.n_answers = 0

    def run(self) -> None:
        """Asks until it is told to end; a failed request is a problem."""
        while not self._is_ending.is_set() and len(self.problems) < 5:
            try:
                self._ask()
            except Exception as error:
                self.problems.append(repr(error))
            self.n_answers += 1
            time.sleep(PAUSE_S)

    def end(self) -> None:
        """Ends after the request that is on its way."""
        self._is_ending.set()
        self.join(LIMIT_S)
        self._connection.close()

    def _ask_probabilities(self) -> None:
        body = {"model": "colour-first", "inputs": [ROW] * 3}
        answer = self._post("/predict_proba", body)
        self._check(answer["version"], answer["probabilities"])

    def _ask_many_rows(self) -> None:
        body = {"model": "colour-first", "inputs": [ROW] * 3000}
        answer = self._post("/predict_proba", body)
        self._check(answer["version"], answer["probabilities"])

    def _ask_protocol(self) -> None:
        tensor = {"name": "features", "datatype": "FP32", "shape": [1, 2]}
        body = {"inputs": [tensor | {"data": FEATURES[0].tolist()}]}
        answer = self._post("/v2/models/colour-first/infer", body)
        outputs = {each["name"]: each["data"] for each in answer["outputs"]}
        self._check(answer["model_version"], [outputs["probabilities"]])

    def _ask_comparison(self) -> None:
        answer = self._post("/compare", {"task": "colour", "inputs": [ROW]})
        first = next(m for m in answer["models"] if m["model"] == "colour-first")
        self._check(first["version"], first["probabilities"])

    def _post(self, path: str, body: object) -> Any:
        content = json.dumps(body)
        self._connection.request(
            "POST", path, content, {"Content-Type": "application/json"}
        )
        response = self._connection.getresponse()
        read = response.read()
        if response.status != 200:
            raise AssertionError(f"{response.status} {read[:300]!r}")
        return json.loads(read)

    def _check(self, version: str, probabilities: list[list[float]]) -> None:
        """Notes an answer that is not what the version that it names would have given."""
        self.versions.add(version)
        expected = tiny_probabilities(FEATURES, sign=self._reloading.signs[version])
        if not np.allclose(probabilities, expected, atol=1e-5):
            self.problems.append(f"{version} does not answer {probabilities[:1]}")


@pytest.fixture
def call(by_request: Reloading) -> Iterator[Callable[[], list[Caller]]]:
    """Starts callers of each kind, and ends them."""
    kinds = "probabilities", "many_rows", "protocol", "comparison"
    callers: list[Caller] = []

    def begin() -> list[Caller]:
        callers.extend(Caller(by_request, kind) for kind in kinds)
        for each in callers:
            each.start()
        return callers

    yield begin
    for each in callers:
        each.end()


def test_under_load_each_answer_is_of_one_version_and_none_fails(
    by_request: Reloading, call: Callable[[], list[Caller]]
) -> None:
    """Each load is in all workers once it is answered, and no request fails or mixes two versions meanwhile."""
    callers = call()
    for turn in range(N_RELOADS):
        version = by_request.write(2.0 + turn % 50 / 10)
        loaded = by_request.ask("load", "colour-first")

        assert loaded.status_code == 200, loaded.text
        assert loaded.json() == {}
        seen = {Reloading.list_versions(by_request)["colour-first"] for _ in range(20)}
        assert seen == {version}

    for each in callers:
        each.end()
        assert each.problems == []
        assert each.n_answers > N_RELOADS
    assert len(set.union(*(each.versions for each in callers))) >= min(N_RELOADS, 5)


def test_what_cannot_be_loaded_leaves_what_is_served(by_request: Reloading) -> None:
    """A broken file is 400 with its reason, no file of a name 404; both workers serve the version before."""
    before = by_request.list_versions()
    whole = (by_request.folder / "colour-second.onnx").read_bytes()
    (by_request.folder / "colour-second.onnx").write_bytes(whole[:300])
    broken = by_request.ask("load", "colour-second")
    unknown = by_request.ask("load", "colour-third")

    assert broken.status_code == 400
    assert "no whole ONNX file" in broken.json()["error"]
    assert "goes on" in broken.json()["error"]
    assert unknown.status_code == 404
    assert "colour-third" in unknown.json()["error"]
    assert by_request.list_versions() == before
    assert "colour-second.onnx" in by_request.list_refused()
    assert by_request.server.client.get("/readyz").status_code == 200

    (by_request.folder / "colour-second.onnx").unlink()
    gone = by_request.ask("load", "colour-second")
    assert gone.status_code == 404
    assert "goes on" in gone.json()["error"]
    assert by_request.list_versions() == before

    (by_request.folder / "colour-second.onnx").write_bytes(whole)
    assert by_request.ask("load", "colour-second").status_code == 200
    assert by_request.list_refused() == {}


def test_a_worker_is_replaced_without_its_challengers(tmp_path: Path) -> None:
    """A worker that dies once its champion has no challenger left has a successor, and challengers may return."""
    settings = {
        "VEREDICTO_RELOAD_S": 0,
        "VEREDICTO_JOURNAL": tmp_path / "journal.db",
        "VEREDICTO_SHADOW": "colour:colour-first",
    }
    with contextmanager(start)(tmp_path, **settings) as reloading:
        (worker,) = find_workers(reloading.server)
        assert reloading.ask("unload", "colour-second").status_code == 200
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: find_workers(reloading.server) not in ([], [worker]))
        asked = {"model": "colour-first", "inputs": [ROW]}
        client = reloading.server.client
        wait_until(lambda: client.get("/readyz").status_code == 200)

        assert client.post("/predict", json=asked).status_code == 200
        assert "no challengers run in the shadow" in reloading.server.log.read_text()
        assert reloading.ask("load", "colour-second").status_code == 200
        assert client.post("/predict", json=asked).status_code == 200
        found = wait_for(reloading.server, "colour", lambda each: each["pairs"] != [])

    assert found["pairs"]


def test_a_name_is_unloaded_and_loaded_again(by_request: Reloading) -> None:
    """An unloaded model is 404 to every call, listed as unloaded, and back once it is loaded."""
    client = by_request.server.client
    assert by_request.ask("unload", "colour-second").status_code == 200

    asked = {"model": "colour-second", "inputs": [ROW]}
    assert client.post("/predict", json=asked).status_code == 404
    assert client.post("/v2/models/colour-second/infer", json={}).status_code == 404
    assert client.get("/models").json()["unloaded"] == ["colour-second"]
    index = client.post("/v2/repository/index").json()
    states = {each["name"]: (each["state"], each["reason"]) for each in index}
    assert states["colour-second"] == ("UNAVAILABLE", "unloaded")
    assert client.get("/readyz").status_code == 200
    assert by_request.ask("unload", "colour-second").status_code == 404

    assert by_request.ask("load", "colour-second").status_code == 200
    assert client.post("/predict", json=asked).status_code == 200
    assert "unloaded" not in client.get("/models").json()


def test_only_who_has_the_right_loads(by_request: Reloading) -> None:
    """A load without the token is 401; parameters, which cannot be set, are 400."""
    path = "/v2/repository/models/colour-first/load"
    assert by_request.server.client.post(path).status_code == 401

    overridden = by_request.ask(
        "load", "colour-first", {"parameters": {"config": "{}"}}
    )
    assert overridden.status_code == 400
    assert "config" in overridden.json()["error"]


def test_a_client_of_triton_loads_and_unloads_over_grpc(by_request: Reloading) -> None:
    """The official client's calls do the same, with the same refusals."""
    headers = {"authorization": f"Bearer {by_request.token}"}
    with triton.InferenceServerClient(f"127.0.0.1:{by_request.grpc_port}") as client:
        client.unload_model("colour-second", headers=headers)
        assert not client.is_model_ready("colour-second")
        client.load_model("colour-second", headers=headers)
        assert client.is_model_ready("colour-second")
        with pytest.raises(Exception, match="colour-third"):
            client.load_model("colour-third", headers=headers)
        with pytest.raises(Exception, match="token"):
            client.load_model("colour-second")


def test_a_worker_that_is_killed_comes_back_with_what_the_others_serve(
    by_request: Reloading,
) -> None:
    """A changed folder that was not loaded is nothing to a worker that starts: both answer with one version."""
    served = by_request.list_versions()
    by_request.write(9.5)
    os.kill(min(find_workers(by_request.server)), signal.SIGKILL)

    def has_new_worker() -> bool:
        ready = by_request.server.log.read_text().count("ready after")
        return ready > n_ready

    n_ready = by_request.server.log.read_text().count("ready after")
    wait_until(has_new_worker, LIMIT_S)
    for _ in range(40):
        # Each asks on a connection of its own, so that both workers are met.
        with HTTPConnectionOnce(by_request.server.url) as connection:
            assert connection.list_versions() == served

    assert by_request.ask("load", "colour-first").status_code == 200
    assert by_request.signs[by_request.list_versions()["colour-first"]] == 9.5


class HTTPConnectionOnce:
    """A connection of its own for one question."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self._connection = HTTPConnection(host, int(port), timeout=LIMIT_S)

    def __enter__(self) -> HTTPConnectionOnce:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def list_versions(self) -> dict[str, str]:
        """Returns the versions by name."""
        self._connection.request("GET", "/models")
        listed = json.loads(self._connection.getresponse().read())["models"]
        return {each["name"]: each["version"] for each in listed}


def test_a_request_that_was_known_goes_to_the_new_version(
    watching: Reloading,
) -> None:
    """A request whose bytes were asked often enough to be known is answered by the model of today."""
    tensor = {"name": "features", "datatype": "FP32", "shape": [1, 2]}
    body = {"inputs": [tensor | {"data": FEATURES[0].tolist()}]}
    request = write("/v2/models/colour-first/infer", body)
    with connect(watching.server) as opened:

        def ask() -> str:
            opened.sendall(request)
            return str(read(opened)[0][1]["model_version"])

        before = [ask() for _ in range(4)]
        version = watching.write(3.5)
        wait_until(lambda: watching.list_versions()["colour-first"] == version, LIMIT_S)
        after = [ask() for _ in range(4)]

    assert version not in before
    assert after == [version] * 4


def test_a_changed_folder_is_followed(watching: Reloading) -> None:
    """A file that is replaced, added or removed is so in the service soon after, and the docs tell it."""
    version = watching.write(3.0)
    watching.write(4.0, "third")
    wait_until(lambda: "colour-third" in watching.list_versions(), LIMIT_S)
    wait_until(lambda: watching.list_versions()["colour-first"] == version, LIMIT_S)

    compared = watching.server.post("/compare", {"task": "colour", "inputs": [ROW]})
    assert len(compared.json()["models"]) == 3
    assert "colour-third" in watching.server.client.get("/docs.json").text

    (watching.folder / "colour-third.onnx").unlink()
    wait_until(lambda: "colour-third" not in watching.list_versions(), LIMIT_S)
    assert watching.server.client.get("/v2/models/colour-third").status_code == 404


def test_a_link_that_leads_to_another_folder_is_followed(tmp_path: Path) -> None:
    """The models of the folder that a link comes to name are served soon after, as git-sync publishes a revision."""
    first, second = (write_models(tmp_path / name) for name in ("first", "second"))
    path = write_tiny(second, tiny_card(family="first"), sign=-1.0)
    version = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    link = tmp_path / "current"
    link.symlink_to(first)
    with serve(tmp_path, VEREDICTO_MODELS=link, VEREDICTO_RELOAD_S=1) as server:

        def find_version() -> str:
            return str(server.client.get("/models/colour-first").json()["version"])

        assert find_version() != version
        other = tmp_path / "other"
        other.symlink_to(second)
        other.rename(link)

        wait_until(lambda: find_version() == version, LIMIT_S)


def test_files_of_a_task_with_other_classes_may_come_one_by_one(tmp_path: Path) -> None:
    """The models before go on until all of the new ones fit together, as a training writes them one after the other."""
    classes = ("no", "yes", "maybe")
    models = write_models(tmp_path / "models")
    row = (0.5, 1.0)
    with serve(tmp_path, VEREDICTO_MODELS=models, VEREDICTO_RELOAD_S=1) as server:

        def look() -> dict[str, Any]:
            return dict(server.client.get("/models").json())

        def list_classes() -> list[list[str]]:
            names = [each["name"] for each in look()["models"]]
            return [
                server.client.get(f"/models/{name}").json()["classes"] for name in names
            ]

        for family, sign in {"first": 1.0, "second": -1.0}.items():
            weights = np.resize(np.float32(sign) * WEIGHTS, (2, 3))
            powers = np.exp(np.array(row, np.float32) @ weights)
            check = self_check(
                row=row, probabilities=tuple((powers / powers.sum()).tolist())
            )
            card = tiny_card(family=family, classes=classes, self_check=check)
            write_tiny(models, card, sign=sign, n_classes=3)
            if family == "first":
                wait_until(lambda: "refused" in look(), LIMIT_S)
                assert list_classes() == [["no", "yes"]] * 2

        wait_until(lambda: "refused" not in look(), LIMIT_S)
        assert list_classes() == [list(classes)] * 2


def test_a_half_written_file_is_told_and_the_old_one_goes_on(
    watching: Reloading,
) -> None:
    """A file of which only a part has been copied is refused by name, without making the server unready."""
    before = watching.list_versions()
    whole = (watching.folder / "colour-second.onnx").read_bytes()
    (watching.folder / "colour-second.onnx").write_bytes(whole[:400])
    wait_until(lambda: "colour-second.onnx" in watching.list_refused(), LIMIT_S)

    assert watching.list_versions() == before
    assert watching.server.client.get("/readyz").status_code == 200
    metrics = watching.server.client.get("/metrics").text
    assert 'veredicto_reloads_total{outcome="refused"}' in metrics
    assert "refused colour-second.onnx" in watching.server.log.read_text()

    (watching.folder / "colour-second.onnx").write_bytes(whole)
    wait_until(lambda: watching.list_refused() == {}, LIMIT_S)


def test_a_folder_that_loses_everything_takes_nothing_away(watching: Reloading) -> None:
    """A disk that is not there any more leaves what is served, and is told."""
    before = watching.list_versions()
    hidden = watching.folder.with_name("elsewhere")
    watching.folder.rename(hidden)
    wait_until(lambda: "." in watching.list_refused(), LIMIT_S)

    assert watching.list_versions() == before
    assert watching.server.client.get("/readyz").status_code == 200

    hidden.rename(watching.folder)
    wait_until(lambda: watching.list_refused() == {}, LIMIT_S)


def test_without_the_setting_nothing_is_loaded(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """A server without VEREDICTO_RELOAD_S answers 403, whatever its folder has become."""
    token, line = make_token("operator", frozenset({"admin"}))
    tokens = models.parent / "tokens.txt"
    tokens.write_text(f"{line}\n")
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_TOKENS=tokens) as server:
        answer = server.client.post(
            "/v2/repository/models/colour-first/load",
            headers={"Authorization": f"Bearer {token}"},
        )

    assert answer.status_code == 403
    assert "VEREDICTO_RELOAD_S" in answer.json()["error"]


def test_a_reload_while_the_server_stops_is_refused_at_once(tmp_path: Path) -> None:
    """A client of a server that drains is told to ask another, and its grace is not spent on that."""
    starting = contextmanager(start)
    settings = {"VEREDICTO_RELOAD_S": 0, "VEREDICTO_DRAIN_S": 5}
    with starting(tmp_path, **settings) as reloading:
        server = reloading.server
        server.process.terminate()
        wait_until(lambda: server.client.get("/readyz").status_code == 503)
        answer = reloading.ask("unload", "colour-first")
        status = server.process.wait(LIMIT_S)

    assert answer.status_code == 503
    assert answer.json() == {"error": "the server is stopping: ask another one"}
    assert "retry-after" in answer.headers
    assert status == 0
    assert "did not end in time" not in server.log.read_text()
