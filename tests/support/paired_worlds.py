"""Worlds of two models on the same rows, whose truth is known: their scores are normal and correlated."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from stats.losses import costs
from stats.losses.balanced_gaps import BalancedGaps
from stats.losses.cost_gaps import CostGaps
from stats.losses.gaps import Gaps
from stats.losses.mean_gaps import MeanGaps
from stats.scores import brier_scores, log_losses

COSTS = np.array([[0.0, 1.0], [5.0, 0.0]])
"""A miss of the second class costs five times as much as a false alarm."""
N_QUANTILES = 50_000
"""So many scores of each class stand for all: a mean over them is nearer than one of a hundred million random rows."""


@dataclass(frozen=True)
class PairedWorld:
    """Two classes have scores N(-mu, 1) and N(mu, 1), `share` of the rows are of the second.

    Logits are those of a calibrated model times `sharpness`; `correlation` is that of the two models' scores.
    """

    share: float
    mus: tuple[float, float]
    sharpness: tuple[float, float] = (1.0, 1.0)
    correlation: float = 0.5

    def draw(
        self, n_rows: int, generator: np.random.Generator
    ) -> tuple[list[NDArray[np.float64]], NDArray[np.int64]]:
        """Returns each model's probabilities, and the truth."""
        truth = (generator.random(n_rows) < self.share).astype(np.int64)
        shared = generator.normal(size=n_rows) * self.correlation**0.5
        found = []
        for number in range(len(self.mus)):
            own = generator.normal(size=n_rows) * (1 - self.correlation) ** 0.5
            found.append(self.answer(number, shared + own, truth))

        return found, truth

    def answer(
        self, number: int, score: NDArray[np.float64], truth: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Returns the probabilities of the model of this number; scores are N(0, 1) before the truth moves them."""
        mu = self.mus[number]
        moved = score + mu * (2 * truth - 1)
        logit = 2 * mu * moved + np.log(self.share / (1 - self.share))
        second = 1 / (1 + np.exp(-self.sharpness[number] * logit))

        return np.stack([1 - second, second], axis=1)


def find_losses(
    probabilities: list[NDArray[np.float64]], truth: NDArray[np.int64], metric: str
) -> NDArray[np.float64]:
    """Returns each row's loss of each model, `(n_rows, n_models)`."""
    if metric == "cost":
        said = [costs.decide(each, COSTS) for each in probabilities]
        found = [costs.find_costs(each, truth, COSTS) for each in said]
    else:
        find = brier_scores if metric == "brier" else log_losses
        found = [find(each, truth) for each in probabilities]

    return np.stack(found, axis=1)


def find_gaps(
    probabilities: list[NDArray[np.float64]],
    truth: NDArray[np.int64],
    metric: str,
    groups: NDArray[np.int64] | None = None,
) -> Gaps:
    """Returns the gaps of these models in a metric."""
    hits = np.stack([each.argmax(axis=1) == truth for each in probabilities], axis=1)
    if metric == "balanced_accuracy":
        return BalancedGaps(hits, truth, groups)

    losses = find_losses(probabilities, truth, metric)
    if metric == "cost":
        return CostGaps(losses, COSTS[:, :, None] - COSTS[:, None, :], groups)

    return MeanGaps(losses, hits, groups)


def find_true_gap(world: PairedWorld, metric: str) -> float:
    """Returns the gap over all rows, by the quantiles of each class's scores; no correlation changes it."""
    quantiles = ndtri((np.arange(N_QUANTILES) + 0.5) / N_QUANTILES)
    by_class = []
    for label in (0, 1):
        truth = np.full(N_QUANTILES, label)
        answers = [world.answer(number, quantiles, truth) for number in (0, 1)]
        if metric == "balanced_accuracy":
            losses = [each.argmax(axis=1) != truth for each in answers]
        else:
            losses = list(find_losses(answers, truth, metric).T)
        by_class.append(float(losses[1].mean()) - float(losses[0].mean()))

    share = 0.5 if metric == "balanced_accuracy" else world.share

    return (1 - share) * by_class[0] + share * by_class[1]
