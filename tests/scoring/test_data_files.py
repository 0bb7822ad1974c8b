"""Files are found by a folder, a name or a pattern, and none is passed over without a word."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from scoring.data_files import FoundFiles, find_files
from service.errors import EvaluationError

ENDINGS = (".csv", ".parquet")


def find(data: object, out: Path) -> FoundFiles:
    return find_files(str(data), ENDINGS, out=out, expected="hues take tables")


def name_all(found: FoundFiles) -> list[str]:
    return [name for name, _ in found.files]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of two tables, one of them deeper, and of a hidden file."""
    folder = tmp_path / "data"
    (folder / "june").mkdir(parents=True)
    for name in ("a.csv", "june/B.CSV", ".hidden.csv"):
        (folder / name).write_text("a\n1\n")

    return folder


def test_what_a_folder_has_beside_its_tables_is_named(
    data: Path, tmp_path: Path
) -> None:
    """Packed files, links to folders and links to nothing are told, hidden files are not."""
    (data / "c.csv.gz").write_bytes(b"")
    (data / "july").symlink_to(data / "june")
    (data / "lost.csv").symlink_to(data / "nowhere")
    (data / "notes.md").write_text("")
    found = find(data, tmp_path / "out")

    assert name_all(found) == ["a.csv", "june/B.CSV"]
    assert found.left_out == ["c.csv.gz", "july/", "lost.csv", "notes.md"]
    assert found.describe_left_out() == (
        "4 files of that folder are not read: 'c.csv.gz', 'july/', 'lost.csv', ..."
    )


def test_nothing_is_said_where_all_is_read(data: Path, tmp_path: Path) -> None:
    """A folder of tables alone has nothing that is left out."""
    assert find(data, tmp_path / "out").describe_left_out() == ""


@pytest.mark.parametrize("pattern", ["", "**/*.csv", "**/*.CSV"])
def test_answers_beside_the_data_are_no_inputs(data: Path, pattern: str) -> None:
    """The folder that answers go to may lie in that of the data, at any depth, however files are named."""
    out = data / "june" / "scores"
    (out / "predictions").mkdir(parents=True)
    before = name_all(find(data / pattern, out))
    (out / "set-aside.csv").write_text("file,line,reason\n")
    (out / "predictions" / "part-000000.csv").write_text("file,line\n")
    (out / "predictions" / "part-000000.CSV").write_text("file,line\n")
    found = find(data / pattern, out)

    assert name_all(found) == before
    assert found.left_out == []


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("", "--data: expected a file, a folder or a pattern of files, got nothing"),
        (
            "**.csv",
            "--data **.csv: expected a pattern of files, got one that is none: "
            "invalid pattern: '**' can only be an entire path component",
        ),
        (
            "*.none",
            "--data *.none: hues take tables: expected a file, a folder or a pattern of files "
            "with the endings .csv, .parquet, got none",
        ),
    ],
)
def test_what_names_no_file_is_refused(
    data: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, said: str
) -> None:
    """An empty word is not the folder in which one happens to be."""
    monkeypatch.chdir(data)
    with pytest.raises(EvaluationError) as refused:
        find(pattern, data / "out")
    assert str(refused.value) == said


def test_a_name_that_is_no_utf_8_is_refused(data: Path, tmp_path: Path) -> None:
    """No table of answers could hold it, so it is named before anything is read."""
    shutil.copy(data / "a.csv", os.fsencode(data) + b"/caf\xe9.csv")
    with pytest.raises(EvaluationError) as refused:
        find(data, tmp_path / "out")
    assert str(refused.value) == (
        r"--data: expected names of files in UTF-8, got 'caf\udce9.csv': rename it"
    )
