"""A real server with tokens: who may ask, who may look, and what a page of another site may do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.access.tokens import make_token
from tests.conftest import write_models
from tests.support.clients import find_workers
from tests.support.server import Server, serve

ROW = {"model": "colour-first", "inputs": [[1, "red"]]}
SITE = "https://shop.example"


@dataclass(frozen=True)
class Guarded:
    """A server that asks for tokens, and the tokens by their right."""

    server: Server
    tokens: dict[str, str]
    file: Path

    def name(self, right: str) -> dict[str, str]:
        """Returns the header of the holder of a right."""
        return {"Authorization": f"Bearer {self.tokens[right]}"}

    def ask(self, method: str, path: str, right: str, **options: Any) -> httpx.Response:
        """Returns the answer to the holder of a right."""
        headers = self.name(right)
        return self.server.client.request(method, path, headers=headers, **options)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """The server has one token for each right, and lets one other site ask."""
    folder = tmp_path_factory.mktemp("guarded")
    made = {
        right: make_token(right, frozenset({right}))
        for right in ("predict", "observe", "admin")
    }
    models = write_models(folder / "models")
    file = folder / "tokens.txt"
    file.write_text("".join(f"{line}\n" for _, line in made.values()))
    with serve(
        folder, VEREDICTO_MODELS=models, VEREDICTO_TOKENS=file, VEREDICTO_CORS=SITE
    ) as server:
        tokens = {right: token for right, (token, _) in made.items()}
        yield Guarded(server, tokens, file)


def test_without_a_token_nothing_is_answered_but_probes(guarded: Guarded) -> None:
    """Calls and pages are 401 with the scheme that is asked for, and probes are 200."""
    client = guarded.server.client
    refused = [
        client.post("/predict", json=ROW),
        client.get("/models"),
        client.get("/metrics"),
        client.post("/v2/models/colour-first/infer", json={"inputs": []}),
    ]

    assert [each.status_code for each in refused] == [401] * len(refused)
    assert all(each.headers["www-authenticate"] == "Bearer" for each in refused)
    assert all(set(each.json()) == {"error"} for each in refused)
    for probe in ("/livez", "/readyz", "/healthz", "/v2/health/live"):
        assert client.get(probe).status_code == 200


def test_an_unknown_token_is_refused(guarded: Guarded) -> None:
    """A token that is not in the file is answered 401, as none is."""
    headers = {"Authorization": "Bearer veredicto_" + "x" * 43}
    answer = guarded.server.client.post("/predict", json=ROW, headers=headers)
    assert answer.status_code == 401


def test_a_right_is_for_what_it_says(guarded: Guarded) -> None:
    """A token for predicting may not look, and one for looking may not predict: 403, which names the right."""
    assert guarded.ask("POST", "/predict", "predict", json=ROW).status_code == 200
    assert guarded.ask("GET", "/models", "observe").status_code == 200

    for method, path, right, needed in (
        ("GET", "/metrics", "predict", "observe"),
        ("POST", "/predict", "observe", "predict"),
        ("POST", "/predict", "admin", "predict"),
    ):
        answer = guarded.ask(method, path, right, json=ROW)
        assert answer.status_code == 403
        assert needed in answer.json()["error"]


def test_a_token_that_is_added_counts_without_a_restart(guarded: Guarded) -> None:
    """The file is read again once it has changed; a damaged one changes nothing."""
    token, line = make_token("later", frozenset({"predict"}))
    before = guarded.file.read_text()
    headers = {"Authorization": f"Bearer {token}"}
    client = guarded.server.client

    def ask() -> int:
        return client.post("/predict", json=ROW, headers=headers).status_code

    assert ask() == 401

    guarded.file.write_text(f"{before}{line}\n")
    wait_until(lambda: ask() == 200)

    guarded.file.write_text("damaged\n")
    wait_until(lambda: ask() == 200 and "tokens.txt" in guarded.server.log.read_text())

    assert ask() == 200

    guarded.file.write_text(before)
    wait_until(lambda: ask() == 401)


def test_twelve_thousand_tokens_keep_no_worker_from_its_work(guarded: Guarded) -> None:
    """A worker reads its file between two requests, and is not taken for one that hangs, whose requests are lost."""
    token, line = make_token("last", frozenset({"predict"}))
    before = guarded.file.read_text()
    workers = find_workers(guarded.server)
    many = "".join(f"u{number} {number:064x} predict\n" for number in range(12_000))
    guarded.file.write_text(f"{before}{many}{line}\n")
    headers = {"Authorization": f"Bearer {token}"}
    client = guarded.server.client
    wait_until(
        lambda: client.post("/predict", json=ROW, headers=headers).status_code == 200
    )

    assert find_workers(guarded.server) == workers

    guarded.file.write_text(before)
    wait_until(
        lambda: client.post("/predict", json=ROW, headers=headers).status_code == 401
    )


def test_a_worker_is_replaced_beside_a_damaged_file(guarded: Guarded) -> None:
    """A worker that dies while the file is damaged has a successor, which judges no token until the file is mended."""
    before = guarded.file.read_text()
    (worker,) = find_workers(guarded.server)
    guarded.file.write_text("damaged\n")
    os.kill(worker, signal.SIGKILL)

    with httpx.Client(
        base_url=guarded.server.url, headers=guarded.name("predict"), timeout=60
    ) as client:
        wait_until(lambda: find_workers(guarded.server) not in ([], [worker]))
        wait_until(lambda: client.get("/readyz").status_code == 200)
        answer = client.post("/predict", json=ROW)
        anonymous = httpx.post(f"{guarded.server.url}/predict", json=ROW)
        guarded.file.write_text(before)
        wait_until(lambda: client.post("/predict", json=ROW).status_code == 200)

    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert answer.json()["error"] == (
        "tokens cannot be judged now: the file of VEREDICTO_TOKENS is damaged"
    )
    assert anonymous.status_code == 401


def test_a_page_of_another_site_may_not_ask(guarded: Guarded) -> None:
    """A browser's request from a site that is not listed is 403, whatever token it has."""
    headers = {
        "Authorization": f"Bearer {guarded.tokens['predict']}",
        "Origin": "https://evil.example",
        "Sec-Fetch-Site": "cross-site",
    }
    answer = guarded.server.client.post("/predict", json=ROW, headers=headers)
    assert answer.status_code == 403


