"""The files of a certificate may be renewed at the moment in which a worker reads them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.access import tls
from service.access.tls import MAX_TRIES
from service.server.uvicorn_run import load_server
from tests.support.certificates import Authority


async def application(_scope: Any, _receive: Any, _send: Any) -> None:
    """Answers nothing: nobody asks."""


@pytest.fixture
def name_pairs(tmp_path: Path) -> Callable[..., Any]:
    """Returns what names the files of one certificate and another's key so often, and then those of one."""
    authority = Authority(tmp_path, "some")
    one, other = authority.issue("one"), authority.issue("other")

    def make(n_mismatches: int) -> Any:
        pairs = [(one.cert, other.key)] * n_mismatches + [(one.cert, one.key)] * 99
        each = iter(pairs)

        def name() -> dict[str, str]:
            certificate, key = next(each)
            return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}

        return name

    return make


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits for nobody between two looks."""
    monkeypatch.setattr(tls, "PAUSE_S", 0.0)


@pytest.mark.parametrize("n_mismatches", [0, 1, MAX_TRIES - 1])
def test_a_certificate_that_is_being_renewed_is_read_again(
    name_pairs: Callable[..., Any], n_mismatches: int
) -> None:
    """A worker that reads a certificate and the key of another one reads both again, and begins."""
    server = load_server(application, {}, name_pairs(n_mismatches))

    assert server.config.loaded
    assert isinstance(server.config.ssl, ssl.SSLContext)


def test_a_certificate_that_stays_wrong_ends_the_worker(
    name_pairs: Callable[..., Any],
) -> None:
    """Files that belong together at no look end the worker by an error that says so."""
    with pytest.raises(ssl.SSLError, match="key values mismatch"):
        load_server(application, {}, name_pairs(MAX_TRIES))


def test_a_server_without_a_certificate_begins() -> None:
    """No certificate is read where there is none, and the options hold."""
    server = load_server(application, {"backlog": 7}, dict)

    assert server.config.ssl is None
    assert server.config.backlog == 7
