"""Logistic regression is solved as scikit-learn solves it, and is as good where rows are many."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from service.models.model import Model
from training.arguments.command import parse
from training.arguments.run import find_family
from training.data.datasets import Dataset, load, split
from training.families.logistic import SolvedFamily, is_solved
from training.families.registry import FAMILIES
from training.graph import run
from training.learning.network import FittedNetwork
from training.pipeline import TrainingRun, train


def make_run(dataset: Dataset, *words: str) -> TrainingRun:
    """Returns the run of these options on a data set that is no file."""
    options = parse(
        ["logistic", "--task", dataset.task, "--data", "t", "--target", "y", *words]
    )
    return TrainingRun(
        name="logistic",
        family=find_family(options, images=False),
        dataset=dataset,
        options=options,
        command="test",
    )


def draw_many(generator: np.random.Generator, *, n_classes: int) -> Dataset:
    """Returns 20,000 rows of twelve numbers of different scales, and classes that follow a softmax of these."""
    features = generator.normal(size=(20_000, 12))
    features[:, 1] += features[:, 0]
    scores = features @ generator.normal(size=(12, n_classes)) / 2
    target = (scores + generator.gumbel(size=scores.shape)).argmax(axis=1)
    return Dataset(
        task="many",
        summary="",
        source="generated",
        features=(features * 10.0 ** np.arange(-6, 6)).astype(np.float32),
        target=target.astype(np.int64),
        feature_names=tuple("abcdefghijkl"),
        classes=tuple("uvw"[:n_classes]),
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_many_rows_are_learnt_as_well_as_by_scikit_learn(
    generator: np.random.Generator, n_classes: int, tmp_path: Path
) -> None:
    """The file's held-out log loss after 20,000 rows is that of scikit-learn's C = 1 on standardised features."""
    dataset = draw_many(generator, n_classes=n_classes)
    (trained,) = train(make_run(dataset), tmp_path)
    rows = trained.rows
    oracle = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    oracle.fit(dataset.features[rows.train], dataset.target[rows.train])
    expected = oracle.predict_proba(dataset.features[rows.held_out])
    metrics = trained.card.metrics
    truth = dataset.target[rows.held_out]

    assert metrics["log_loss"].value == pytest.approx(
        log_loss(truth, expected), abs=2e-3
    )
    accuracy = (expected.argmax(axis=1) == truth).mean()
    assert metrics["accuracy"].value == pytest.approx(accuracy, abs=2e-3)
    model = Model.load(trained.path)
    assert model is not None
    assert {"contributions", "base"} <= set(model.extras)


def test_validation_rows_are_learnt_where_nothing_stops_by_them() -> None:
    """The solver has the validation rows too; an option of gradient descent brings them back."""
    dataset = load("wine")
    solved, descended = make_run(dataset), make_run(dataset, "--epochs", "2")
    assert not solved.family.NEEDS_VALIDATION
    assert descended.family.NEEDS_VALIDATION


@pytest.mark.parametrize(
    "words", ["", "--l2 0.1", "--class-weight balanced", "--solver exact --epochs 3"]
)
def test_what_the_solver_knows_is_solved(words: str) -> None:
    """Options that the solver knows leave it to it, and others do where the solver is named."""
    assert is_solved(parse(["logistic", "--task", "wine", *words.split()]))


@pytest.mark.parametrize(
    "words", ["--l1 0.1", "--learning-rate 0.1", "--patience 3", "--solver descent"]
)
def test_options_of_gradient_descent_choose_it(words: str) -> None:
    """Options that only gradient descent has choose it, as an L1 does."""
    assert not is_solved(parse(["logistic", "--task", "wine", *words.split()]))


@pytest.mark.parametrize("task", ["wine", "breast_cancer"])
def test_the_penalty_is_that_of_gradient_descent(task: str) -> None:
    """The loss that gradient descent descends, with the same `--l2`, has no slope where the solver ends."""
    dataset = load(task)
    rows = split(dataset, seed=0, needs_validation=False)
    options = parse(["logistic", "--task", task, "--l2", "0.1"])
    family = SolvedFamily(inner=FAMILIES["logistic"])
    module: Any = family.fit(dataset, rows, options, lambda _: None).module
    features, target = (
        torch.from_numpy(each[rows.train])
        for each in (dataset.features, dataset.target)
    )
    penalty = 0.1 * module.body.weight.square().sum()
    (module.loss(features, target) + penalty).backward()

    assert module.body.weight.grad.abs().max() < 1e-4
    assert module.body.bias.grad.abs().max() < 1e-4


def test_a_sure_answer_is_as_sure_as_it_should_be(
    generator: np.random.Generator,
) -> None:
    """Scores beyond 40 give the file the logistic function's values, to a ten-thousandth of each."""
    features = generator.normal(size=(200, 3)).astype(np.float32)
    dataset = Dataset(
        task="sure",
        summary="",
        source="generated",
        features=features,
        target=(features[:, 0] > 0).astype(np.int64),
        feature_names=("a", "b", "c"),
        classes=("no", "yes"),
    )
    rows = split(dataset, seed=0, needs_validation=False)
    options = parse(["logistic", "--task", "wine"])
    fitted = SolvedFamily(inner=FAMILIES["logistic"]).fit(
        dataset, rows, options, lambda _: None
    )
    assert isinstance(fitted, FittedNetwork)
    module: Any = fitted.module
    asked = np.linspace(-1, 1, 161, dtype=np.float32)[:, None] * features[:1]
    scores = module.scores(torch.from_numpy(asked))[:, 1].detach().numpy()
    asked *= 80 / abs(scores).max()
    scores = module.scores(torch.from_numpy(asked))[:, 1].detach().numpy()
    assert abs(scores).max() > 40

    content = fitted.to_onnx(n_features=3).SerializeToString()
    found = run(content, asked, ("probabilities",))["probabilities"]
    expected = expit(np.stack([-scores, scores], axis=1).astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_flags_keep_their_scale_in_the_penalty(generator: np.random.Generator) -> None:
    """The weights are scikit-learn's of standardised numbers beside zeros and ones as they are, with C = 1."""
    numbers = generator.normal(size=(400, 2)) * (1, 50)
    flags = generator.random((400, 3)) < (0.5, 0.1, 0.01)
    features = np.concatenate([numbers, flags], axis=1).astype(np.float32)
    chances = expit(features @ [1.0, 0.02, -1.0, 2.0, 3.0])
    dataset = Dataset(
        task="flags",
        summary="",
        source="generated",
        features=features,
        target=(generator.random(400) < chances).astype(np.int64),
        feature_names=("a", "b", "often", "seldom", "rarely"),
        classes=("no", "yes"),
    )
    rows = split(dataset, seed=0, needs_validation=False)
    options = parse(["logistic", "--task", "wine"])
    family = SolvedFamily(inner=FAMILIES["logistic"])
    module: Any = family.fit(dataset, rows, options, lambda _: None).module
    learnt = features[rows.train].astype(np.float64)
    deviation = learnt.std(axis=0)
    oracle = LogisticRegression(tol=1e-8, max_iter=1000)
    oracle.fit(
        np.concatenate([learnt[:, :2] / deviation[:2], learnt[:, 2:]], axis=1),
        dataset.target[rows.train],
    )
    found = module.body.weight.detach().numpy()[0] / deviation
    expected = oracle.coef_[0] / [*deviation[:2], 1, 1, 1]

    np.testing.assert_allclose(found, expected, rtol=2e-3)
