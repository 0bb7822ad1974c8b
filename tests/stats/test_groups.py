"""Rows that belong together count for as many independent rows as they are worth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t
from statsmodels.regression.linear_model import OLS

from stats import groups, paired_differences, scores
from stats.binomial import Z
from stats.paired_differences import Pair


def test_rows_by_themselves_are_worth_one_each() -> None:
    """The design effect of groups of one row, and of no groups, is 1."""
    residuals = np.array([0.5, -0.5, 0.25, -0.25])
    assert groups.design_effect(residuals, None) == 1
    assert groups.design_effect(residuals, np.arange(4)) == 1


def test_the_design_effect_is_that_of_clustered_errors() -> None:
    """The variance of a mean equals that of statsmodels' clustered errors, widened by SciPy's t, to 1e-9."""
    generator = np.random.default_rng(1)
    of_row = np.repeat(np.arange(30), generator.integers(1, 9, 30))
    values = generator.normal(size=len(of_row)) + generator.normal(size=30)[of_row]
    fit = OLS(values, np.ones(len(values))).fit(
        cov_type="cluster",
        cov_kwds={"groups": of_row, "use_correction": True, "df_correction": False},
    )
    residuals = values - values.mean()
    n = len(values)
    # statsmodels' correction has a factor of (n - 1) / (n - 1) for a mean
    variance = residuals @ residuals / n**2
    expected = fit.bse[0] ** 2 / variance * (t.ppf(0.975, 29) / Z) ** 2
    assert groups.design_effect(residuals, of_row) == pytest.approx(expected, rel=1e-9)


def test_equal_rows_are_worth_one_row() -> None:
    """Forty equal groups of five rows are worth about forty rows, less what a quantile of Student's takes."""
    hits = np.repeat(np.arange(40) % 4 > 0, 5)
    effect = groups.design_effect(hits - hits.mean(), np.repeat(np.arange(40), 5))
    assert effect == pytest.approx(5 * 40 / 39 * (t.ppf(0.975, 39) / Z) ** 2)


def test_without_residuals_a_group_counts_as_one_row() -> None:
    """The groups' sizes alone say what they are worth where all rows are right, and one group is one row."""
    of_row = np.repeat([0, 1, 2], [6, 3, 3])
    widened = (t.ppf(0.975, 2) / Z) ** 2
    assert groups.design_effect(np.zeros(12), of_row) == pytest.approx(4.5 * widened)
    assert groups.design_effect(np.zeros(12), np.zeros(12, np.int64)) == 12


def test_groups_of_two_kinds_are_joined() -> None:
    """Rows that a chain of either kind of groups links are in one group, numbered as they occur."""
    first = np.array([0, 0, 1, 1, 2, 3])
    second = np.array([5, 1, 1, 2, 3, 4])
    assert groups.join_groups(first, second).tolist() == [0, 0, 0, 0, 1, 2]
    assert groups.number_groups(np.array(["b", "a", "b"])).tolist() == [0, 1, 0]


def test_metrics_of_repeated_rows_are_as_wide_as_those_of_the_rows() -> None:
    """The metrics of 120 rows, each four times over, have the values of the rows alone and intervals no narrower."""
    generator = np.random.default_rng(2)
    truth = generator.integers(0, 2, 120)
    second = np.clip(generator.normal(0.3 + 0.4 * truth, 0.3), 0.01, 0.99)
    probabilities = np.stack([1 - second, second], axis=1)
    predictions = probabilities.argmax(axis=1)
    once = scores.score(probabilities, predictions, truth)
    repeated = scores.score(
        np.repeat(probabilities, 4, axis=0),
        np.repeat(predictions, 4),
        np.repeat(truth, 4),
        np.repeat(np.arange(120), 4),
    )

    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "brier"):
        assert repeated[name]["value"] == pytest.approx(once[name]["value"])
        width = np.diff(once[name]["interval"])[0]
        assert 0.97 * width < np.diff(repeated[name]["interval"])[0] < 1.1 * width, name


@pytest.mark.parametrize("group_size", [1, 3, 10, 30])
def test_a_false_claim_about_groups_passes_as_rarely_as_is_said(
    group_size: int,
) -> None:
    """The one-sided limit passes a claim on its edge in at most 5 % of 500 samples, and the error of so many."""
    generator = np.random.default_rng(group_size)
    of_row = np.repeat(np.arange(60), group_size)
    passed = 0
    for _ in range(500):
        hits = generator.random((2, 60)) < np.array([[0.85], [0.9]])
        first, second = np.repeat(hits, group_size, axis=1)
        effect = paired_differences.find_effect(
            first, second, of_row if group_size > 1 else None
        )
        limit = paired_differences.lower_limit(Pair.of(first, second), effect=effect)
        passed += limit > -0.05

    assert passed / 500 <= 0.05 + 0.025
