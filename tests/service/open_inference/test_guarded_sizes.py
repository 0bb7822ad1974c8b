"""A size or weights that a request gives an operator neither take gigabytes nor end or hold a worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import onnxruntime as ort
import pytest

from tests.support.graphs import (
    write_fragile,
    write_kernels,
    write_range,
    write_sized,
    write_steps,
)
from tests.support.responses import error_of
from tests.support.server import Server, serve

DTYPES = {"FP32": np.float32, "FP64": np.float64, "INT64": np.int64}
Tensors = dict[str, tuple[str, list[int], list[float]]]
X: tuple[str, list[int], list[float]] = ("FP32", [2], [1.0, 2.0])
HUGE = 2**40


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graphs")
    write_sized(folder)
    write_kernels(folder)
    write_range(folder)
    write_steps(folder)
    write_fragile(folder)

    return folder


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("home"), VEREDICTO_MODELS=folder) as running:
        yield running


def ask(server: Server, name: str, tensors: Tensors) -> httpx.Response:
    inputs = [
        {"name": each, "datatype": datatype, "shape": shape, "data": data}
        for each, (datatype, shape, data) in tensors.items()
    ]
    return server.post(f"/v2/models/{name}/infer", {"inputs": inputs})


def check_as_alone(server: Server, folder: Path, name: str, tensors: Tensors) -> None:
    """Asks for what a graph makes of tensors, which is what onnxruntime makes of them by itself."""
    arrays = {
        each: np.array(data, DTYPES[datatype]).reshape(shape)
        for each, (datatype, shape, data) in tensors.items()
    }
    (expected,) = ort.InferenceSession(folder / f"{name}.onnx").run(None, arrays)
    answer = ask(server, name, tensors)

    assert answer.status_code == 200, answer.text
    (output,) = answer.json()["outputs"]
    assert output["shape"] == list(expected.shape)
    assert output["data"] == pytest.approx(expected.ravel())


SIZED: dict[str, tuple[list[int], list[int], str, bool]] = {
    "constantofshape": ([2, 3], [3, HUGE], "ConstantOfShape", False),
    "crop": ([2, 3], [2**30, 2], "CropAndResize", False),
    "expand": ([3, 2], [HUGE, 2], "Expand", True),
    "loop": ([7], [10**12], "Loop", False),
    "onehot": ([3], [HUGE], "OneHot", True),
    "pad": ([1, 2], [1, HUGE], "Pad", True),
    "resize": ([5], [HUGE], "Resize", True),
    "tile": ([3], [2**30], "Tile", True),
    "window": ([9], [2**30], "HannWindow", False),
}
"""Of each graph sizes that it takes, others without bounds, its operator, and whether it has an input `x`."""


@pytest.mark.parametrize("name", SIZED)
def test_a_size_without_bounds_takes_no_memory(
    server: Server, folder: Path, name: str
) -> None:
    """A size that makes more values than an answer may have is refused, and others give what onnxruntime makes."""
    size, huge, operator, has_x = SIZED[name]
    more = {"x": X} if has_x else {}

    refused = ask(server, name, {"size": ("INT64", [len(huge)], huge), **more})

    text = error_of(refused, 413)
    assert text.startswith(f"input 'size': the operator {operator} of {name} would")
    assert text.endswith(
        "values of it, over the limit of 67108864 (a quarter of VEREDICTO_MAX_ANSWER_BYTES, or more): "
        "send a smaller size"
    )
    check_as_alone(server, folder, name, {"size": ("INT64", [len(size)], size), **more})


@pytest.mark.parametrize("end", [10**9, 2**63 - 1])
def test_a_range_without_bounds_takes_no_memory(
    server: Server, folder: Path, end: int
) -> None:
    """Numbers up to an end are not made where they would take gigabytes; an end below the start makes none."""
    refused = ask(server, "range", {"end": ("INT64", [], [end])})

    assert "the operator Range of range would make" in error_of(refused, 413)
    check_as_alone(server, folder, "range", {"end": ("INT64", [], [-(2**62)])})


@pytest.mark.parametrize(
    ("start", "end", "step", "status"),
    [
        (1.7e18, 1.7e18 + 1024, 256, 200),
        (0, 1e12, 1e10, 200),
        (5, -1e12, 1, 200),
        (0, 1, 1e-9, 413),
        (-1e12, 0, 1, 413),
        (0, -1e12, -1, 413),
    ],
)
def test_a_range_is_as_long_as_its_ends_and_its_step_say(
    server: Server, folder: Path, start: float, end: float, step: float, status: int
) -> None:
    """Ends that are far from 0 and near each other are taken, and so are steps that are as long as the way."""
    ends = {
        name: ("FP64", [], [value])
        for name, value in (("start", start), ("end", end), ("step", step))
    }

    if status == 200:
        check_as_alone(server, folder, "steps", ends)
    else:
        refused = ask(server, "steps", ends)
        assert "Range of steps would make" in error_of(refused, status)


@pytest.mark.parametrize("shape", [[1, 1, 0, 3], [1, 1, 3, 0], [0, 1, 3, 3]])
def test_kernels_without_elements_hold_no_worker(
    server: Server, folder: Path, shape: list[int]
) -> None:
    """A convolution with kernels of no elements, which has no end, is refused; an image without rows is not."""
    x: tuple[str, list[int], list[float]] = ("FP32", [1, 1, 4, 4], [1.0] * 16)
    refused = ask(server, "kernels", {"x": x, "w": ("FP64", shape, [])})

    assert error_of(refused, 400) == (
        f"input 'w': its shape {shape} has no elements, and the operator Conv of kernels needs some as its weights"
    )
    kernel: tuple[str, list[int], list[float]] = ("FP64", [1, 1, 2, 2], [1.0] * 4)
    check_as_alone(server, folder, "kernels", {"x": x, "w": kernel})
    none: tuple[str, list[int], list[float]] = ("FP32", [0, 1, 4, 4], [])
    check_as_alone(server, folder, "kernels", {"x": none, "w": kernel})


@pytest.mark.parametrize("shape", [[1, 2, 3], [2, 3, 2], [1, 1, 8]])
def test_a_matrix_that_is_not_square_ends_no_process(
    server: Server, folder: Path, shape: list[int]
) -> None:
    """The inverse of a matrix that is not square is refused, and that of a square one is right."""
    ones = [1.0] * int(np.prod(shape))
    refused = ask(server, "inverse", {"x": ("FP32", shape, ones)})

    assert error_of(refused, 400) == (
        f"input 'x': its shape {shape} has no square matrices, and the operator Inverse of inverse needs some"
    )
    square: tuple[str, list[int], list[float]] = ("FP32", [1, 2, 2], [2.0, 0, 0, 4.0])
    check_as_alone(server, folder, "inverse", {"x": square})
    assert "was ended by" not in server.log.read_text()
