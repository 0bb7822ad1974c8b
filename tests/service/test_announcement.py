"""The last lines of a start tell a person what is served, where, and how to stop."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from service.announcement import announce, describe_empty, make_url
from tests.support.server import Server
from tests.support.waiting import wait_until

StartServer = Callable[..., AbstractContextManager[Server]]


@pytest.mark.parametrize(
    ("host", "has_tls", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:3000"),
        ("0.0.0.0", False, "http://localhost:3000"),
        ("::", True, "https://localhost:3000"),
        ("::1", False, "http://[::1]:3000"),
    ],
)
def test_the_address_is_one_that_a_browser_takes(
    host: str, url: str, *, has_tls: bool
) -> None:
    """A server on all addresses is shown as this machine's, and an IPv6 address in brackets."""
    assert make_url(host, 3000, has_tls=has_tls) == url


def test_an_empty_and_a_missing_folder_are_told_apart(tmp_path: Path) -> None:
    """The sentence names the folder, which of both it is, and a command that fills it."""
    missing = tmp_path / "nowhere"
    assert f"{tmp_path} has no .onnx file; " in describe_empty(tmp_path)
    assert f"{missing} is not there; " in describe_empty(missing)
    assert describe_empty(missing).endswith(
        f"veredicto train logistic --task wine --output {missing}"
    )


def test_one_model_is_one_model(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nouns follow their numbers, and where a file was refused the folder is not called empty."""
    with caplog.at_level(logging.INFO):
        announce(
            {"models": 1, "tasks": 1, "refused": 2},
            1.26,
            url="http://127.0.0.1:3000",
            folder=tmp_path,
        )

    assert caplog.messages == [
        "1 model of 1 task, 2 refused, ready after 1.3 s",
        "page http://127.0.0.1:3000/   API http://127.0.0.1:3000/docs   stop: Ctrl+C",
    ]


def test_a_server_ends_its_start_with_what_it_serves(
    start_server: StartServer, models: Path
) -> None:
    """The log of a real server ends with the models, the page, the API and how to stop."""
    with start_server(VEREDICTO_MODELS=models) as server:
        wait_until(lambda: "stop: Ctrl+C" in server.log.read_text())
        *_, served, places = server.log.read_text().splitlines()

    assert "2 models of 1 task, 0 refused, ready after " in served
    assert f"page {server.url}/   API {server.url}/docs   stop: Ctrl+C" in places


def test_a_server_without_models_says_what_fills_its_folder(
    start_server: StartServer, tmp_path: Path
) -> None:
    """A folder that is not there is named on the terminal; what is asked of the server is answered all the same."""
    folder = tmp_path / "nowhere"
    with start_server(VEREDICTO_MODELS=folder) as server:
        wait_until(lambda: "stop: Ctrl+C" in server.log.read_text())
        log = server.log.read_text()
        interface = server.client.get("/docs.json")

    assert describe_empty(folder) in log
    assert interface.status_code == 200
