"""An adopted model whose answers do not fit the rows, as after an export that lost a part, is written and doubted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeRegressor

from tests.support.foreign_models import (
    adopt,
    make_flowers,
    write_csv,
    write_flowers,
)

Floats = NDArray[np.float64]
SCALE = "are its answers on another scale"
SURE = "its probabilities lose more than the classes' shares alone"


def keep(target: Floats) -> Floats:
    return target


def make_heights(
    n_rows: int, *, seed: int, noise: float = 0.1
) -> tuple[NDArray[np.float32], Floats]:
    """Returns rows `(n_rows, 2)` and a target of about 30 to 400 that grows by products, as prices do."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(n_rows, 2)).astype(np.float32)
    noises = generator.normal(scale=noise, size=n_rows)
    return rows, np.exp(4.7 + 0.4 * rows[:, 0] - 0.2 * rows[:, 1] + noises)


def adopt_regressor(
    folder: Path,
    fitted: Any,
    rows: NDArray[np.float32],
    target: Floats,
) -> None:
    """Exports a regressor and adopts it with rows that it has not learnt."""
    path = folder / "line.onnx"
    path.write_bytes(to_onnx(fitted, rows[:1]).SerializeToString())
    held = [[*row, value] for row, value in zip(rows, target, strict=True)]
    table = write_csv(folder / "test.csv", ["a", "b", "height"], held)
    words = ("--task", "heights", "--data", table, "--target", "height")
    assert adopt(path, *words, "--output", folder) == 0


@pytest.mark.parametrize(
    ("learnt", "asked", "said"),
    [
        (np.log, keep, "as logarithms they have R2 0."),
        (keep, np.log, "with the logarithm taken they have R2 0."),
        (
            lambda target: np.log(target / (500 - target)),
            lambda target: target / 500,
            "as log-odds they have R2 0.",
        ),
        (lambda target: target * 60, keep, "times 0.01"),
        (lambda target: target * 0.6, keep, "times 1."),
        (lambda target: target - 200, keep, "with 20"),
        (
            lambda target: (target - 118) / 52,
            keep,
            "times 5",
        ),
    ],
    ids=["logarithm", "exponential", "odds", "sum", "part", "shifted", "standardised"],
)
def test_answers_of_another_scale_are_doubted(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    learnt: Callable[[Floats], Floats],
    asked: Callable[[Floats], Floats],
    said: str,
) -> None:
    """A link that is not in the graph, trees that were added or a unit are told from columns in another order."""
    rows, target = make_heights(200, seed=0)
    tree = DecisionTreeRegressor(min_samples_leaf=8, random_state=0)
    fitted = tree.fit(rows, learnt(target))
    held, truth = make_heights(100, seed=1)

    adopt_regressor(tmp_path, fitted, held, asked(truth))

    told = " ".join(capsys.readouterr().out.split())
    assert SCALE in told
    assert said in told
    assert "in the order of the table" not in told


def test_answers_of_the_target_s_scale_are_not_doubted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that fits is adopted without a word."""
    rows, target = make_heights(200, seed=0)
    held, truth = make_heights(100, seed=1)

    adopt_regressor(tmp_path, LinearRegression().fit(rows, target), held, truth)

    told = capsys.readouterr().out
    assert SCALE not in told
    assert "worse than the mean" not in told


def test_a_tree_that_learnt_noise_is_on_the_target_s_scale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers that are too bold and about as high as the target were learnt so, and exported as they were learnt."""
    rows, target = make_heights(200, seed=0, noise=0.8)
    held, truth = make_heights(400, seed=1, noise=0.8)
    fitted = DecisionTreeRegressor(random_state=0).fit(rows, target)

    adopt_regressor(tmp_path, fitted, held, truth)

    told = " ".join(capsys.readouterr().out.split())
    assert SCALE not in told
    assert "worse than the mean of height" in told


@pytest.mark.parametrize(("factor", "doubts"), [(1, 0), (60, 1)])
def test_probabilities_that_lose_more_than_shares_are_doubted(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    factor: int,
    doubts: int,
) -> None:
    """Scores that were added and not divided give the right classes, and probabilities of nearly 0 and 1."""
    rows, kinds = make_flowers(n_rows=60)
    rows = rows + np.random.default_rng(3).normal(size=rows.shape).astype(np.float32)
    fitted = LogisticRegression().fit(rows, kinds)
    fitted.coef_ = fitted.coef_ * factor
    fitted.intercept_ = fitted.intercept_ * factor
    path = tmp_path / "sure.onnx"
    path.write_bytes(to_onnx(fitted, rows[:1]).SerializeToString())
    table = write_flowers(tmp_path, n_rows=300)

    words = ("--task", "flowers", "--data", table, "--target", "kind")
    assert adopt(path, *words, "--output", tmp_path) == 0

    told = " ".join(capsys.readouterr().out.split())
    assert told.count(SURE) == doubts
    assert "in the order of the table" not in told
