"""`python -m training`: the command as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scipy.stats import norm

from service.model import Model
from training.__main__ import build_parser, main
from training.mlp import ACTIVATIONS

ROOT = Path(__file__).resolve().parent.parent


def train(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "training", *arguments, "--output", str(folder)]
    environment = os.environ | {"COLUMNS": "120"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_a_command_trains_exports_and_reports(tmp_path: Path) -> None:
    """One aligned table at the end: metrics, parity, seconds; and the file is served."""
    finished = train("logistic", "--task", "points", "--epochs", "5", folder=tmp_path)
    assert finished.returncode == 0, finished.stderr
    for words in ("points-logistic on 80 held-out rows", "accuracy", "parity, largest difference", "seconds"):
        assert words in finished.stdout
    model = Model.load(tmp_path / "points-logistic.onnx")
    assert model is not None
    assert model.card.provenance.command == (
        "python -m training logistic --task points --seed 0 --optimizer adam --learning-rate 0.01 --batch-size 32 "
        "--epochs 5 --l1 0.0 --l2 0.001 --patience 30"
    )


def test_the_stored_command_makes_the_shipped_file_again(tmp_path: Path) -> None:
    """Byte for byte, where the packages are those that the card names."""
    shipped = ROOT / "exported_models" / "wine-mlp.onnx"
    model = Model.load(shipped)
    assert model is not None
    words = model.card.provenance.command.split()[3:]
    finished = train(*words, folder=tmp_path)
    assert finished.returncode == 0, finished.stderr
    again = Model.load(tmp_path / "wine-mlp.onnx")
    assert again is not None
    assert again.card.provenance == model.card.provenance
    assert again.version == model.version


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_passes_the_gate(tmp_path: Path, activation: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has its own operators in the graph."""
    arguments = ["mlp", "--task", "points", "--activation", activation, "--hidden", "8", "--epochs", "30"]
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    assert Model.load(tmp_path / "points-mlp.onnx") is not None
    assert "parity, labels unequal │ 0" in " ".join(capsys.readouterr().out.replace("│", " │ ").split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: FAMILY"),
        (["forest", "--task", "wine"], "invalid choice: 'forest'"),
        (["mlp"], "the following arguments are required: --task"),
        (["mlp", "--task", "cats"], "argument --task: invalid choice: 'cats'"),
        (["mlp", "--task", "wine", "--hidden", "8,x"], "expected neurons of each hidden layer, as in 64,64, got '8,x'"),
        (["logistic", "--task", "wine", "--activation", "relu"], "unrecognized arguments: --activation relu"),
    ],
)
def test_a_wrong_command_is_told_what_is_wrong(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By argparse, with exit status 2."""
    with pytest.raises(SystemExit) as stopped:
        build_parser().parse_args(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_the_points_are_well_separated() -> None:
    """Two clouds 4.47 apart with a deviation of 0.6: the best line is wrong on one row in ten thousand."""
    assert norm.sf(20**0.5 / 2 / 0.6) == pytest.approx(1e-4, rel=0.05)
