"""The fast path is used with the versions of uvicorn that it is known to fit, and with no others."""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http.application import Application
from service.http.response_writer import ResponseWriter
from service.http.wire import fast_path
from service.http.wire.fast_path import (
    install_fast_path,
    make_server_options,
    why_unknown,
)
from service.http.wire.uvicorn_protocol import FastPathProtocol, FastWriter
from service.settings import Settings
from tests.conftest import ROOT

INSTALLED = version("uvicorn")


def test_the_installed_uvicorn_is_known() -> None:
    """The installed uvicorn is known, so an update that moves what the fast path leans on fails here."""
    assert why_unknown(INSTALLED) is None


def test_the_declared_versions_are_those_that_are_known() -> None:
    """pyproject.toml bounds uvicorn by the versions that the fence knows."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    low, high = (
        ".".join(map(str, each))
        for each in (fast_path.MIN_UVICORN, fast_path.BEFORE_UVICORN)
    )

    assert f"uvicorn>={low},<{high}" in project["project"]["dependencies"]


@pytest.mark.parametrize("installed", ["0.29.0", "0.60.1", "1.0", "dev"])
def test_other_versions_are_unknown(installed: str) -> None:
    """The reason for another version names it and the known ones."""
    expected = f"uvicorn {installed} is not between 0.30 and 0.60"

    assert why_unknown(installed) == expected


def test_a_name_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A known version that lacks a name which the fast path leans on is refused with that name."""
    monkeypatch.delattr(HttpToolsProtocol, "_start_asgi_task")

    reason = why_unknown(INSTALLED)

    assert reason == f"uvicorn {INSTALLED} lacks _start_asgi_task"


def test_an_unknown_uvicorn_is_used_the_plain_way(
    application: Application,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An unknown uvicorn keeps its own protocol, and one log line says why."""
    monkeypatch.setattr(fast_path, "version", lambda _: "1.2.3")

    with caplog.at_level(logging.INFO):
        assert not install_fast_path(application, Settings())

    assert type(application.writer) is ResponseWriter
    assert caplog.messages == [
        "requests go the plain ASGI way, without limits on heads, connections and pipelining: "
        "uvicorn 1.2.3 is not between 0.30 and 0.60"
    ]


def test_the_fast_path_is_used_where_it_is_known(application: Application) -> None:
    """The fast path's writer sends a response by one write where uvicorn's version is known."""
    assert install_fast_path(application, Settings())
    assert type(application.writer) is FastWriter


def test_uvicorn_takes_the_options_of_our_server(application: Application) -> None:
    """A server of these options keeps idle connections as the setting says, and has our protocol."""
    install_fast_path(application, Settings())
    options = make_server_options(Settings(keep_alive_s=99))
    config = uvicorn.Config(application, log_config=None, **options)
    config.load()

    assert config.timeout_keep_alive == 99
    assert config.ws_protocol_class is None
    assert config.http_protocol_class is FastPathProtocol


def test_a_setting_turns_it_off(models: Path, start_server: Callable[..., Any]) -> None:
    """A server with VEREDICTO_FAST_PATH=0 answers what others answer."""
    request = {"model": "colour-first", "inputs": [[1, "red"]]}
    fast = start_server(VEREDICTO_MODELS=models)
    plain = start_server(VEREDICTO_MODELS=models, VEREDICTO_FAST_PATH=0)
    answers = []

    for context in (fast, plain):
        with context as running:
            for path in ("/predict", "/predict_proba"):
                response = running.post(path, request)
                answers.append((response.status_code, response.content))

    assert answers[:2] == answers[2:]
    assert answers[0][0] == 200
