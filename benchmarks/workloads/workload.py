"""A workload has the inputs of requests, and the labels that every right answer has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.servers import graphs
from benchmarks.workloads import models
from benchmarks.workloads.photo import make_photo

SEED = 1
MANY_ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One kind of request; `inputs` are `(n_rows, n_features)`, or `(1, height, width, 3)` with the file in `photo`.

    `labels` are class indices, `predictions` their names; `model` is a task where several are compared.
    """

    name: str
    title: str
    model: str
    inputs: NDArray[Any]
    labels: list[int]
    predictions: list[str]
    files: tuple[Path, ...]
    photo: bytes = b""


def _make_row(folder: Path) -> tuple[Path, NDArray[Any]]:
    path = folder / f"{models.LOGISTIC}.onnx"
    return path, _load_example(path)


def _make_wide(folder: Path) -> tuple[Path, NDArray[Any]]:
    path = folder / f"{models.WIDE}.onnx"
    return path, _load_example(path)


def _make_rows(folder: Path) -> tuple[Path, NDArray[Any]]:
    """Returns 1,000 rows like the example, each value times 0.5 to 1.5, in seven digits at most."""
    path, row = _make_row(folder)
    factors = np.random.default_rng(SEED).uniform(
        0.5, 1.5, size=(MANY_ROWS, row.shape[1])
    )
    values = row * factors

    return path, np.array(
        [[float(f"{value:.5g}") for value in each] for each in values], dtype=np.float32
    )


_Make = Callable[[Path], tuple[Path, NDArray[Any]]]
_ROW_WORKLOADS: dict[str, tuple[str, _Make]] = {
    "row": ("one row of 30 features, JSON", _make_row),
    "wide": ("one row of 3,072 features, JSON", _make_wide),
    "wide-binary": ("the same as a tensor of bytes", _make_wide),
    "rows": ("1,000 rows of 30 features, JSON", _make_rows),
    "rows-binary": ("the same as a tensor of bytes", _make_rows),
}
NAMES = (*_ROW_WORKLOADS, "photo", "compare")


def make_workloads(folder: Path, names: list[str]) -> list[Workload]:
    """Returns the workloads of these names, in the order of `NAMES`, over the models of a folder."""
    return [_make(folder, name) for name in NAMES if name in names]


def _make(folder: Path, name: str) -> Workload:
    if name == "photo":
        return _make_photo(folder)
    if name == "compare":
        return _make_compare(folder)

    title, make = _ROW_WORKLOADS[name]
    path, inputs = make(folder)

    return _make_of_graph(name, title, path, inputs)


def _make_of_graph(
    name: str, title: str, path: Path, inputs: NDArray[Any], photo: bytes = b""
) -> Workload:
    graph = graphs.load(path)
    labels = graph.labels(inputs).tolist()
    return Workload(
        name=name,
        title=title,
        model=path.stem,
        inputs=inputs,
        labels=labels,
        predictions=graph.predict(inputs),
        files=(path,),
        photo=photo,
    )


def _make_photo(folder: Path) -> Workload:
    path = folder / f"{graphs.PHOTO}.onnx"
    photo = make_photo()
    inputs = graphs.load(path).decode(photo)
    return _make_of_graph(
        "photo", f"a 500 x 375 JPEG of {len(photo):,} bytes", path, inputs, photo
    )


def _make_compare(folder: Path) -> Workload:
    files = tuple(sorted(folder.glob(f"{models.TASK}-*.onnx")))
    inputs = _load_example(files[0])
    loaded = {path.stem: graphs.load(path) for path in files}
    answer = graphs.compare(loaded, models.TASK, inputs)
    predictions = answer["consensus"]["predictions"]

    return Workload(
        name="compare",
        title=f"one row by the {len(files)} classifiers of a task, compared",
        model=models.TASK,
        inputs=inputs,
        labels=[answer["classes"].index(each) for each in predictions],
        predictions=predictions,
        files=files,
    )


def _load_example(path: Path) -> NDArray[np.float32]:
    """Returns the card's example as one row, `(1, n_features)`."""
    return np.array([graphs.load(path).example], dtype=np.float32)
