"""Curves and floors give probabilities that hold and are never 0, in the graph as in its source."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.naive_bayes import GaussianNB

from service.models.model import Model
from training.arguments.command import parse, write_command
from training.arguments.parser import build_parser
from training.arguments.run import find_family, make_training_run
from training.data.datasets import Dataset, load, split
from training.export import recalibration
from training.export.calibration import (
    calibrate,
    expected_calibration_error,
    log_loss,
)
from training.export.recalibration import (
    Curves,
    RecalibratedFamily,
    RecalibratedModel,
    Temperature,
    adjust,
    choose_step,
    draw_rows,
    fit_curves,
)
from training.families import knn, naive_bayes
from training.graph import clean, run
from training.pipeline import TrainingRun, train


def draw_crooked(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns probabilities whose first class is never as likely as they say, as no temperature can mend."""
    true = generator.dirichlet([0.5, 0.5, 0.5], size=3000)
    target = np.array([generator.choice(3, p=row) for row in true])
    said = true * [3.0, 1.0, 0.5]
    return said / said.sum(axis=1, keepdims=True), target


def test_curves_mend_what_no_temperature_can(generator: np.random.Generator) -> None:
    """Probabilities that err by class get curves, which make them right on rows apart."""
    probabilities, target = draw_crooked(generator)
    step = choose_step(probabilities[:2000], target[:2000], seed=0)

    assert isinstance(step, Curves)
    before, after = probabilities[2000:], step.apply(probabilities[2000:])
    errors = [
        expected_calibration_error(each, target[2000:]) for each in (before, after)
    ]
    assert errors[0] > 0.1
    assert errors[1] < 0.05
    hits = [(each.argmax(axis=1) == target[2000:]).mean() for each in (before, after)]
    assert hits[1] > hits[0]


def test_a_temperature_stays_where_it_is_enough(generator: np.random.Generator) -> None:
    """A temperature is fitted where rows are few and stretched alike, since it needs fewer rows than curves."""
    true = generator.dirichlet([0.3, 0.3, 0.3], size=150)
    target = np.array([generator.choice(3, p=row) for row in true])
    stretched = true**3 / (true**3).sum(axis=1, keepdims=True)
    step = choose_step(stretched, target, seed=0)

    assert isinstance(step, Temperature)
    assert step.temperature == pytest.approx(3, rel=0.3)


def test_curves_never_fall_and_end_between_0_and_1(
    generator: np.random.Generator,
) -> None:
    """A curve rises with its class's probability, and no share is 0 or 1, however few the rows."""
    probabilities = generator.dirichlet([0.2, 0.2], size=40)
    target = (probabilities[:, 1] > 0.5).astype(np.int64)
    curves = fit_curves(probabilities, target)

    assert ((curves.shares > 0) & (curves.shares < 1)).all()
    assert (np.diff(curves.shares, axis=1) >= 0).all()
    grid = np.linspace(0, 1, 101)
    assert (np.diff(curves.apply(np.c_[1 - grid, grid])[:, 1]) >= -1e-12).all()


def test_curves_are_near_scikit_learns(generator: np.random.Generator) -> None:
    """The curves of many rows are those of scikit-learn's isotonic calibration, but for the steps' slopes and prior."""
    features = generator.normal(size=(6000, 2))
    target = (features.sum(axis=1) + generator.normal(size=6000) > 0).astype(np.int64)
    doubled = np.c_[features, features, features]
    model = GaussianNB().fit(doubled[:1000], target[:1000])
    oracle = CalibratedClassifierCV(FrozenEstimator(model), method="isotonic")
    oracle.fit(doubled[1000:5000], target[1000:5000])
    curves = fit_curves(model.predict_proba(doubled[1000:5000]), target[1000:5000])
    found = curves.apply(model.predict_proba(doubled[5000:]))
    expected = oracle.predict_proba(doubled[5000:])

    assert np.abs(found - expected).mean() < 0.03


@pytest.mark.parametrize("kind", ["curves", "temperature"])
@pytest.mark.parametrize("family", [naive_bayes, knn])
def test_the_graph_computes_as_its_source(family: object, kind: str) -> None:
    """The graph's labels are the source's, and its probabilities the same to a millionth, at the bends too."""
    dataset, options = load("digits"), argparse.Namespace(var_smoothing=0.01)
    vars(options).update(neighbors=5, metric="euclidean", weights="distance")
    rows = split(dataset, seed=0, needs_validation=True)
    fitted = family.fit(dataset, rows, options, lambda _: None)  # type: ignore[attr-defined]  # a family's module
    said = fitted.outputs(dataset.features[rows.validation])["probabilities"]
    fit = getattr(recalibration, f"fit_{kind}")
    model = RecalibratedModel(fitted, step=fit(said, dataset.target[rows.validation]))
    features = dataset.features[np.r_[rows.validation, rows.held_out]]
    graph = clean(model.to_onnx(features.shape[1])).SerializeToString()
    source, exported = model.outputs(features), run(graph, features)

    assert np.array_equal(source["label"], exported["label"])
    assert np.abs(source["probabilities"] - exported["probabilities"]).max() <= 1e-6
    assert exported["probabilities"].sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_curves_find_a_line_by_the_starts_that_are_passed(
    generator: np.random.Generator,
) -> None:
    """A probability at a start, between two and outside all is on the line of the last start that is not above it."""
    curves = fit_curves(*draw_crooked(generator))
    starts = curves.starts[:, [0, 1, 2, -1]].T
    grid = np.concatenate(
        [starts, starts + 1e-9, starts - 1e-9, generator.random((200, 3))]
    )
    values = curves.before.apply(grid)
    line = (values[:, :, None] >= curves.starts[None, :, 1:]).sum(axis=2)
    label = np.arange(3)
    risen = curves.shares[label, line] + curves.slopes[label, line] * (
        values - curves.starts[label, line]
    )

    assert np.array_equal(curves.apply(grid), risen / risen.sum(axis=1, keepdims=True))


