"""Agreement and paired tests equal those of scikit-learn, statsmodels and SciPy."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.stats import binom, binomtest, chi2
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats import contingency_tables, inter_rater
from statsmodels.stats.multitest import multipletests

from stats import agreement, chi_square, paired_tests


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_kappas_equal_scikit_learns(
    n_classes: int, generator: np.random.Generator
) -> None:
    """The kappa of every pair equals scikit-learn's on labels that agree by half; agreement equals its definition."""
    labels = generator.integers(0, n_classes, (200, 4))
    labels[:, 1] = np.where(generator.random(200) < 0.5, labels[:, 0], labels[:, 1])
    agreements = agreement.agreements(labels)
    kappas = agreement.kappas(agreements, labels, n_classes=n_classes)

    for first, second in product(range(4), range(4)):
        expected = cohen_kappa_score(labels[:, first], labels[:, second])
        assert kappas[first, second] == pytest.approx(expected, abs=1e-12)
        assert agreements[first, second] == np.mean(
            labels[:, first] == labels[:, second]
        )


def test_kappa_of_one_label_throughout_is_undefined() -> None:
    """Kappa is NaN where chance agrees on every row as well."""
    labels = np.array([[1, 1, 0], [1, 1, 0]])
    kappas = agreement.kappas(agreement.agreements(labels), labels, n_classes=2)
    assert np.array_equal(
        np.isnan(kappas),
        [[True, True, False], [True, True, False], [False, False, True]],
    )


def test_kappa_of_opposites_is_minus_one() -> None:
    """Two models that never agree on two balanced classes have a kappa of -1."""
    labels = np.array([[0, 1], [1, 0]])
    assert agreement.kappas(agreement.agreements(labels), labels, n_classes=2)[
        0, 1
    ] == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("only_a", "only_b"), [(0, 0), (0, 1), (3, 9), (10, 10), (40, 90), (2500, 2700)]
)
def test_mcnemar_equals_statsmodels(only_a: int, only_b: int) -> None:
    """The exact test equals statsmodels', with many discordant rows too."""
    first = np.repeat([True, False, True], [only_a, only_b, 5])
    second = np.repeat([False, True, True], [only_a, only_b, 5])
    expected = (
        contingency_tables.mcnemar([[5, only_a], [only_b, 0]], exact=True).pvalue
        if only_a + only_b
        else 1.0
    )
    found = paired_tests.mcnemar(first, second)
    assert (found["only_a"], found["only_b"]) == (only_a, only_b)
    assert found["p_value"] == pytest.approx(expected, rel=1e-9)


def test_mcnemar_is_a_binomial_test_of_the_discordant_rows() -> None:
    """The p-value equals scipy's binomial test."""
    found = paired_tests.mcnemar(
        np.repeat([True, False], [2, 9]), np.repeat([False, True], [2, 9])
    )
    assert found["p_value"] == pytest.approx(binomtest(2, 11).pvalue, abs=1e-12)


def test_holm_equals_statsmodels(generator: np.random.Generator) -> None:
    """Adjusted p-values equal statsmodels', ties and ones included."""
    for p_values in (list(generator.random(7) ** 3), [0.01, 0.01, 1.0], [0.04], []):
        expected = list(multipletests(p_values, method="holm")[1]) if p_values else []
        assert paired_tests.holm(p_values) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("n_models", [2, 3, 8])
def test_cochran_q_equals_statsmodels(
    n_models: int, generator: np.random.Generator
) -> None:
    """The statistic and the p-value equal statsmodels'."""
    hits = generator.random((100, n_models)) < np.linspace(0.6, 0.8, n_models)
    expected = contingency_tables.cochrans_q(hits.astype(int))
    found = paired_tests.cochran_q(hits)
    assert found == pytest.approx(
        {"statistic": expected.statistic, "p_value": expected.pvalue}, rel=1e-9
    )


def test_cochran_q_without_a_difference_is_undefined() -> None:
    """Models that are all right or all wrong together have no statistic, and the reason says why."""
    assert paired_tests.cochran_q(np.array([[True, True], [False, False]])) == {
        "statistic": None,
        "p_value": None,
        "reason": "undefined: the models are right on the same rows",
    }


def test_cochran_q_takes_two_models() -> None:
    """A single model has no statistic, and the reason says why."""
    assert (
        paired_tests.cochran_q(np.array([[True], [False]]))["reason"]
        == "undefined: it takes two models"
    )


@pytest.mark.parametrize("degrees", range(1, 13))
def test_the_chi_square_tail_equals_scipys(degrees: int) -> None:
    """The tails of odd and even degrees of freedom, which have forms of their own, equal scipy's."""
    for statistic in (0.0, 0.01, 1.0, 7.5, 40.0, 200.0):
        assert chi_square.chi_square_tail(statistic, degrees=degrees) == pytest.approx(
            chi2.sf(statistic, degrees), rel=1e-9
        )


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_fleiss_kappa_equals_statsmodels(
    n_classes: int, generator: np.random.Generator
) -> None:
    """Fleiss' kappa of five models whose labels agree by half equals statsmodels'."""
    labels = generator.integers(0, n_classes, (200, 5))
    labels = np.where(generator.random((200, 5)) < 0.5, labels[:, :1], labels)
    expected = inter_rater.fleiss_kappa(
        inter_rater.aggregate_raters(labels, n_cat=n_classes)[0]
    )
    assert agreement.fleiss_kappa(labels, n_classes=n_classes) == pytest.approx(
        expected, abs=1e-9
    )


def test_fleiss_kappa_takes_two_models_and_two_labels() -> None:
    """Fleiss' kappa is None for a single model, and for one label throughout."""
    assert agreement.fleiss_kappa(np.array([[0], [1]]), n_classes=2) is None
    assert agreement.fleiss_kappa(np.array([[1, 1], [1, 1]]), n_classes=2) is None
    assert agreement.fleiss_kappa(
        np.array([[0, 0], [1, 1]]), n_classes=2
    ) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("only_a", "only_b"), [(0, 1), (1, 7), (3, 9), (40, 90), (2500, 2700)]
)
def test_the_mid_p_value_leaves_half_of_what_was_seen(only_a: int, only_b: int) -> None:
    """The mid-p value follows from scipy's binomial distribution; it is 0.039 for the paper's example of 1 and 7."""
    rarer = min(only_a, only_b)
    tosses = only_a + only_b
    expected = 2 * binom.cdf(rarer, tosses, 0.5) - binom.pmf(rarer, tosses, 0.5)
    assert paired_tests.mcnemar_mid_p(only_a, only_b) == pytest.approx(
        expected, rel=1e-9
    )
    assert paired_tests.mcnemar_mid_p(only_b, only_a) == paired_tests.mcnemar_mid_p(
        only_a, only_b
    )


def test_the_mid_p_value_of_equals_is_one_less_half_of_what_was_seen() -> None:
    """Equal counts, the paper's other case, have 1 less half of their probability: a half without a discordant row."""
    assert paired_tests.mcnemar_mid_p(4, 4) == pytest.approx(
        1 - binom.pmf(4, 8, 0.5) / 2
    )
    assert paired_tests.mcnemar_mid_p(0, 0) == 0.5
