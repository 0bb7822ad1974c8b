"""Maps of class names to numbers, one a row, become one tensor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from service.models.graph import Graph
from service.models.model import load_graph
from tests.support.graphs import (
    write_zip_map,
)


def load(path: Path) -> Graph:
    return load_graph(path, name=path.stem)


@pytest.mark.parametrize("keys", [["b", "a", "c"], [3, -1, 7], ["alone"]])
def test_maps_become_a_tensor_with_names(
    tmp_path: Path, keys: list[str] | list[int]
) -> None:
    """The columns of what was a map in each row are in the order of the file's class names."""
    graph = load(write_zip_map(tmp_path, "maps", keys))
    rows = np.arange(2 * len(keys), dtype=np.float32).reshape(2, -1)

    assert graph.outputs["maps"].shape == (-1, len(keys))
    assert graph.labels("maps") == tuple(map(str, keys))
    assert np.array_equal(graph.run(["maps"], {"x": rows})[0], rows)
    assert graph.run(["maps"], {"x": rows[:0]})[0].shape == (0, len(keys))
