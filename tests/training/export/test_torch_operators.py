"""The operators of torch's exporter are read once, and files are the same as if they were read each time."""

from __future__ import annotations

from importlib import import_module

import pytest
import torch
from torch import nn

from training.export.torch_operators import _READER, keep_torch_operators


def export() -> bytes:
    """Returns the graph of a small network, without the places of its code, with seed 0."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    program = torch.onnx.export(network, (torch.zeros(1, 3),), verbose=False)
    assert program is not None
    for node in program.model.graph:
        node.metadata_props.clear()

    return bytes(program.model_proto.SerializeToString())


def test_operators_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two exports ask the library once, and the file is that of an export which read it itself."""
    reader = import_module(_READER)
    apis = import_module("torch.onnx._internal._lazy_import").onnxscript_apis
    monkeypatch.setattr(reader, "onnxscript_apis", apis)
    expected = export()

    assert keep_torch_operators()
    assert keep_torch_operators()
    graphs = [export(), export()]

    kept = reader.onnxscript_apis.get_torchlib_ops.cache_info()
    assert (kept.misses, kept.hits) == (1, 1)
    assert graphs == [expected, expected]


def test_a_torch_with_other_names_goes_on_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is changed, and nothing raised, where the names inside torch are others."""
    reader = import_module(_READER)
    monkeypatch.delattr(reader, "onnxscript_apis")
    assert not keep_torch_operators()
