"""Plans before any label deliver the power that they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from stats.labelling.plan import plan_labels, split_budget
from stats.paired_tests import mcnemar
from stats.rows_needed import count_rows


def test_labels_are_those_of_the_rows_on_which_models_disagree() -> None:
    """Rows are Connor's at the share of disagreement, labels that share of them, and days follow from the traffic."""
    plan = plan_labels(0.02, 0.06, rows_a_day=100)
    rows = count_rows(0.02, 0.06)
    assert rows is not None
    assert plan["rows"] == rows
    assert plan["labels"] == math.ceil(rows * 0.06)
    assert plan["days"] == pytest.approx(rows / 100)
    assert plan_labels(0.02, 0.06, tests=6)["rows"] > rows


def test_models_cannot_differ_by_more_than_they_disagree() -> None:
    """A wanted difference over the share of disagreement has no plan."""
    assert plan_labels(0.05, 0.04, rows_a_day=100) == {
        "wanted": 0.05,
        "power": 0.8,
        "rows": None,
        "labels": None,
        "days": None,
    }


def test_so_many_rows_show_the_wanted_difference_as_often_as_is_said() -> None:
    """McNemar's exact test shows the difference in 72 to 88 % of 400 samples of the planned rows."""
    plan = plan_labels(0.03, 0.08)
    generator = np.random.default_rng(0)
    shown = 0
    for _ in range(400):
        only_a, only_b, _ = generator.multinomial(plan["rows"], [0.055, 0.025, 0.92])
        first = np.repeat([True, False], [only_a, only_b])
        shown += only_a > only_b and mcnemar(first, ~first)["p_value"] < 0.05

    assert 0.72 <= shown / 400 <= 0.88


@pytest.mark.parametrize(
    ("labels", "expected"),
    [(100, (80, 20)), (10, (8, 2)), (1000, (90, 500)), (0, (0, 0))],
)
def test_a_fifth_of_labels_is_for_rows_on_which_all_agree(
    labels: int, expected: tuple[int, int]
) -> None:
    """A budget takes four fifths and one of the rows with disagreement, or what there is, of 90 beside 500 without."""
    assert split_budget(labels, n_disagree=90, n_agree=500) == expected
