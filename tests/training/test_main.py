"""`python -m training` runs as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from service.models.model import Model
from training.__main__ import main
from training.arguments.parser import build_parser
from training.data import datasets
from training.families.mlp import ACTIVATIONS

ROOT = Path(__file__).resolve().parents[2]


def train(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "training", *arguments, "--output", str(folder)]
    environment = os.environ | {"COLUMNS": "120"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True
    )


def test_a_command_trains_exports_and_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One aligned table at the end has metrics, parity and seconds, and the file is served."""
    monkeypatch.setenv("COLUMNS", "120")
    words = ["logistic", "--task", "points", "--epochs", "5"]
    assert main([*words, "--output", str(tmp_path)]) == 0
    check_table(
        capsys.readouterr().out, "points-logistic on 80 held-out rows", "accuracy"
    )

    model = Model.load(tmp_path / "points-logistic.onnx")
    assert model is not None
    assert model.card.provenance.command == (
        "python -m training logistic --task points --folds 0 --seed 0 --epochs 5 --l1 0.0"
    )


def check_table(printed: str, title: str, metric: str) -> None:
    """Checks that what was printed has the table of a model, with this title and a line of this metric."""
    for words in (title, metric, "largest difference", "seconds"):
        assert words in printed


def test_the_stored_command_makes_the_shipped_file_again(tmp_path: Path) -> None:
    """The stored command gives the same bytes in two processes, of which one is ours, and the shipped file's answers.

    Processors may round bytes differently.
    """
    shipped = Model.load(ROOT / "exported_models" / "tacos-linear.onnx")
    assert shipped is not None
    words = shipped.card.provenance.command.split()[3:]
    versions = []
    other = {"packages": {}, "code": None}

    finished = train(*words, folder=tmp_path / "one")
    assert finished.returncode == 0, finished.stderr
    check_table(finished.stdout, "tacos-linear on ", "r2")
    assert main([*words, "--output", str(tmp_path / "other")]) == 0

    for folder in ("one", "other"):
        again = Model.load(tmp_path / folder / "tacos-linear.onnx")
        assert again is not None
        versions.append(again.version)

    assert versions[0] == versions[1]
    assert replace(again.card.provenance, **other) == replace(
        shipped.card.provenance, **other
    )
    features = datasets.load("tacos").features
    assert np.allclose(again.run(features)[0], shipped.run(features)[0], rtol=1e-3)


def test_the_figures_of_an_explosion_stand_whole_in_a_narrow_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No figure is cut in 80 columns, where a descent has exploded and no folds have a column."""
    monkeypatch.setenv("COLUMNS", "80")
    words = "linear --task tacos --learning-rate 1.5 --clip 0 --batch-size 16 --force"
    assert main([*words.split(), "--epochs", "3", "--output", str(tmp_path)]) == 0

    printed = capsys.readouterr().out
    table = printed[printed.index("measure") : printed.index("written")]
    assert "e+0" in table
    assert "folds" not in table
    assert "…" not in table


def test_a_learning_rate_that_explodes_is_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses that are not numbers, without clipped steps, are said to be so, and nothing is written."""
    arguments = (
        "logistic",
        "--task",
        "wine",
        "--optimizer",
        "sgd",
        "--learning-rate",
        "1e30",
        "--clip",
        "0",
        "--patience",
        "3",
    )
    monkeypatch.setenv("COLUMNS", "120")
    assert main([*arguments, "--output", str(tmp_path)]) == 1
    assert (
        "not written: the loss was never a finite number: lower --learning-rate"
        in capsys.readouterr().out
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that cannot be written is said in the last line, and nothing is raised."""
    (tmp_path / "file").write_text("")
    words = ["naive_bayes", "--task", "wine", "--output", str(tmp_path / "file")]

    assert main(words) == 1
    captured = capsys.readouterr()
    assert captured.out.strip().splitlines()[-1].startswith("not written: ")
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_every_activation_passes_the_gate(
    tmp_path: Path, activation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every activation passes the gate with operators of its own in the graph."""
    arguments = [
        "mlp",
        "--task",
        "points",
        "--activation",
        activation,
        "--hidden",
        "8",
        "--epochs",
        "30",
    ]
    assert main([*arguments, "--output", str(tmp_path)]) == 0
    assert Model.load(tmp_path / "points-mlp.onnx") is not None
    assert "labels unlike source 0 largest difference " in " ".join(
        capsys.readouterr().out.split()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: FAMILY"),
        (["forest", "--task", "wine"], "invalid choice: 'forest'"),
        (["mlp"], "the following arguments are required: --task"),
        (
            ["mlp", "--task", "Cats"],
            "argument --task: expected lower-case words joined by '_', as in my_task, got",
        ),
        (
            ["mlp", "--task", "wine", "--folds", "1"],
            "expected 0 (none) or a whole number from 2 to 20, got 1",
        ),
        (
            ["mlp", "--task", "wine", "--seed", "-1"],
            "expected a whole number from 0 to 4294967295, got -1",
        ),
        (
            ["mlp", "--task", "wine", "--hidden", "8,x"],
            "expected a number for each layer, as in 64,64, got '8,x'",
        ),
        (
            ["logistic", "--task", "wine", "--activation", "relu"],
            "unrecognized arguments: --activation relu",
        ),
    ],
)
def test_a_wrong_command_is_told_what_is_wrong(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """argparse says what is wrong, with exit status 2."""
    with pytest.raises(SystemExit) as stopped:
        build_parser().parse_args(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["mlp", "--task", "cats"],
            "--task cats: there is no such data set; bundled: tacos, diabetes, points, ",
        ),
        (
            ["mlp", "--task", "wine", "--target", "x"],
            "--target is for your own table: give it with --data",
        ),
        (
            ["all", "--task", "wine", "--folds", "3"],
            "what is shipped has folds and seed of its own: give --folds and",
        ),
        (
            ["all", "--task", "wine", "--kind", "regressor"],
            "--kind is for your own table: give it with --data",
        ),
        (
            ["all", "--task", "cats"],
            "nothing that is shipped has this task and family; your own table goes with",
        ),
    ],
)
def test_a_task_without_data_is_told_what_there_is(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A task without data is told what there is, and nothing is written."""
    assert main(arguments) == 1
    assert f"not written: {message}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--target", "bougth"],
            "--target bougth: there is no such column (did you mean 'bought'?); columns: ",
        ),
        (
            ["--target", "bought", "--exclude", "x"],
            "--exclude x: there is no such column; columns: ",
        ),
        (
            ["--target", "bought", "--as", "x=number"],
            "--as x: there is no such column; columns: ",
        ),
    ],
)
@pytest.mark.parametrize("family", ["logistic", "all"])
def test_a_column_that_is_not_there_is_told_by_the_command(
    tmp_path: Path,
    words: list[str],
    message: str,
    family: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A name that is misspelt ends in a sentence with the columns that there are, by every command."""
    table = tmp_path / "shop.csv"
    rows = [f"{n / 7},{('yes', 'no')[n % 2]}" for n in range(40)]
    table.write_text("\n".join(["size,bought", *rows]))
    own = ["--data", str(table), "--task", "shop", "--output", str(tmp_path / "models")]

    assert main([family, *own, *words]) == 1
    assert f"not written: {message}size, bought" in capsys.readouterr().out


def test_the_points_are_well_separated() -> None:
    """The best line is wrong on one row in ten thousand, with clouds 4.47 apart of a deviation of 0.6."""
    assert norm.sf(20**0.5 / 2 / 0.6) == pytest.approx(1e-4, rel=0.05)
