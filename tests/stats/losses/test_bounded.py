"""Bounded losses are scikit-learn's, and a test that bets on their differences holds whenever one looks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize
from sklearn.metrics import brier_score_loss, log_loss

from stats import sequential
from stats.losses import bounded
from tests.support.paired_worlds import PairedWorld

ALPHA = 0.05
EQUAL = PairedWorld(0.5, (1.4, 1.4), correlation=0.9)
BETTER = PairedWorld(0.5, (1.347, 1.506), correlation=0.9)
"""The second model is right on 93.4 % of the rows and the first on 91.1 %, as in the audit."""
METRICS = (*bounded.METRICS, "accuracy")


def draw_gains(
    world: PairedWorld, metric: str, n_rows: int, generator: np.random.Generator
) -> np.ndarray:
    """Returns how much less the second model loses on each row, `(n_rows,)`, from -1 to 1."""
    (first, second), truth = world.draw(n_rows, generator)
    if metric == "accuracy":
        hits = [each.argmax(axis=1) == truth for each in (first, second)]
        return hits[1].astype(float) - hits[0]

    return bounded.find_gains(first, second, truth, metric)


def find_capital(x: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Returns the capital of bets that x has a mean over 1/2, after each group; the last axis is time."""
    gained = np.log1p(x[..., None] * odds) - np.log1p(0.5 * odds)
    return np.exp(gained.cumsum(axis=-2)).mean(axis=-1)


def first_alarm(x: np.ndarray, odds: np.ndarray = sequential.LOSS_ODDS) -> np.ndarray:
    """Returns after how many groups each stream `(n_streams, n_groups)` shows a difference, infinity for none."""
    richest = np.maximum(find_capital(x, odds), find_capital(1 - x, odds))
    shown = richest >= 2 / ALPHA

    return np.where(shown.any(axis=1), shown.argmax(axis=1) + 1, np.inf)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_losses_are_those_of_scikit_learn(n_classes: int) -> None:
    """Brier scores and logarithmic losses of rows are scikit-learn's, where no probability is under the least."""
    generator = np.random.default_rng(n_classes)
    probabilities = generator.dirichlet(np.full(n_classes, 2.0), 200)
    probabilities = 0.05 + (1 - 0.05 * n_classes) * probabilities
    truth = generator.integers(0, n_classes, 200)
    labels = list(range(n_classes))

    found = bounded.find_losses(probabilities, truth, bounded.LOG_LOSS).mean()
    assert found == pytest.approx(log_loss(truth, probabilities, labels=labels))

    found = bounded.find_losses(probabilities, truth, bounded.BRIER).mean()
    told = probabilities[:, 1] if n_classes == 2 else probabilities
    expected = brier_score_loss(truth, told, labels=labels)
    assert found == pytest.approx(expected)


def test_no_loss_is_larger_than_the_largest() -> None:
    """A model that is sure of what is wrong loses the largest loss, and one that is sure of what is right nothing."""
    sure = np.array([[1.0, 0.0]])
    for metric in bounded.METRICS:
        largest = bounded.find_largest(metric, 2)
        losses = [
            bounded.find_losses(sure, np.array([each]), metric)[0] for each in (0, 1)
        ]
        assert losses == pytest.approx([0, largest])
        gain = bounded.find_gains(sure, sure[:, ::-1], np.array([1]), metric)
        assert gain == pytest.approx([1])

    assert bounded.find_largest(bounded.BRIER, 3) == 2


@pytest.mark.parametrize("metric", bounded.METRICS)
def test_limits_are_where_the_capital_by_its_definition_reaches_its_limit(
    metric: str,
) -> None:
    """The limits from counts of rounded gains are those that SciPy finds from gains row by row, within the rounding."""
    gains = draw_gains(BETTER, metric, 3000, np.random.default_rng(1))
    values, counts = np.unique(np.rint(2520 * gains), return_counts=True)
    found = sequential.bound(
        values / 2520, counts[None], alpha=ALPHA, odds=sequential.LOSS_ODDS
    )[0]

    def excess(mean: float, x: np.ndarray) -> float:
        gained = np.log1p(x[:, None] * sequential.LOSS_ODDS) - np.log1p(
            mean * sequential.LOSS_ODDS
        )
        return float(np.log(np.exp(gained.sum(axis=0)).mean()) - np.log(2 / ALPHA))

    x = (gains + 1) / 2
    lower = optimize.brentq(excess, 0.4, 0.6, args=(x,))
    upper = 1 - optimize.brentq(excess, 0.4, 0.6, args=(1 - x,))
    assert found == pytest.approx([2 * lower - 1, 2 * upper - 1], abs=0.5 / 2520)


@pytest.mark.parametrize(
    ("n_streams", "n_groups"),
    [(100, 150), pytest.param(1000, 1000, marks=pytest.mark.long)],
)
@pytest.mark.parametrize("group_size", [1, 3, 10, 30])
@pytest.mark.parametrize("metric", bounded.METRICS)
def test_equal_models_are_rarely_told_apart_however_often_one_looks(
    metric: str, group_size: int, n_streams: int, n_groups: int
) -> None:
    """A difference is ever shown in at most 5 % of streams, and their error; all labels of a group are alike.

    Half of the rows of a group are copies of one row; after each label its mean is revised, and one looks.
    """
    generator = np.random.default_rng(group_size)
    n_alarms = sum(
        _is_revised_alarm(_draw_groups(metric, n_groups, group_size, generator))
        for _ in range(n_streams)
    )
    assert n_alarms / n_streams <= ALPHA + 3 * (ALPHA * 0.95 / n_streams) ** 0.5


def _draw_groups(
    metric: str, n_groups: int, group_size: int, generator: np.random.Generator
) -> np.ndarray:
    """Returns gains `(n_groups, group_size)` of equal models, where half of a group's rows are one and the same."""
    shared = draw_gains(EQUAL, metric, n_groups, generator)[:, None]
    own = draw_gains(EQUAL, metric, n_groups * group_size, generator)
    is_alike = generator.random((n_groups, group_size)) < 0.5

    return np.where(is_alike, shared, own.reshape(n_groups, group_size))


def _is_revised_alarm(gains: np.ndarray) -> bool:
    """Returns whether a look after any label of any group shows a difference."""
    odds = sequential.LOSS_ODDS
    means = gains.cumsum(axis=1) / np.arange(1, gains.shape[1] + 1)
    for x in ((1 + means) / 2, (1 - means) / 2):
        terms = np.log1p(x[..., None] * odds) - np.log1p(0.5 * odds)
        closed = terms[:, -1].cumsum(axis=0) - terms[:, -1]
        logs = closed[:, None] + terms
        if (np.exp(logs).mean(axis=-1) >= 2 / ALPHA).any():
            return True

    return False


@pytest.mark.parametrize(
    ("n_streams", "least"),
    [(40, 0.6), pytest.param(400, 0.7, marks=pytest.mark.long)],
)
def test_losses_show_a_better_model_on_fewer_rows_than_right_and_wrong(
    n_streams: int, least: float
) -> None:
    """Brier score and log loss show a better model within 700 rows much oftener than accuracy, at correlation .9."""
    power = {}
    for metric in METRICS:
        gains = draw_gains(BETTER, metric, n_streams * 700, np.random.default_rng(2))
        odds = sequential.ODDS if metric == "accuracy" else sequential.LOSS_ODDS
        found = first_alarm((1 + gains.reshape(n_streams, -1)) / 2, odds)
        power[metric] = float((found <= 700).mean())

    assert min(power[each] for each in bounded.METRICS) >= least, power
    assert power["accuracy"] <= power["log_loss"] - 0.2, power
