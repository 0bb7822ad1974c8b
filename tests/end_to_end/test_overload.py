"""A real server process is asked for far more than it can do, by hundreds of connections that do not wait."""

from __future__ import annotations

import json
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.connection_storm import Storm
from tests.support.server import ROOT, Server
from tests.support.tiny_models import tiny_card, write_tiny

N_CONNECTIONS = 500
STORM_S = 4
MODEL = "cat_or_automobile-cnn"


def photograph() -> bytes:
    """Returns a JPEG that takes milliseconds to decode."""
    file = BytesIO()
    pixels = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", quality=80)
    return file.getvalue()


def post(path: str, body: bytes, content_type: str) -> bytes:
    """Returns a request as bytes."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def watch(server: Server, path: str) -> Iterator[list[float]]:
    """Asks for a path on new connections all the while, and gives the seconds that each 200 took."""
    took_s: list[float] = []
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.wait(0.05):
            with server.connect() as client:
                began_s = time.perf_counter()
                assert client.get(path).status_code == 200
                took_s.append(time.perf_counter() - began_s)

    thread = threading.Thread(target=ask)
    thread.start()
    yield took_s
    is_over.set()
    thread.join()


def read_count(server: Server, name: str, label: str) -> float:
    """Returns the sum of a counter of `/metrics` over what has this label."""
    lines = server.client.get("/metrics").text.splitlines()
    found = [each for each in lines if each.startswith(name) and label in each]
    return sum(float(each.rsplit(" ", 1)[1]) for each in found)


def test_accepted_rows_do_not_queue_behind_each_other(
    tmp_path: Path, start_server: Callable[..., Any]
) -> None:
    """Some of 500 connections are served as if there were no others, and the rest are refused; probes are answered."""
    folder = tmp_path / "models"
    folder.mkdir()
    write_tiny(folder, tiny_card())
    body = json.dumps(
        {"model": "colour-first", "inputs": [[0.5, "green"]] * 150}
    ).encode()
    storm = Storm(post("/predict_proba", body, "application/json"))

    with (
        start_server(VEREDICTO_MODELS=folder) as server,
        watch(server, "/livez") as probes_s,
        watch(server, "/metrics") as scrapes_s,
    ):
        storm.rage(server, N_CONNECTIONS, STORM_S)

    n_ok = len(storm.took_s)
    fair_s = N_CONNECTIONS * STORM_S / n_ok

    assert storm.counts[503] > n_ok / 100
    assert statistics.median(storm.took_s) < fair_s / 3
    assert statistics.median(probes_s) < 5
    assert statistics.median(scrapes_s) < 5


def test_no_photograph_is_decoded_in_vain(
    tmp_path: Path, start_server: Callable[..., Any]
) -> None:
    """Those that find no room are refused by their head, and what was decoded is answered."""
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(ROOT / "exported_models" / f"{MODEL}.onnx", folder)
    storm = Storm(post(f"/predict_proba?model={MODEL}", photograph(), "image/jpeg"))

    with start_server(VEREDICTO_MODELS=folder) as server:
        storm.rage(server, N_CONNECTIONS, STORM_S)
        wasted = read_count(server, "veredicto_model_failure_total", "overloaded")

        assert storm.counts[503] > storm.counts[200]
        assert storm.n_lost == 0
        assert wasted <= storm.counts[200] / 5
