"""Simulation in worlds whose truth is known shows how often 95 % intervals hold it.

Two classes have scores N(-mu, 1) and N(mu, 1); a share of rows is of the second. An over-confident model has the same
labels, and probabilities whose logits are three times too large.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from stats import scores

CDF = NormalDist().cdf
METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "log_loss", "brier")
MIN_GIVEN = 0.1
"""An interval that is given more rarely than this has samples too peculiar to say anything of it."""


@dataclass(frozen=True)
class World:
    share: float
    mu: float
    sharpness: float = 1.0

    def draw(
        self, n_rows: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns probabilities and truth."""
        truth = (generator.random(n_rows) < self.share).astype(np.int64)
        score = generator.normal(size=n_rows) + self.mu * (2 * truth - 1)
        logit = 2 * self.mu * score + np.log(self.share / (1 - self.share))
        second = 1 / (1 + np.exp(-self.sharpness * logit))
        return np.stack([1 - second, second], axis=1), truth

    def draw_groups(
        self, n_groups: int, size: int, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns probabilities and truth of groups of one class, whose rows share half of a score's variance."""
        truth = np.repeat(generator.random(n_groups) < self.share, size).astype(int)
        shared = np.repeat(generator.normal(size=n_groups), size)
        noise = (shared + generator.normal(size=len(truth))) / 2**0.5
        score = noise + self.mu * (2 * truth - 1)
        logit = 2 * self.mu * score + np.log(self.share / (1 - self.share))
        second = 1 / (1 + np.exp(-self.sharpness * logit))
        return np.stack([1 - second, second], axis=1), truth


@cache
def know(world: World) -> dict[str, float]:
    """Returns the true values, those of losses from a million rows."""
    cut = np.log((1 - world.share) / world.share) / (2 * world.mu)
    recalls = np.array([CDF(world.mu + cut), CDF(world.mu - cut)])
    shares = np.array([1 - world.share, world.share])
    hits = shares * recalls
    wrong = 1 - hits.sum()
    probabilities, truth = world.draw(1_000_000, np.random.default_rng(0))
    return {
        "accuracy": hits.sum(),
        "balanced_accuracy": recalls.mean(),
        "macro_f1": (2 * hits / (2 * hits + wrong)).mean(),
        "roc_auc": CDF(world.mu * 2**0.5),
        "log_loss": scores.log_losses(probabilities, truth).mean(),
        "brier": scores.brier_scores(probabilities, truth).mean(),
    }


WORLDS = {
    "half, good": World(0.5, 1.9),
    "half, good, over-confident": World(0.5, 1.9, 3.0),
    "half, poor": World(0.5, 0.5),
    "few, good": World(0.05, 1.9),
    "few, good, over-confident": World(0.05, 1.9, 3.0),
    "few, poor": World(0.05, 0.5),
}


def cover(
    world: World,
    n_rows: int,
    n_samples: int,
    *,
    group_size: int = 1,
    are_equal: bool = True,
) -> dict[str, tuple[float, float]]:
    """Returns how often each metric's interval is given, and how often it then holds the truth.

    Each row is there `group_size` times, or, if they are not equal, so many alike rows are in a group.
    """
    generator = np.random.default_rng(n_rows)
    known = know(world)
    given = dict.fromkeys(METRICS, 0)
    held = dict.fromkeys(METRICS, 0)
    groups = np.repeat(np.arange(n_rows), group_size) if group_size > 1 else None

    for _ in range(n_samples):
        if are_equal:
            drawn = world.draw(n_rows, generator)
            probabilities, truth = (
                np.repeat(each, group_size, axis=0) for each in drawn
            )
        else:
            probabilities, truth = world.draw_groups(n_rows, group_size, generator)

        found = scores.score(probabilities, probabilities.argmax(axis=1), truth, groups)
        for name in METRICS:
            interval = found[name]["interval"]
            if interval is not None:
                given[name] += 1
                held[name] += interval[0] <= known[name] <= interval[1]

    return {
        name: (given[name] / n_samples, held[name] / max(1, given[name]))
        for name in METRICS
    }


def check(found: dict[str, Any], *, lowest: float, highest: float = 1.0) -> None:
    for name, (given, held) in found.items():
        if given > MIN_GIVEN:
            assert lowest <= held <= highest, (name, given, held)


@pytest.mark.parametrize("n_rows", [30, 114, 500])
@pytest.mark.parametrize("name", WORLDS)
def test_intervals_hold_the_truth_about_as_often_as_they_say(
    name: str, n_rows: int
) -> None:
    """Every interval that is given holds the truth in 88 % of 150 samples of each world or more."""
    found = cover(WORLDS[name], n_rows, 150)
    check(found, lowest=0.88)
    assert found["accuracy"][0] == 1


def test_equal_rows_in_groups_do_not_narrow_an_interval() -> None:
    """Intervals of 114 rows, each five times over in a group, hold the truth in 88 % of samples or more."""
    check(cover(WORLDS["half, poor"], 114, 150, group_size=5), lowest=0.88)


def test_rows_that_are_alike_in_groups_do_not_narrow_an_interval() -> None:
    """A hundred groups of five alike rows have intervals that hold the truth in 88 % of samples or more."""
    found = cover(WORLDS["half, poor"], 100, 100, group_size=5, are_equal=False)
    check(found, lowest=0.88)


@pytest.mark.long
@pytest.mark.parametrize("n_rows", [30, 114, 500])
@pytest.mark.parametrize("name", WORLDS)
def test_intervals_hold_the_truth_in_92_to_99_and_a_half_percent(
    name: str, n_rows: int
) -> None:
    """Intervals hold the truth as often as is said in 3,000 samples, up to the error of so many samples."""
    check(cover(WORLDS[name], n_rows, 3000), lowest=0.905, highest=0.998)


@pytest.mark.long
@pytest.mark.parametrize("group_size", [3, 10, 30])
def test_intervals_of_groups_hold_the_truth(group_size: int) -> None:
    """Intervals hold the truth as often as is said in 1,000 samples of equal rows in groups of 3, 10 and 30."""
    for name in ("half, good", "half, poor", "few, good"):
        found = cover(WORLDS[name], 114, 1000, group_size=group_size)
        check(found, lowest=0.905)


@pytest.mark.long
@pytest.mark.parametrize("n_groups", [40, 100])
@pytest.mark.parametrize("name", WORLDS)
def test_intervals_of_alike_rows_hold_the_truth(name: str, n_groups: int) -> None:
    """Intervals hold the truth in 90 % of 1,000 samples of groups of five alike rows or more."""
    found = cover(WORLDS[name], n_groups, 1000, group_size=5, are_equal=False)
    check(found, lowest=0.9)
