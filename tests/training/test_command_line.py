"""Help and plain refusals of the training command come before anything slow is imported."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.documents import ROOT
from training import command_document, command_line
from training.arguments.parser import build_parser
from training.data import datasets
from training.families.registry import FAMILIES

HEAVY = {"torch", "sklearn", "skl2onnx", "onnx", "polars", "numpy"}
PROGRAM = (
    "import sys\n"
    "from training.__main__ import main\n"
    "try:\n"
    "    code = main(sys.argv[1:])\n"
    "except SystemExit as ended:\n"
    "    code = ended.code\n"
    f"print(code, sorted({HEAVY} & set(sys.modules)))"
)


def run(*words: str) -> tuple[str, str]:
    """Returns what the command prints, and as the last line its exit code and which heavy libraries it has loaded."""
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    *lines, last = finished.stdout.splitlines()
    return "\n".join(lines) + finished.stderr, last


def parsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (families,) = (
        each for each in parser._actions if isinstance(each, argparse._SubParsersAction)
    )
    return families.choices


def test_the_document_is_todays() -> None:
    """`command_line.json` is what `python -m training.command_document` writes of the parsers of today."""
    written = command_line.DOCUMENT.read_text(encoding="utf-8")
    assert written == command_document.write()


@pytest.mark.parametrize("images", [False, True])
def test_the_help_is_that_of_the_full_parser(*, images: bool) -> None:
    """The help of the command and of each family is word for word that of the parser with all families imported."""
    document = command_line.read_document()["images" if images else "rows"]
    light = command_line.build(document)
    full = build_parser(images=images)

    assert light.format_help() == full.format_help()
    assert list(parsers(light)) == list(parsers(full))
    for name, each in parsers(full).items():
        assert parsers(light)[name].format_help() == each.format_help()


@pytest.mark.parametrize("words", [["--help"], ["mlp", "--help"]])
def test_help_loads_nothing_heavy(words: list[str]) -> None:
    """Help of the command and of a family ends with 0 and has loaded no library that learns."""
    text, last = run(*words)
    assert "usage: python -m training" in text
    assert "(default: None)" not in text
    assert last == "0 []"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["mlp"], "the following arguments are required: --task"),
        (["mlp", "--task", "wine", "--hidden", "a,b"], "expected a number for each"),
        (["nothing"], "invalid choice: 'nothing'"),
        (["mlp", "--task"], "training mlp: error: argument --task: expected one"),
        (
            ["mlp", "--task", "wine", "--epochs", "1.5"],
            "argument --epochs: expected a whole number, got '1.5'",
        ),
        (
            ["mlp", "--task", "wine", "--learning-rate", "fast"],
            "argument --learning-rate: expected a number, got 'fast'",
        ),
    ],
)
def test_a_wrong_option_is_refused_at_once(words: list[str], reason: str) -> None:
    """A wrong option is refused with 2, before any library that learns is loaded."""
    text, last = run(*words)
    assert reason in text
    assert last == "2 []"


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (b"\x93NUMPY\x01\x00", "got an array of numpy: write CSV"),
        (
            b"\0\0\x08\x03\0\0",
            "got pixels or labels as those of MNIST: write each image",
        ),
        (b"\x89HDF\r\n\x1a\n", "got HDF5: write Parquet"),
        (b"PK\x03\x04", "--data needs --target"),
        (b"a,b\n1,2\n", "--data needs --target"),
    ],
)
def test_a_file_that_is_no_table_is_told_before_what_it_lacks(
    tmp_path: Path, start: bytes, reason: str
) -> None:
    """No column could be named of such a file; an archive may have images or a table."""
    path = tmp_path / "data"
    path.write_bytes(start + bytes(100))
    printed, ended = run("all", "--task", "mine", "--data", str(path))
    assert ended == "1 []"
    assert reason in printed
    assert printed.count("\n") == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["knn", "--task", "whine"], "--task whine: there is no such data set"),
        (
            ["gan", "--task", "wine"],
            "gan learns images, and the rows of 'wine' are none; those of digits are",
        ),
        (
            ["linear", "--task", "wine"],
            "linear is a regressor, and the target of 'wine' has classes, which these learn: logistic, ",
        ),
        (
            ["knn", "--task", "tacos"],
            "knn is a classifier, and the target of 'tacos' has numbers, which these learn: linear, mlp, ",
        ),
        (
            ["knn", "--task", "mine", "--data", "nowhere.csv", "--target", "y"],
            "nowhere.csv: there is no such folder or file",
        ),
        (["cnn", "--task", "mine", "--data", "README.md"], "--data needs --target"),
        (
            ["knn", "--task", "wine", "--output", "README.md/models"],
            "--output README.md/models: no file can be written there",
        ),
        (
            ["all", "--task", "wine", "--report", "README.md"],
            "--report README.md: no file can be written there",
        ),
        (
            ["mlp", "--task", "mine", "--data", "docs", "--target=price"],
            "--target is for tables, and this learns images",
        ),
    ],
)
def test_what_is_not_there_is_refused_at_once(words: list[str], reason: str) -> None:
    """An unknown task, a file that is not there, and a target that is not said or has no sense are refused with 1."""
    text, last = run(*words)
    assert text.startswith(f"not written: {reason}")
    assert last == "1 []"


def test_a_family_that_can_learn_is_never_refused_at_once() -> None:
    """Each family that the full command lets learn a bundled data set is let through, and no other."""
    document = command_line.read_document()
    for task in datasets.DATASETS:
        dataset = datasets.load(task)
        supervised = "classifier" if dataset.classes else "regressor"
        for name, family in FAMILIES.items():
            suits = supervised in family.KINDS or not (
                {"classifier", "regressor"} & set(family.KINDS)
            )
            has_pixels = dataset.image_shape is not None or name not in ("cnn", "gan")
            fault = command_line._find_unsuitable(name, task, document)
            assert (fault is None) == (suits and has_pixels)


def test_images_are_told_by_task_data_or_family(tmp_path: Path) -> None:
    """A task of photographs, a folder, an archive, or a family that learns from images alone asks for their options."""
    for words in (
        ["mlp", "--task", "cifar10"],
        ["mlp", "--data", str(tmp_path)],
        ["mlp", "--data", "birds.tar.gz"],
        ["pretrained"],
    ):
        assert command_line.are_images(words)

    assert not command_line.are_images(["mlp", "--task", "wine"])
    assert not command_line.are_images(["mlp", "--data", "birds.csv.gz"])


def test_a_document_of_other_sources_refuses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A document that was not written anew after a change of families or tasks leaves every command to what learns."""
    words = ["cubes", "--task", "whine"]
    with pytest.raises(SystemExit):
        command_line.refuse_or_help(words)

    document = command_line.read_document() | {"sources": "of another day"}
    monkeypatch.setattr(command_line, "read_document", lambda: document)
    assert command_line.refuse_or_help(words) is None
