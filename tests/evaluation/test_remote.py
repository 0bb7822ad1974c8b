"""Rows that models of a server were learnt from are left out, as those of files are, or nobody is said to know."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import numpy as np
import pytest

from evaluation.__main__ import main
from evaluation.classifiers import LocalClassifiers
from evaluation.remote import RemoteClassifiers, read_learnt
from service.errors import EvaluationError
from tests.support.coloured_rows import write_rows
from tests.support.model_folders import link_models
from tests.support.server import Server, serve
from training.data import datasets

UNKNOWN = (
    " Which rows any of these models learnt from is not known here, so that learnt rows are not told from others: "
    "where there are any, the figures are too good."
)


FAMILIES = ("decision_tree", "logistic", "mlp")
"""A report draws pictures of each classifier, so that a few of the shipped ones are judged."""


@pytest.fixture(scope="module")
def few_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder has a few of the shipped classifiers of wine."""
    names = [f"wine-{family}" for family in FAMILIES]
    return link_models(tmp_path_factory.mktemp("few"), *names)


@pytest.fixture(scope="module")
def few_server(
    few_models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The server of a few classifiers of wine is started once for all tests of this file."""
    folder = tmp_path_factory.mktemp("served")
    with serve(folder, VEREDICTO_MODELS=few_models) as running:
        yield running


def write_whole(path: Path, task: str) -> Path:
    """Writes all rows of a data set, with their classes in the column `truth`."""
    dataset = datasets.load(task)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*dataset.feature_names, "truth"])
        for row, target in zip(dataset.features.tolist(), dataset.target, strict=True):
            writer.writerow([*row, dataset.classes[target]])

    return path


def report(data: Path, task: str, *further: str) -> dict[str, Any]:
    """Returns the evidence of a report that was made."""
    output = data.with_name("report.html")
    words = ["--task", task, "--data", str(data), "--output", str(output), *further]
    assert main(words) == 0
    found: dict[str, Any] = json.loads(output.with_suffix(".json").read_bytes())
    return found


@contextmanager
def serve_without(ending: str, url: str) -> Iterator[str]:
    """Serves what another server does but for paths with this ending, as a server of an earlier version does."""
    client = httpx.Client(base_url=url, trust_env=False, timeout=60)

    class Forwarder(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answers as the server does, or that it knows no such path."""
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            path = "/unknown" if self.path.endswith(ending) else self.path
            kind = {"Content-Type": self.headers.get("Content-Type", "text/plain")}
            found = client.request(self.command, path, content=body, headers=kind)
            self.send_response(found.status_code)
            self.send_header("Content-Type", found.headers["Content-Type"])
            self.send_header("Content-Length", str(len(found.content)))
            self.end_headers()
            self.wfile.write(found.content)

        do_POST = do_GET  # noqa: N815  # the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Writes no log."""

    with client, ThreadingHTTPServer(("127.0.0.1", 0), Forwarder) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("task", ["wine", "points"])
def test_a_server_tells_the_hashes_that_its_files_keep(
    task: str, server: Server, tmp_path: Path
) -> None:
    """The hashes over HTTP are those of the files, model by model."""
    folder = link_models(tmp_path / "models", f"{task}-*")
    local = {
        each.name: each.learnt for each in LocalClassifiers(folder, task).contenders
    }
    with closing(RemoteClassifiers(server.url, task)) as asked:
        remote = {each.name: each.learnt for each in asked.contenders}

    assert set(remote) == set(local)
    for name, learnt in remote.items():
        assert learnt is not None
        assert np.array_equal(learnt, local[name])


def test_a_report_by_url_leaves_learnt_rows_out(
    tmp_path: Path, few_models: Path, few_server: Server
) -> None:
    """Only held-out rows of the whole data set are judged, as from files; the first sentence counts the others."""
    data = write_whole(tmp_path / "wine.csv", "wine")
    found = report(data, "wine", "--url", few_server.url)
    expected = report(data, "wine", "--models", str(few_models))

    assert found["data"] == expected["data"]
    assert found["truth"] == expected["truth"]
    assert found["numbers"]["models"] == expected["numbers"]["models"]
    n_learnt, n_judged = found["data"]["n_learnt"], len(found["truth"])
    assert (n_learnt, n_learnt + n_judged) == (142, 178)
    assert found["verdict"]["headline"].startswith(
        "Models were learnt from 142 of 178 rows, which are left out; the figures are on the other 36. "
    )
    kept = report(data, "wine", "--url", few_server.url, "--keep-learnt")
    assert len(kept["truth"]) == 178
    assert kept["data"]["n_learnt_judged"] == 142
    assert set(kept["data"]["learnt_rows"].values()) == {142}
    assert kept["verdict"]["headline"].startswith(
        "Models were learnt from 142 of these 178 rows, which are judged all the same; such rows flatter, "
    )


def test_a_server_that_does_not_tell_is_said_not_to(
    tmp_path: Path, few_server: Server
) -> None:
    """Learnt rows are judged by a server of an earlier version, and the first lines say that they are not known."""
    data = write_whole(tmp_path / "wine.csv", "wine")
    lines = data.read_text().splitlines()
    data.write_text("\n".join(lines[:100]))
    with serve_without("/learnt", few_server.url) as url:
        found = report(data, "wine", "--url", url)

    assert found["data"]["n_learnt"] == 0
    assert len(found["truth"]) == 99
    assert len(found["data"]["learnt_unknown"]) > 1
    assert found["verdict"]["headline"].endswith(UNKNOWN)
    assert main(["--verify", str(data.with_name("report.json"))]) == 0


def test_a_file_without_hashes_is_said_to_have_none(
    tmp_path: Path, models: Path, start_server: Callable[..., Any]
) -> None:
    """Files that do not know what they were learnt from have the same words from a folder and from a server."""
    data = write_rows(tmp_path / "rows.csv")
    assert report(data, "colour", "--models", str(models))["verdict"][
        "headline"
    ].endswith(UNKNOWN)
    with start_server(VEREDICTO_MODELS=models) as running:
        answer = running.client.get("/models/colour-first/learnt")
        found = report(data, "colour", "--url", running.url)
        missing = running.client.get("/models/colour-third/learnt")

    told = answer.json()
    assert (answer.status_code, told["model"], told["hashes"]) == (
        200,
        "colour-first",
        None,
    )
    assert told["reason"].startswith("its file keeps no hashes: ")
    assert found["verdict"]["headline"].endswith(UNKNOWN)
    assert missing.status_code == 404
    assert "unknown model 'colour-third'" in missing.json()["error"]


@pytest.mark.parametrize("hashes", ["???", "AAAA", 7])
def test_broken_hashes_are_an_error_of_the_server(hashes: object) -> None:
    """Hashes that are no base64 of whole numbers are refused, since learnt rows would be taken for new ones."""
    with pytest.raises(EvaluationError, match="'wine-mlp'"):
        read_learnt(hashes, "wine-mlp")
