"""The test of groups is McNemar's of rows by themselves, and keeps its level whatever belongs together."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import permutation_test
from statsmodels.stats.multitest import multipletests

from stats import paired_tests
from stats.groups import sum_by_group


def draw_sums(
    n_groups: int, group_size: int, alike: float, generator: np.random.Generator
) -> np.ndarray:
    """Returns groups' sums of two equal models, whose rows of a group are copies of the first with this probability."""
    hits = generator.random((2, n_groups, group_size)) < 0.8
    is_copy = generator.random((n_groups, group_size)) < alike
    hits = np.where(is_copy, hits[:, :, :1], hits)
    sums: np.ndarray = (hits[0].astype(np.int64) - hits[1]).sum(axis=1)
    return sums


@pytest.mark.parametrize(
    "sums",
    [[1], [2, -1], [3, 3, -1, 0, 2], [1, 1, 1, 1, 1, 1], [5, -2, -2, 1, 4, 3, 0, -7]],
)
def test_flipped_signs_are_counted_exactly(sums: list[int]) -> None:
    """The p-value equals the share of all choices of signs, counted one by one, to 1e-12."""
    totals = [
        sum(sign * each for sign, each in zip(signs, sums, strict=True))
        for signs in product((-1, 1), repeat=len(sums))
    ]
    expected = np.mean(np.abs(totals) >= abs(sum(sums)))
    assert paired_tests.sign_flip_test(np.array(sums)) == pytest.approx(
        expected, abs=1e-12
    )


def test_the_test_of_groups_is_scipys() -> None:
    """The p-value equals that of SciPy's permutation test of paired samples, which counts all signs, to 1e-9."""
    sums = np.random.default_rng(3).integers(-4, 6, 12)
    expected = permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf
    )
    assert paired_tests.sign_flip_test(sums) == pytest.approx(expected.pvalue, abs=1e-9)


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (7, 0), (9, 4), (300, 250)])
def test_groups_of_one_row_have_mcnemars_test(only_a: int, only_b: int) -> None:
    """The p-value of groups of one row is McNemar's to 1e-9."""
    first = np.repeat([True, False, True], [only_a, only_b, 20])
    second = np.repeat([False, True, True], [only_a, only_b, 20])
    expected = paired_tests.mcnemar(first, second)["p_value"]
    found = paired_tests.sign_flip_test(first.astype(np.int64) - second)
    assert found == pytest.approx(expected, abs=1e-9)


def test_very_many_rows_have_the_normal_limit() -> None:
    """The p-value differs little from the exact one beyond the rows that are counted exactly."""
    sums = np.repeat([1, -1, 3], [10_000, 9_900, 12])
    close = paired_tests.sign_flip_test(sums[1:])
    assert len(sums) > paired_tests.MAX_EXACT_TOTAL - 200
    far = paired_tests.sign_flip_test(np.repeat([1, -1, 3], [10_100, 10_000, 12]))
    assert far == pytest.approx(close, abs=0.02)


@pytest.mark.parametrize("group_size", [1, 3, 10, 30])
@pytest.mark.parametrize("alike", [0.5, 1.0])
def test_equal_models_are_seldom_called_different(
    group_size: int, alike: float
) -> None:
    """The test finds a difference in at most 5 % of 1,000 pairs of equal models, and their error.

    Rows of a group that are taken for independent ones differ far more often where they are copies.
    """
    generator = np.random.default_rng(group_size)
    sums = [draw_sums(60, group_size, alike, generator) for _ in range(1000)]
    alarms = np.mean([paired_tests.sign_flip_test(each) <= 0.05 for each in sums])
    assert alarms <= 0.065


def test_sums_of_rows_by_themselves_are_the_rows() -> None:
    """Each row is its own sum without groups."""
    values = np.array([1, -1, 0])
    assert sum_by_group(values, None).tolist() == [1, -1, 0]
    assert sum_by_group(values, np.array([0, 0, 1])).tolist() == [0, 0]


@pytest.mark.parametrize("n_tests", [1, 5, 200])
def test_false_discoveries_are_those_of_statsmodels(n_tests: int) -> None:
    """Adjusted p-values equal statsmodels' of Benjamini and Yekutieli to 1e-9."""
    p_values = np.random.default_rng(n_tests).random(n_tests) ** 4
    expected = multipletests(p_values, method="fdr_by")[1]
    found = paired_tests.benjamini_yekutieli(p_values.tolist())
    assert found == pytest.approx(expected.tolist(), abs=1e-9)


@pytest.mark.parametrize("only_a", [0, 9_800, 9_999, 10_000, 10_001, 11_000, 20_000])
def test_many_tosses_are_as_exact_as_few(
    only_a: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The binomial distribution in float64 gives what whole numbers give, to nine digits."""
    only_b = 20_000 - only_a
    exact = paired_tests.mcnemar_p_value(only_a, only_b)
    exact_mid = paired_tests.mcnemar_mid_p(only_a, only_b)
    monkeypatch.setattr(paired_tests, "MAX_EXACT_TOTAL", 10)

    assert paired_tests.mcnemar_p_value(only_a, only_b) == pytest.approx(
        exact, rel=1e-9
    )
    assert paired_tests.mcnemar_mid_p(only_a, only_b) == pytest.approx(
        exact_mid, rel=1e-9
    )
