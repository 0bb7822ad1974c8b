"""The metric that matters is named, or is a file of costs, whose mistakes are said in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.criterion import find_criterion
from service.errors import EvaluationError

CLASSES = ("no", "yes")


def write(tmp_path: Path, content: str) -> str:
    path = tmp_path / "costs.csv"
    path.write_text(content, encoding="utf-8")
    return str(path)


def test_a_known_metric_is_named_and_accuracy_is_none() -> None:
    """Accuracy is what a report is of anyway; another metric is named."""
    assert find_criterion("accuracy", CLASSES) is None
    criterion = find_criterion("brier", CLASSES)
    assert criterion is not None
    assert (criterion.metric, criterion.costs) == ("brier", None)


def test_costs_are_read_by_the_names_of_classes_in_any_order(tmp_path: Path) -> None:
    """Lines and columns may come in any order, with blanks and empty lines, and a negative cost is a gain."""
    path = write(tmp_path, "true,yes, no\n\nyes,-2.5,10\nno,1,0\n")
    criterion = find_criterion(path, CLASSES, price_ms=0.5)
    assert criterion is not None
    assert criterion.costs == ((0.0, 1.0), (10.0, -2.5))
    assert (criterion.metric, criterion.price_ms) == ("cost", 0.5)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("true;sí;no\nsí;-2,5;10\nno;1;0\n", "utf-8"),
        ("true;sí;no\r\nsí;-2,5;10\r\nno;1;0\r\n", "cp1252"),
        ("true;sí;no\nsí;-2.5;10\nno;1;0\n", "utf-8-sig"),
        ("true\tsí\tno\nsí\t-2,5\t10\nno\t1\t0\n", "utf-16"),
        ("true,sí,no\nsí,-2.5,10\nno,1,0\n", "cp1252"),
    ],
)
def test_costs_are_read_as_spreadsheets_save_them(
    tmp_path: Path, content: str, encoding: str
) -> None:
    """A spreadsheet writes semicolons, decimal commas, tabs and its country's encoding."""
    path = tmp_path / "costs.csv"
    path.write_bytes(content.encode(encoding))
    criterion = find_criterion(str(path), ("no", "sí"))
    assert criterion is not None
    assert criterion.costs == ((0.0, 1.0), (10.0, -2.5))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the first line: expected each class once: 'no', 'yes'; got none"),
        ("t,no,maybe\n", "the first line: expected each class once"),
        ("t,no,yes\nno,0,1\n", "the first column: expected each class once"),
        ("t,no,yes\nno,0,1\nno,0,1\n", "expected one line of 2 costs for each true"),
        ("t,no,yes\nno,0\nyes,1,0\n", "expected one line of 2 costs for each true"),
        ("t,no,yes\nno,0,x\nyes,1,0\n", "true class 'no', said 'yes': expected a cost"),
        ("t,no,yes\nno,0,inf\nyes,1,0\n", "expected a cost, a number, got 'inf'"),
        ("t;no;yes\nno;0;1,2,3\nyes;1;0\n", "expected a cost, a number, got '1,2,3'"),
        ("\x00\x01\x02", "the first line: expected each class once"),
    ],
)
def test_a_file_that_is_no_table_of_costs_is_refused(
    tmp_path: Path, content: str, reason: str
) -> None:
    """A file of costs is refused with what is wrong in it, and where."""
    with pytest.raises(EvaluationError) as error:
        find_criterion(write(tmp_path, content), CLASSES)
    assert str(error.value).startswith("costs.csv: ")
    assert reason in str(error.value)


def test_what_is_neither_metric_nor_file_lists_the_metrics() -> None:
    """A metric that is not known is refused with those that are, and a price without costs too."""
    with pytest.raises(
        EvaluationError, match="--by: expected accuracy, brier, log_loss"
    ):
        find_criterion("beauty", CLASSES)
    with pytest.raises(EvaluationError, match="expected --by with a file of costs"):
        find_criterion("brier", CLASSES, price_ms=1.0)


def test_costs_that_depend_on_nothing_are_refused(tmp_path: Path) -> None:
    """No model can be better where each true class costs the same whatever is said, and that is said at once."""
    path = tmp_path / "costs.csv"
    path.write_text("true,no,yes\nno,0,0\nyes,3,3\n")
    with pytest.raises(EvaluationError, match="all models are equal"):
        find_criterion(str(path), ("no", "yes"))
