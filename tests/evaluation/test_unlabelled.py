"""Rows without labels: the few that say most are written, labelled, and judged by."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from evaluation.__main__ import main
from evaluation.unlabelled import choose, read_labels
from service.errors import EvaluationError
from tests.support.coloured_rows import write_rows


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Returns rows whose labels are in a file beside them."""
    labelled = write_rows(tmp_path / "labelled.csv")
    path = tmp_path / "rows.csv"
    lines = labelled.read_text().splitlines()
    path.write_text("\n".join(line.rpartition(",")[0] for line in lines))
    return path


def ask(rows: Path, models: Path, *further: object) -> int:
    options = ("--task", "colour", "--models", models, "--unlabelled", rows, *further)
    return main([str(each) for each in options])


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def label_all(few: Path, labelled: Path) -> None:
    """Fills in the labels that the whole file has."""
    truth = read(labelled)
    lines = read(few)
    for line in lines:
        line["label"] = truth[int(line["row"].split()[1]) - 2]["answer"]
    with few.open("w", newline="") as file:
        writer = csv.DictWriter(file, lines[0])
        writer.writeheader()
        writer.writerows(lines)


def test_few_labels_decide_who_is_better(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan is printed, rows are written with their inclusion, and their labels show who is better."""
    few = rows.parent / "few.csv"
    assert ask(rows, models, "--to-label", few, "--rows-a-day", 100) == 0
    output = capsys.readouterr().out
    assert output.startswith("The 2 classifiers of colour do not all say the same on ")
    lines = read(few)
    assert output.endswith(
        f"to label: {few}, {len(lines)} rows, in its column 'label'\n"
    )
    assert {each["label"] for each in lines} == {""}
    assert all(0 < float(each["inclusion"]) <= 1 for each in lines)
    assert list(lines[0]) == ["row", "label", "inclusion", "size", "colour"]

    label_all(few, rows.parent / "labelled.csv")
    evidence = rows.parent / "few.json"
    assert ask(rows, models, "--labelled", few, "--evidence", evidence) == 0
    output = capsys.readouterr().out
    assert output.startswith("first leads: it is shown to be better than second. ")
    assert evidence.read_bytes().startswith(b'{"rows":60,')


def test_equal_rows_are_asked_for_once(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows that repeat others are left out, and it is said how many."""
    lines = rows.read_text().splitlines()
    rows.write_text("\n".join([*lines, *lines[1:11]]))
    assert ask(rows, models) == 0
    captured = capsys.readouterr()
    assert "of 60 rows" in captured.out
    assert "rows that repeat others are left out: 10" in captured.err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("row,answer\n", "expected the columns 'row' and 'label'"),
        ("row,label\nline 999,yes\n", "'line 999' is no row that was asked for"),
        ("row,label\nline 2,maybe\n", "line 2: expected a class, no, yes, got 'maybe'"),
        ("row,label\nline 2,\n", "expected labels in the column 'label', got none"),
    ],
)
def test_labels_that_fit_no_row_are_refused(
    tmp_path: Path, content: str, reason: str
) -> None:
    """A file of labels without its columns, with another row, with no class or no label is refused in words."""
    path = tmp_path / "few.csv"
    path.write_text(content)
    with pytest.raises(EvaluationError) as error:
        read_labels(path, ["line 2"], ("no", "yes"), "label")
    assert reason in str(error.value)


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe\x01" * 50])
def test_labels_of_no_table_are_refused(tmp_path: Path, content: bytes) -> None:
    """An empty file and one of bytes that are no text are refused in words."""
    path = tmp_path / "few.csv"
    path.write_bytes(content)
    with pytest.raises(EvaluationError, match=r"few\.csv: expected "):
        read_labels(path, ["line 2"], ("no", "yes"), "label")


def test_labels_are_read_as_a_spreadsheet_saves_them(tmp_path: Path) -> None:
    """Semicolons and the encoding of Western Europe are those of Excel in Spain."""
    path = tmp_path / "few.csv"
    text = "row;label;inclusion\nline 2;sí;0,5\nline 3; no ;1\nline 4;;1\n"
    path.write_bytes(text.encode("cp1252"))
    places = ["line 2", "line 3", "line 4"]
    assert read_labels(path, places, ("no", "sí"), "label").tolist() == [1, 0, -1]


def test_labels_that_somebody_has_written_are_kept(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rows may be chosen again over a file without labels, and over one that has some they are not."""
    few = rows.parent / "few.csv"
    assert ask(rows, models, "--to-label", few) == 0
    assert ask(rows, models, "--to-label", few) == 0
    label_all(few, rows.parent / "labelled.csv")
    labelled = few.read_bytes()
    assert ask(rows, models, "--to-label", few) == 2
    assert f"--to-label {few}: it has labels already" in capsys.readouterr().err
    assert few.read_bytes() == labelled


def test_rows_to_label_are_not_written_over_all_rows(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file that rows are chosen from stays as it is."""
    content = rows.read_bytes()
    assert ask(rows, models, "--to-label", rows) == 2
    assert (
        f"error: --to-label {rows}: expected a file of its own, got that of --unlabelled"
        in capsys.readouterr().err
    )
    assert rows.read_bytes() == content


def test_rows_are_chosen_by_disagreement_with_their_inclusion() -> None:
    """Eight of ten labels are of the twenty divided rows and two of the eighty others, each with its probability."""
    labels = np.zeros((100, 3), np.int64)
    labels[:20, 1] = 1
    choice = choose(labels, 10)
    divided = [each < 20 for each in choice.rows]

    assert sum(divided) == 8
    assert len(choice.rows) == len(set(choice.rows)) == 10
    for is_divided, inclusion in zip(divided, choice.inclusion, strict=True):
        assert inclusion == (8 / 20 if is_divided else 2 / 80)
    assert choose(labels, None) == choose(labels, 25)


def test_options_that_do_not_fit_together_end_the_command(
    rows: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels that are asked for and given at once, and --data beside --unlabelled, are refused with code 2."""
    for further in (("--to-label", "a.csv", "--labelled", "b.csv"), ("--data", rows)):
        with pytest.raises(SystemExit) as ended:
            ask(rows, models, *further)
        assert ended.value.code == 2
    assert "--unlabelled goes without --data" in capsys.readouterr().err
