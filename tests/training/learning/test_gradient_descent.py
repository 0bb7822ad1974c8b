"""Gradient descent learns, penalises, stops early, and does the same again for the same seed."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from training.data.datasets import load, split
from training.learning import gradient_descent
from training.learning.gradient_descent import Epoch
from training.learning.network import Classifier, FittedNetwork


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    gradient_descent.add_options(parser, learning_rate=0.05, l2=0.0)
    return parser.parse_args(arguments)


def fit(
    task: str, *arguments: str, on_epoch: gradient_descent.OnEpoch = lambda _: None
) -> FittedNetwork:
    dataset = load(task)
    rows = split(dataset, seed=0)
    return gradient_descent.fit_network(
        nn.Linear, dataset, rows, options(*arguments), on_epoch
    )


def weights(fitted: FittedNetwork) -> np.ndarray:
    return (
        torch.cat([parameter.flatten() for parameter in fitted.module.parameters()])
        .detach()
        .numpy()
    )


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_loss_falls(optimizer: str) -> None:
    """The loss falls well below that of a guess with either optimiser."""
    losses: list[Epoch] = []
    fit(
        "breast_cancer",
        "--optimizer",
        optimizer,
        "--epochs",
        "20",
        on_epoch=losses.append,
    )
    assert [each.number for each in losses] == list(range(1, len(losses) + 1))
    assert losses[-1].losses["train"] < 0.1 < np.log(2)


def test_the_same_seed_gives_the_same_weights() -> None:
    """A seed gives the same weights each time, bit for bit, and another seed gives others."""
    one, same, other = (
        fit("wine", "--epochs", "5", "--seed", seed) for seed in ("1", "1", "2")
    )
    assert np.array_equal(weights(one), weights(same))
    assert not np.array_equal(weights(one), weights(other))


def test_it_stops_when_validation_no_longer_falls_and_keeps_the_best() -> None:
    """Patience counts epochs since the best, and the weights are those of the best."""
    losses: list[Epoch] = []
    fitted = fit(
        "breast_cancer",
        "--patience",
        "4",
        "--learning-rate",
        "0.5",
        on_epoch=losses.append,
    )
    best = min(losses, key=lambda epoch: epoch.losses["validation"])

    assert losses[-1].number == best.number + 4
    dataset = load("breast_cancer")
    rows = split(dataset, seed=0).validation
    probabilities = fitted.outputs(dataset.features[rows])["probabilities"]
    loss = -np.log(probabilities[np.arange(len(rows)), dataset.target[rows]]).mean()
    assert loss == pytest.approx(best.losses["validation"], abs=1e-5)


def test_l1_makes_weights_vanish_and_l2_makes_them_small() -> None:
    """L1 makes weights vanish and L2 makes them small, as the course shows."""
    free, lasso, ridge = (
        np.abs(
            weights(
                fit(
                    "breast_cancer",
                    "--epochs",
                    "400",
                    "--patience",
                    "400",
                    "--batch-size",
                    "364",
                    "--learning-rate",
                    "0.01",
                    *penalty,
                )
            )
        )
        for penalty in ((), ("--l1", "0.02"), ("--l2", "0.1"))
    )
    assert (lasso < 0.02).mean() > 0.4 > (free < 0.02).mean()
    assert ridge.max() < 0.5 * free.max()


def test_a_converged_logistic_regression_is_scikit_learns() -> None:
    """An independent solver of the same penalty gives the same probabilities."""
    dataset = load("breast_cancer")
    rows = split(dataset, seed=0)
    arguments = (
        "--l2",
        "0.01",
        "--epochs",
        "1500",
        "--patience",
        "1500",
        "--batch-size",
        "364",
    )
    fitted = fit("breast_cancer", *arguments, "--learning-rate", "0.02")
    train = dataset.features[rows.train].astype(np.float64)
    mean = train.mean(axis=0)
    deviation = train.std(axis=0)
    oracle = LogisticRegression(
        C=1 / (2 * 0.01 * len(train)), tol=1e-10, max_iter=10_000
    )
    oracle.fit((train - mean) / deviation, dataset.target[rows.train])
    features = dataset.features[rows.held_out]
    expected = oracle.predict_proba((features - mean) / deviation)
    last_epoch_or_best = fitted.outputs(features)["probabilities"]

    assert np.abs(last_epoch_or_best - expected).max() < 0.02


@pytest.mark.parametrize(
    "arguments",
    [
        ("--learning-rate", "0"),
        ("--epochs", "0"),
        ("--l1", "-1"),
        ("--batch-size", "1.5"),
    ],
)
def test_an_impossible_option_is_refused(
    arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line refuses an impossible option before anything is learnt."""
    with pytest.raises(SystemExit):
        options(*arguments)
    assert f"argument {arguments[0]}: " in capsys.readouterr().err


def test_a_constant_feature_does_no_harm() -> None:
    """A constant feature has a deviation of zero, by which nothing is divided."""
    features = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]], dtype=np.float32)
    module = Classifier(nn.Linear(2, 1), features, n_classes=2)
    label, probabilities = module(torch.from_numpy(features))
    assert torch.isfinite(probabilities).all()
    assert label.shape == (3,)


def test_penalties_shrink_with_rows_where_none_is_given() -> None:
    """The penalty without `--l2` is that of scikit-learn's C = 1, which is half of one by the number of rows."""
    n_rows = len(split(load("wine"), seed=0).train)
    given = options("--epochs", "3", "--l2", str(0.5 / n_rows))
    unstated = options("--epochs", "3")
    unstated.l2 = None
    fitted = [
        gradient_descent.fit_network(
            nn.Linear, load("wine"), split(load("wine"), seed=0), each, lambda _: None
        )
        for each in (given, unstated)
    ]

    assert np.array_equal(weights(fitted[0]), weights(fitted[1]))
