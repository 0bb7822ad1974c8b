"""Runs take and give bfloat16 as the two bytes of each value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto

from service.models.datatypes import from_bfloat16, to_bfloat16
from service.models.graph import Graph
from service.models.model import load_graph
from tests.support.graphs import (
    write_identity,
)


def load(path: Path) -> Graph:
    return load_graph(path, name=path.stem)


def test_bfloat16_goes_through_as_two_bytes(tmp_path: Path) -> None:
    """A tensor of bfloat16 has the same bytes after an identity as before."""
    graph = load(write_identity(tmp_path, "same", TensorProto.BFLOAT16, ["n", 2]))
    given = to_bfloat16(np.array([[1.0, -2.5], [3e38, 1e-40]], np.float32))
    (found,) = graph.run(["y"], {"x": given})

    assert found.tobytes() == given.tobytes()
    assert from_bfloat16(found)[0].tolist() == [1.0, -2.5]
