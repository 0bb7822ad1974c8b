"""Benchmarks have the same inputs each time, know right answers from wrong ones, and count latency from due times."""

from __future__ import annotations

import json
import socket
import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import dialects, models, open_loop, report
from benchmarks.load import ClosedLoopResult
from benchmarks.photo import make_photo
from benchmarks.processes import ContenderFailed
from benchmarks.resources import ProcessTree
from benchmarks.workloads import NAMES, make_workloads
from service.models.registry import Registry

SILENT_REQUESTS = 3
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"
REQUEST = dialects.Request(path="/predict", body=b"{}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    models.write_models(made)
    return made


def test_the_service_takes_all_models_of_the_benchmark(folder: Path) -> None:
    """Eight classifiers of one task, and the wide one, pass the loader's checks."""
    registry = Registry.load(folder)
    assert registry.refused == {}
    assert len(registry.task(models.TASK)) == 8
    assert models.WIDE in registry.models


def test_workloads_are_the_same_each_time(folder: Path) -> None:
    """Two makings of the workloads have equal inputs, labels and photographs."""
    for first, second in zip(
        make_workloads(folder, list(NAMES)),
        make_workloads(folder, list(NAMES)),
        strict=True,
    ):
        assert np.array_equal(first.inputs, second.inputs)
        assert (first.labels, first.photo) == (second.labels, second.photo)


def test_rows_have_both_classes(folder: Path) -> None:
    """A server that always answers the same label would be found out."""
    (rows,) = make_workloads(folder, ["rows"])
    assert set(rows.labels) == {0, 1}


def test_the_photograph_is_a_jpeg_of_its_size() -> None:
    """The photograph has 500 x 375 pixels and a file as large as those of cameras."""
    content = make_photo()
    with Image.open(BytesIO(content)) as image:
        assert (image.format, image.size) == ("JPEG", (500, 375))
    assert 20_000 < len(content) < 80_000


def test_json_holds_the_very_numbers(folder: Path) -> None:
    """Every float32 comes out of its decimal digits again."""
    (rows,) = make_workloads(folder, ["rows"])
    sent = json.loads(dialects.NATIVE.make_request(rows).body)["inputs"]
    assert np.array_equal(np.array(sent, dtype=np.float32), rows.inputs)


def test_a_wrong_label_is_not_right(folder: Path) -> None:
    """Names and indices of the right labels are right, others are not."""
    (row,) = make_workloads(folder, ["row"])
    right = json.dumps({"predictions": row.predictions}).encode()
    assert dialects.NATIVE.is_right(row, right, {})
    assert not dialects.NATIVE.is_right(row, b'{"predictions": ["benign"]}', {})
    assert dialects.METHOD.is_right(row, json.dumps(row.labels).encode(), {})


def test_open_loop_counts_from_the_due_time() -> None:
    """A server that answers once all requests are there has kept the first of them waiting longest."""
    with _Stub(answers_after=SILENT_REQUESTS) as port:
        measured = open_loop.measure(
            port, REQUEST, rate=100, seconds=SILENT_REQUESTS / 100, percentiles=(100,)
        ).percentiles_ms

    assert measured is not None
    assert (
        measured[100] >= 20
    )  # the first was due two hundredths of a second before the last


def test_open_loop_refuses_any_answer_but_200() -> None:
    """An error raises ContenderFailed: it is no fast answer."""
    with (
        _Stub(answers_after=1, answer=REFUSAL) as port,
        pytest.raises(ContenderFailed) as caught,
    ):
        open_loop.measure(port, REQUEST, rate=100, seconds=0.01)
    assert (
        str(caught.value)
        == "open loop: b'HTTP/1.1 503 Service Unavailable\\r\\nContent-Length: 2'"
    )


def test_a_tree_has_memory_and_processor_time() -> None:
    """The tree of this very process has memory and processor time."""
    tree = ProcessTree(threading.main_thread().native_id or 0)
    assert tree.memory_mib() > 1
    assert tree.cpu_s() > 0


def test_shares_are_of_medians() -> None:
    """The floor's share is 1, and what a contender does not take is a dash."""
    rounds = {
        ("floor", "row", 1): [_closed(100), _closed(200), _closed(300)],
        ("slow", "row", 1): [_closed(10), _closed(50), _closed(90)],
        ("floor", "photo", 1): [_closed(7)],
    }
    assert report.tabulate_rates(rounds, ["row", "photo"], 1, base="floor") == (
        "requests a second, one client\n"
        "       row  photo\n"
        "floor  200      7\n"
        "slow    50      -\n"
        "\n"
        "the same as shares of the floor's, one client\n"
        "        row  photo\n"
        "floor     1      1\n"
        "slow   0.25      -\n"
    )


def _closed(rate: float) -> ClosedLoopResult:
    return ClosedLoopResult(rate=rate, cpu_s_per_1000=1.0, p50_ms=1.0, p99_ms=1.0)


class _Stub:
    """A server that says nothing until so many requests have come, and then answers all."""

    def __init__(self, *, answers_after: int, answer: bytes = ANSWER) -> None:
        self._listener = socket.create_server(
            ("127.0.0.1", 0), backlog=open_loop.CONNECTIONS
        )
        self._answers_after = answers_after
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> int:
        self._thread.start()
        port: int = self._listener.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        connections = [self._listener.accept()[0] for _ in range(open_loop.CONNECTIONS)]
        for connection in connections[: self._answers_after]:
            connection.recv(1024)

        for connection in connections[: self._answers_after]:
            connection.sendall(self._answer)

        for connection in connections:
            while connection.recv(1024):  # until the client closes it
                pass
            connection.close()
