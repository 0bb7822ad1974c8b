"""Policies that learn from feedback lose less in simulation than a fixed champion."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.regret import ACCURACIES, POLICIES, draw, simulate
from service.calls.policy import Champion

N_REQUESTS = 6000
SEEDS = range(6)


@pytest.fixture(scope="module")
def regrets() -> dict[str, np.ndarray]:
    """Returns the mean regret over six seeds for each policy, `(n_requests,)`."""
    return {
        name: np.mean(
            [
                simulate(policy, ACCURACIES, n_requests=N_REQUESTS, seed=seed)
                for seed in SEEDS
            ],
            axis=0,
        )
        for name, policy in POLICIES.items()
    }


def test_thompsons_regret_grows_the_slowest(regrets: dict[str, np.ndarray]) -> None:
    """Thompson loses less than half of what the next policy loses in the second half of the requests."""
    champion, epsilon, thompson = (
        float(each[-1] - each[N_REQUESTS // 2])
        for each in (regrets[name] for name in POLICIES)
    )
    assert 2 * thompson < epsilon < champion


def test_thompsons_regret_slows_down(regrets: dict[str, np.ndarray]) -> None:
    """The second half costs less than half of the first; a wrong choice that is fixed costs the same throughout."""
    first, second = (
        float(each) for each in np.diff(regrets["Thompson"][[0, N_REQUESTS // 2, -1]])
    )
    assert second < first / 2
    fixed = regrets["the champion, fixed"]
    assert fixed[-1] == pytest.approx(2 * fixed[N_REQUESTS // 2 - 1])


def test_the_right_choice_has_no_regret() -> None:
    """A champion that is the best has no regret from the first request on."""
    regret = simulate(Champion(), {"best": 0.9, "other": 0.8}, n_requests=100, seed=0)
    assert not regret.any()


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    """The picture of any number of runs has its size."""
    runs = [
        simulate(Champion(), ACCURACIES, n_requests=50, seed=seed) for seed in range(2)
    ]
    draw(dict.fromkeys(POLICIES, runs), tmp_path / "routing.png")
    with Image.open(tmp_path / "routing.png") as picture:
        assert picture.size == (768, 552)
