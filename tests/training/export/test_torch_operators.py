"""The operators of torch's exporter are read once, and files are the same as if they were read each time."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
import torch
from torch import nn

from training.export.torch_operators import (
    _MAKER,
    _READER,
    _make_new_ones,
    keep_now,
    keep_torch_operators,
)


def export() -> bytes:
    """Returns the graph of a small network, without the places of its code, with seed 0."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    program = torch.onnx.export(network, (torch.zeros(1, 3),), verbose=False)
    assert program is not None
    for node in program.model.graph:
        node.metadata_props.clear()

    return bytes(program.model_proto.SerializeToString())


@pytest.fixture
def unkept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exporter reads its operators for each export, as torch alone does, and does so again after the test."""
    for owner, name in (
        (torch.onnx, "export"),
        (import_module(_READER).ONNXRegistry, "from_torchlib"),
        (import_module(_MAKER), "_materialize_cpp_cia_ops"),
    ):
        found = getattr(owner, name)
        monkeypatch.setattr(owner, name, getattr(found, "__wrapped__", found))


@pytest.mark.usefixtures("unkept")
def test_operators_are_read_once() -> None:
    """Two exports read the library once, and the file is that of an export which read it itself."""
    registry = import_module(_READER).ONNXRegistry
    expected = export()

    keep_torch_operators()
    keep_torch_operators()
    graphs = [export(), export()]

    kept = registry.from_torchlib.cache_info()
    assert (kept.misses, kept.hits) == (1, 1)
    assert graphs == [expected, expected]


@pytest.mark.usefixtures("unkept")
def test_what_is_added_to_a_registry_is_in_no_other() -> None:
    """An export with an operator of its own leaves those of the next as they are in the library."""
    registry = import_module(_READER).ONNXRegistry
    assert keep_now()
    first, second = registry.from_torchlib(), registry.from_torchlib()
    name = next(iter(first.functions))

    first.functions[name].clear()
    first.functions["own"] = []

    assert second.functions[name]
    assert "own" not in second.functions
    assert registry.from_torchlib().functions == second.functions


def test_no_exporter_is_imported_before_an_export() -> None:
    """A process that keeps the operators and exports nothing has not spent a second on the exporter."""
    code = (
        "import sys, torch; from training.export import torch_operators as kept; "
        "kept.keep_torch_operators(); kept.keep_torch_operators(); "
        "print(kept._READER in sys.modules, torch.onnx.export.__name__)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout == "False export\n"


def test_operators_are_made_where_one_is_new() -> None:
    """Operators are made at first and once more for each that is found since, not for each name that is known."""
    found = ["aten::one"]
    made: list[int] = []
    make = _make_new_ones(lambda: made.append(len(found)), lambda _: found)

    for new in (None, None, "aten::two", None):
        found += [new] if new else []
        make()

    assert made == [1, 2]


@pytest.mark.usefixtures("unkept")
@pytest.mark.parametrize(
    ("module", "name"),
    [(_READER, "ONNXRegistry"), (_MAKER, "_materialize_cpp_cia_ops")],
)
def test_a_torch_with_other_names_goes_on_as_before(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    """A torch with other names inside is left as it is, and nothing is raised."""
    read = import_module(_READER).ONNXRegistry.from_torchlib
    with monkeypatch.context() as patch:
        patch.delattr(import_module(module), name)
        assert not keep_now()

    assert import_module(_READER).ONNXRegistry.from_torchlib == read
