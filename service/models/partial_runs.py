"""Many rows are run a part at a time: a graph may hold many times its input in between, and a short run ends soon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.models.graph import Graph
from service.models.session import Session

ROWS_AT_A_TIME = 1024
PART_S = 0.1
"""One run takes so many rows or images as are expected to take a tenth of a second, so that work ends soon."""
VALUES_AT_A_TIME = 1024 * 1024
"""One run takes images of at most this many values after resizing: a network holds many times that in between."""
BYTES_AT_A_TIME = 64 * 1024 * 1024
"""One run takes images of at most this many bytes before resizing."""
N_COLOURS = 3

Outputs = list[NDArray[Any]]
RunOnce = Callable[[list[str], NDArray[Any]], Outputs]
"""A run of the whole graph takes names of outputs and the graph's input, and returns the outputs in their order."""


def run_rows(
    run_once: RunOnce, graph: Graph, names: list[str], rows: NDArray[np.float32]
) -> Outputs:
    """Returns these outputs for rows `(n_rows, n)`, run 1024 at a time at most."""
    size = _limit_part(graph, ROWS_AT_A_TIME)
    parts = []
    for start in range(0, len(rows), size):
        parts.append(run_once(names, rows[start : start + size]))

    return _join(graph.session, names, parts)


def run_images(
    run_once: RunOnce,
    graph: Graph,
    names: list[str],
    images: list[NDArray[np.uint8]],
    *,
    size_px: int,
) -> Outputs:
    """Returns these outputs for images `(height, width, 3)` each, in their order; those of one shape run together.

    `size_px` is the larger side of what the graph resizes images to.
    """
    values_of_image = N_COLOURS * size_px**2
    n_quick = _limit_part(graph, VALUES_AT_A_TIME // values_of_image)
    parts = []
    order: list[int] = []

    for indices in _group_by_shape(images):
        n_fitting = BYTES_AT_A_TIME // images[indices[0]].size
        size = max(1, min(n_quick, n_fitting))
        for start in range(0, len(indices), size):
            chosen = indices[start : start + size]
            pixels = np.stack([images[index] for index in chosen])
            parts.append(run_once(names, pixels))
            order += chosen

    places = np.argsort(order)
    joined = _join(graph.session, names, parts)

    return [
        output[places] if _has_rows(graph.session, name) else output
        for name, output in zip(names, joined, strict=True)
    ]


def _limit_part(graph: Graph, n_rows: int) -> int:
    """Returns `n_rows`, or fewer where so many take the graph longer than a part of the work should; at least 1."""
    if graph.row_s:
        n_rows = min(n_rows, int(PART_S / graph.row_s))
    return max(1, n_rows)


def _group_by_shape(images: list[NDArray[np.uint8]]) -> list[list[int]]:
    """Returns the indices of the images of each shape, in the order in which shapes first come."""
    indices_of: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(images):
        indices_of.setdefault(image.shape, []).append(index)

    return list(indices_of.values())


def _join(session: Session, names: list[str], parts: list[Outputs]) -> Outputs:
    """Returns one array for each output, rows after rows; an output without rows comes from the first part."""
    return [
        np.concatenate(arrays) if _has_rows(session, name) else arrays[0]
        for name, *arrays in zip(names, *parts, strict=True)
    ]


def _has_rows(session: Session, name: str) -> bool:
    return session.outputs[name].shape[0] < 0