def make_repeated(generator: np.random.Generator) -> Dataset:
    """Returns a data set with one feature five times, of which naive Bayes is far too sure."""
    features = generator.normal(size=(4000, 1)).repeat(5, axis=1).astype(np.float32)
    noise = generator.logistic(size=4000)
    return Dataset(
        task="repeated",
        summary="",
        source="",
        features=features,
        target=(features[:, 0] + noise > 0).astype(np.int64),
        feature_names=("a", "b", "c", "d", "e"),
        classes=("no", "yes"),
    )


def test_the_step_of_many_rows_is_fitted_to_some(
    generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is fitted to the answers to 500 of 3,200 rows, and mends nearly as much as by all."""
    dataset = make_repeated(generator)
    rows = split(dataset, seed=0, needs_validation=False)
    options = build_parser().parse_args(["naive_bayes", "--task", "repeated"])
    family = RecalibratedFamily(inner=naive_bayes)
    answer = naive_bayes.FittedMixture.outputs
    losses, asked = [], []

    def count(model: naive_bayes.FittedMixture, features: np.ndarray) -> object:
        asked[-1] += len(features)
        return answer(model, features)

    def measure(model: RecalibratedModel | naive_bayes.FittedMixture) -> float:
        said = model.outputs(dataset.features[rows.held_out])["probabilities"]
        return log_loss(said, dataset.target[rows.held_out])

    for most in (20_000, 500):
        monkeypatch.setattr(recalibration, "MAX_STEP_ROWS", most)
        asked.append(0)
        with monkeypatch.context() as counting:
            counting.setattr(naive_bayes.FittedMixture, "outputs", count)
            fitted = family.fit(dataset, rows, options, lambda _: None)
        losses.append(measure(fitted))

    assert asked == [3200, 500]
    assert losses[1] < losses[0] + 0.01
    assert measure(fitted.fitted) > losses[1] + 0.1


def test_rows_to_fit_a_step_by_hold_each_class_by_its_share(
    generator: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are drawn once each, by class; a rare class has 20 rows or all of its own, and few rows are all taken."""
    target = np.repeat([0, 1, 2, 3], [6000, 3955, 40, 5])
    rows = generator.permutation(10_000)[:9990]
    assert draw_rows(rows, target, seed=0) is rows

    monkeypatch.setattr(recalibration, "MAX_STEP_ROWS", 1000)
    drawn = draw_rows(rows, target, seed=0)
    counts = np.bincount(target[drawn])
    own = np.bincount(target[rows])

    assert len(np.unique(drawn)) == len(drawn)
    assert set(drawn) <= set(rows)
    assert counts.tolist() == pytest.approx([600, 396, 20, own[3]], abs=1)
    assert np.array_equal(drawn, draw_rows(rows, target, seed=0))


def test_no_number_stays_no_number() -> None:
    """A value that is no number makes no number, and neither a share nor the floor."""
    curves = fit_curves(np.array([[0.2, 0.8], [0.7, 0.3]]), np.array([1, 0]))
    assert np.isnan(adjust(np.full((1, 2), np.nan), curves)).all()


@pytest.mark.parametrize("family", ["naive_bayes", "knn"])
def test_no_class_is_impossible(
    far_apart: Dataset, family: str, tmp_path: Path
) -> None:
    """No probability is 0 by underflow far out, so that no row has an infinite loss, and the rows still sum to 1."""
    options = parse([family, "--task", "far", "--data", "far.csv", "--target", "y"])
    training_run = make_training_run_of(far_apart, options)
    (trained,) = train(training_run, tmp_path)
    model = Model.load(trained.path)

    assert model is not None
    far_out = np.array(
        [[-4e3] * 3, [4e3] * 3, [20] * 3, [4e4, -4e4, 4e4]], dtype=np.float32
    )
    _, probabilities = model.run(np.concatenate([far_apart.features, far_out]))
    assert probabilities.min() > 0
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)


def make_training_run_of(dataset: Dataset, options: argparse.Namespace) -> TrainingRun:
    """Returns the run of these options on a data set that is no file."""
    return TrainingRun(
        name=options.family,
        family=find_family(options, images=False),
        dataset=dataset,
        options=options,
        command=write_command(options),
    )


def test_naive_bayes_of_digits_is_right_more_often(tmp_path: Path) -> None:
    """Naive Bayes of the digits has curves, and with them is right on more held-out rows than without."""
    options = parse(
        ["naive_bayes", "--task", "digits", "--copies", "0", "--drawn", "0"]
    )
    digits = load("digits")
    (trained,) = train(make_training_run(options), tmp_path)
    held_out = trained.rows.held_out
    features, target = digits.features[held_out], digits.target[held_out].astype(int)
    plain = naive_bayes.fit(digits, trained.rows, options, lambda _: None).outputs(
        features
    )
    calibration = trained.card.calibration

    assert "with isotonic curves" in trained.card.summary
    assert trained.card.metrics["accuracy"].value > (plain["label"] == target).mean()
    assert calibrate(plain["probabilities"], target).temperature > 2
    assert calibration is not None
    assert calibration.temperature == pytest.approx(1, abs=0.2)