def test_a_page_of_a_listed_site_may_ask(guarded: Guarded) -> None:
    """The preflight, which has no body and so no length, allows it, and the answer is for that site alone."""
    client = guarded.server.client
    asked = {
        "Origin": SITE,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    preflight = client.request("OPTIONS", "/predict", headers=asked)
    headers = {"Authorization": f"Bearer {guarded.tokens['predict']}", "Origin": SITE}
    answer = client.post("/predict", json=ROW, headers=headers)

    assert preflight.status_code == 204
    assert {"content-length", "transfer-encoding"}.isdisjoint(preflight.headers)
    assert preflight.headers["access-control-allow-origin"] == SITE
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SITE


def test_answers_are_not_sniffed_and_bear_the_clients_id(guarded: Guarded) -> None:
    """Each answer has nosniff, and the X-Request-ID that it was asked with."""
    headers = {
        "Authorization": f"Bearer {guarded.tokens['predict']}",
        "X-Request-ID": "abc-123",
    }
    answer = guarded.server.client.post("/predict", json=ROW, headers=headers)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"] == "abc-123"


def test_no_token_stands_in_the_log(guarded: Guarded) -> None:
    """The log has none of the tokens, neither of refused requests nor of allowed ones."""
    log = guarded.server.log.read_text()
    assert not any(token in log for token in guarded.tokens.values())


def wait_until(is_so: Callable[[], bool]) -> None:
    """Returns once it is so; fails after a minute."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)
