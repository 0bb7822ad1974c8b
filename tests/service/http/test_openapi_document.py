"""The served document shows to each example what the models answer to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.server import Server

StartServer = Callable[..., AbstractContextManager[Server]]
JSON = "application/json"


def test_the_answers_of_the_examples_are_those_of_the_server(server: Server) -> None:
    """Sent as it stands, an example is answered as the document says."""
    paths = server.client.get("/docs.json").json()["paths"]

    for path in (
        "/predict",
        "/predict_proba",
        "/transform",
        "/explain",
        "/invocations",
    ):
        operation = paths[path]["post"]
        asked = operation["requestBody"]["content"][JSON]["example"]
        shown = operation["responses"]["200"]["content"][JSON]["example"]
        answer = server.client.post(path, json=asked, headers={"Accept": JSON})
        assert answer.json() == shown


def test_an_example_is_not_written_into_a_journal(
    start_server: StartServer, models: Path, tmp_path: Path
) -> None:
    """The document asks for no predictions that would be kept: its examples are nobody's rows."""
    journal = tmp_path / "journal.db"
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_JOURNAL=journal) as server:
        paths = server.client.get("/docs.json").json()["paths"]
        window = server.client.get("/tasks/colour/comparison").json()

    answers = {
        path: "example" in paths[path]["post"]["responses"]["200"]["content"][JSON]
        for path in ("/predict", "/predict_proba", "/compare")
    }
    assert answers == {"/predict": False, "/predict_proba": False, "/compare": True}
    assert window["window"]["rows"] == 0
