"""Risk and coverage equal their definitions, and promises are kept on samples of a known truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from stats import risk_coverage


def draw(n_rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns calibrated confidence, and hits: a row of confidence c is right with probability c."""
    generator = np.random.default_rng(seed)
    confidence = 0.5 + 0.5 * generator.random(n_rows) ** 0.3
    return confidence, generator.random(n_rows) < confidence


def test_every_point_is_what_its_threshold_gives() -> None:
    """Each point has the coverage and the risk that are counted from the definition, with ties."""
    confidence, hits = draw(200, seed=1)
    confidence = np.round(confidence, 2)
    points = risk_coverage.risk_coverage(confidence, hits)
    assert len(points[0]) == len(set(confidence))

    for share, risk, threshold in zip(*points, strict=True):
        answered = confidence >= threshold
        assert share == pytest.approx(answered.mean(), abs=1e-12)
        assert risk == pytest.approx(1 - hits[answered].mean(), abs=1e-12)


def test_the_area_is_the_mean_risk_over_coverages() -> None:
    """The area without ties is the mean over k of the risk of the k most confident rows."""
    confidence, hits = draw(150, seed=2)
    ranked = hits[np.argsort(-confidence)]
    expected = np.mean([1 - ranked[:k].mean() for k in range(1, 151)])
    assert risk_coverage.risk_area(confidence, hits) == pytest.approx(
        expected, abs=1e-9
    )


def test_the_threshold_answers_as_many_rows_as_the_risk_allows() -> None:
    """The next lower confidence would have more risk than is allowed."""
    confidence, hits = draw(500, seed=3)
    found = risk_coverage.threshold_at_risk(confidence, hits, risk=0.1)
    assert 1 - hits[confidence >= found["threshold"]].mean() == pytest.approx(
        found["risk"]
    )
    assert found["risk"] <= 0.1
    for lower in confidence[confidence < found["threshold"]]:
        assert 1 - hits[confidence >= lower].mean() > 0.1


def test_a_risk_that_no_threshold_has_is_said_so() -> None:
    """Rows that are all wrong, and a single wrong one, have no threshold and a reason."""
    found = risk_coverage.threshold_at_risk(
        np.array([0.9]), np.array([False]), risk=0.1
    )
    assert found == {
        **{"threshold": None, "coverage": 0.0, "risk": None},
        "reason": "no threshold has so low a risk here",
    }
    promised = risk_coverage.guaranteed_threshold(
        np.array([0.9]), np.array([True]), risk=0.1
    )
    assert (
        promised["reason"]
        == "1 rows are too few, or the risk too high, to promise it for any threshold"
    )


def test_a_guaranteed_risk_is_kept() -> None:
    """The true risk at the threshold is over the promise in at most 5 % of 300 samples of 400 rows."""
    sure, truly_right = draw(200_000, seed=4)
    broken = 0

    for seed in range(300):
        found = risk_coverage.guaranteed_threshold(
            *draw(400, seed=1000 + seed), risk=0.12
        )
        if found["threshold"] is not None:
            broken += 1 - truly_right[sure >= found["threshold"]].mean() > 0.12

    assert broken / 300 <= 0.05


def test_the_limit_of_a_guarantee_is_the_exact_binomial_one() -> None:
    """The limit equals scipy's beta quantile at 5 % over the nine steps of a search in 400 rows."""
    confidence, hits = draw(400, seed=5)
    found = risk_coverage.guaranteed_threshold(confidence, hits, risk=0.15)
    answered = confidence >= found["threshold"]
    wrong = int((~hits[answered]).sum())
    expected = beta.ppf(1 - 0.05 / 9, wrong + 1, answered.sum() - wrong)
    assert found["limit"] == pytest.approx(expected, abs=1e-6)
    assert found["limit"] <= 0.15
