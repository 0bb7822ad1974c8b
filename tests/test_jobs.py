"""`python -m training all`: in parallel, resumed, and honest about what it did not do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from training.catalogue import SHIPPED
from training.command import build_parser, make_lesson
from training.freshness import fingerprint_code, is_up_to_date, read_card

ROOT = Path(__file__).resolve().parent.parent


def train_all(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "training", "all", *words, "--output", str(folder)]
    environment = os.environ | {"COLUMNS": "120"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_what_is_up_to_date_is_left_as_it_is(tmp_path: Path) -> None:
    """The second run makes only what is missing; a broken file counts as missing; --again makes all."""
    words = ("--task", "wine", "--family", "naive_bayes", "decision_tree", "knn")
    first = train_all(*words, folder=tmp_path)
    assert first.returncode == 0, first.stderr
    names = [f"wine-{family}.onnx" for family in ("decision_tree", "knn", "naive_bayes")]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    contents = [(tmp_path / name).read_bytes() for name in names]
    (tmp_path / names[0]).unlink()
    (tmp_path / names[1]).write_bytes(contents[1][:100])
    kept = (tmp_path / names[2]).stat().st_mtime_ns
    second = train_all(*words, folder=tmp_path)
    assert second.returncode == 0, second.stderr
    assert "1 of 3 were up to date and left as they are" in second.stdout
    assert (tmp_path / names[2]).stat().st_mtime_ns == kept
    assert [(tmp_path / name).read_bytes() for name in names] == contents
    for name in names:
        assert name.removesuffix(".onnx") in second.stdout


def test_a_file_is_up_to_date_by_command_data_and_code(tmp_path: Path) -> None:
    """Any of them changed, and it is not."""
    lesson = make_lesson(build_parser().parse_args(["naive_bayes", "--task", "wine"]))
    assert train_all("--task", "wine", "--family", "naive_bayes", folder=tmp_path).returncode == 0
    path = tmp_path / "wine-naive_bayes.onnx"
    card = read_card(path)
    assert card is not None
    made = {"command": card.provenance.command, "data": card.provenance.fingerprint, "code": card.provenance.code}
    assert made["code"] == fingerprint_code(lesson.family)
    assert is_up_to_date(path, **made)  # type: ignore[arg-type]
    for name in made:
        assert not is_up_to_date(path, **made | {name: "other"})  # type: ignore[arg-type]


def test_families_have_code_of_their_own() -> None:
    """A change in one does not make the others stale."""
    from training.families import FAMILIES

    fingerprints = {name: fingerprint_code(family) for name, family in FAMILIES.items()}
    assert len(set(fingerprints.values())) == len(FAMILIES)


def test_every_shipped_command_is_one() -> None:
    """And each makes another file."""
    parsed = [build_parser().parse_args(list(command)) for command in SHIPPED]
    assert len({(options.family, options.task) for options in parsed}) == len(SHIPPED)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """60 rows of numbers, with a column of ids."""
    path = tmp_path / "fruit.csv"
    frame = pl.DataFrame(
        {
            "id": range(60),
            "weight": [100 + 3 * (row % 17) for row in range(60)],
            "size": [4.0 + 0.1 * (row % 13) for row in range(60)],
            "fruit": [("apple", "pear", "fig")[row % 3] for row in range(60)],
        }
    )
    frame.write_csv(path)
    return path


def test_your_own_table_is_learnt_by_every_suitable_family(table: Path, tmp_path: Path) -> None:
    """The others are named with their reason."""
    words = ("--data", str(table), "--target", "fruit", "--task", "fruit", "--exclude", "id", "--folds", "2")
    finished = train_all(*words, "--family", "naive_bayes", "linear", "cnn", "pca", folder=tmp_path / "models")
    assert finished.returncode == 0, finished.stderr
    assert sorted(path.stem for path in (tmp_path / "models").iterdir()) == ["fruit-naive_bayes", "fruit-pca"]
    assert "left out fruit-linear: linear is a regressor, and the target of 'fruit' has classes" in finished.stdout
    assert "left out fruit-cnn: cnn: the task 'fruit' is not one of images" in finished.stdout
    assert "±" in finished.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--task", "fruit", "--target", "fruit"), "column 'id' looks like ids: whole numbers that count the rows"),
        (("--task", "fruit"), "--data needs --target, the column to predict, and --task, a name for what is learnt"),
        (("--target", "fruit"), "--data needs --target, the column to predict, and --task, a name for what is learnt"),
        (("--task", "wine", "--target", "fruit"), "--task wine is the name of a bundled data set (tacos, "),
    ],
)
def test_a_table_that_cannot_be_learnt_from_is_refused(
    table: Path, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    """Before anything is learnt, without a traceback."""
    finished = train_all("--data", str(table), *words, folder=tmp_path / "models")
    assert finished.returncode == 1
    assert f"not written: {message}" in finished.stdout
    assert finished.stderr == ""
    assert not (tmp_path / "models").exists()


def test_a_folder_that_cannot_be_written_fails_the_run(table: Path, tmp_path: Path) -> None:
    """Whatever else was finished is kept."""
    words = ("--data", str(table), "--target", "fruit", "--task", "fruit", "--exclude", "id")
    finished = train_all(*words, "--family", "naive_bayes", "knn", folder=table)
    assert finished.returncode == 1
    assert "not written: fruit-naive_bayes: " in finished.stdout
    assert "not written: fruit-knn: " in finished.stdout
