"""Pictures of a learnt model, for a person who wants to see what it does: `--report`.

What a picture shows of rows is what the exported file itself says of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn.metrics import auc, r2_score, roc_curve
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from training import figures
from training.calibration import Calibrated
from training.datasets import Dataset, Split
from training.encoding import Encoded
from training.estimator import FittedEstimator
from training.evaluation import HEADLINES
from training.fitted import Fitted, LearningError
from training.graph import Outputs, run
from training.kmeans import Centres
from training.network import FittedNetwork
from training.pca import Components
from training.pipeline import Learnt, Lesson, Watch, learn

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
Pictures = Iterator[tuple[str, Figure]]

CURVE_SHARES = (0.1, 0.2, 0.4, 0.7)
"""Of the training rows, for a learning curve; all of them are the model itself."""
CURVE_BUDGET_S = 20.0
FEWEST_CURVE_ROWS = 10
BINS = 10
GRID_POINTS = 300
SHOWN_IMAGES = 10
SHOWN_EPOCHS = 8
SHEET = 8
"""Rows and columns of a sheet of generated images."""
SEVERAL = 2

LOSS_UNITS = {
    "classifier": "log loss in nats",
    "regressor": "squared error, share of the target's variance",
    "transformer": "squared error of the reconstruction",
    "generator": "loss in nats",
}


class Subject:
    """What is drawn: a learnt model, its file, and what the file says of the held-out rows."""

    def __init__(self, learnt: Learnt) -> None:
        self.card, self.dataset, self.rows = learnt.card, learnt.dataset, learnt.rows
        self.fitted, self.epochs = learnt.fitted, learnt.epochs
        self._content = learnt.path.read_bytes()
        self.about = f"{self.card.name}, {len(self.rows.held_out)} held-out rows"

    def say(self, features: NDArray[np.float32]) -> Outputs:
        return run(self._content, features)

    @cached_property
    def held_out(self) -> Outputs:
        return self.say(self.dataset.features[self.rows.held_out])

    @property
    def target(self) -> NDArray[Any]:
        """Of the held-out rows."""
        return self.dataset.target[self.rows.held_out]

    @cached_property
    def encoded(self) -> Dataset:
        """The data set as the family learnt from it: without categories and gaps."""
        return self.fitted.encoding.apply(self.dataset) if isinstance(self.fitted, Encoded) else self.dataset

    @property
    def source(self) -> Any:
        """The estimator or network under encoding, calibration and scaling; None where it is neither."""
        fitted: Fitted = self.fitted
        while isinstance(fitted, Encoded | Calibrated):
            fitted = fitted.fitted
        if isinstance(fitted, FittedEstimator):
            return fitted.estimator[-1] if isinstance(fitted.estimator, Pipeline) else fitted.estimator
        return fitted.module if isinstance(fitted, FittedNetwork) else None

    @property
    def uncalibrated(self) -> Floats | None:
        """Probabilities of the held-out rows before the temperature; None where there is no temperature."""
        within = self.fitted.fitted if isinstance(self.fitted, Encoded) else self.fitted
        if not isinstance(within, Calibrated):
            return None
        probabilities: Floats = within.fitted.outputs(self.encoded.features[self.rows.held_out])["probabilities"]
        return probabilities

    def points(self) -> dict[str, tuple[NDArray[np.float32], NDArray[Any]]]:
        """Features and target of the training and the held-out rows in which nothing is missing."""
        known = ~np.isnan(self.dataset.features).max(axis=1)
        parts = {"train": self.rows.train, "held-out": self.rows.held_out}
        kept = {part: rows[known[rows]] for part, rows in parts.items()}
        return {part: (self.dataset.features[rows], self.dataset.target[rows]) for part, rows in kept.items()}


def draw(lesson: Lesson, learnt: Learnt, folder: Path) -> list[Path]:
    """Writes every picture that suits the model into the folder and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in _draw_all(lesson, learnt):
        paths.append(folder / f"{name}.png")
        figure.savefig(paths[-1])
    return paths


def _draw_all(lesson: Lesson, learnt: Learnt) -> Pictures:
    lesson.watch.stage("drawing")
    subject, card = Subject(learnt), learnt.card
    if learnt.epochs:
        epochs = np.array([epoch.number for epoch in learnt.epochs])
        losses = {name: np.array([each.losses[name] for each in learnt.epochs]) for name in learnt.epochs[0].losses}
        unit = "mistakes, share of the rows" if card.family == "perceptron" else LOSS_UNITS[card.kind]
        losses = {name: np.where(np.isfinite(values), values, np.nan) for name, values in losses.items()}
        yield "losses", figures.draw_losses(losses, epochs, unit=unit, about=card.name)
    unit = subject.dataset.target_name if card.kind == "regressor" else ""
    yield "metrics", figures.draw_metrics(card, about=_count_rows(subject), unit=unit)
    kinds = {
        "classifier": _draw_classifier,
        "regressor": _draw_regressor,
        "clusterer": _draw_clusterer,
        "transformer": _draw_transformer,
        "generator": _draw_generator,
    }
    yield from kinds[card.kind](subject)
    yield from _draw_source(subject)
    if card.kind in ("classifier", "regressor") and learnt.dataset is lesson.dataset:
        yield from _draw_learning_curve(lesson, learnt)


def _count_rows(subject: Subject) -> str:
    if subject.card.kind == "generator":
        return f"{subject.card.name}, {subject.card.parity.rows} generated images"
    return f"{subject.card.name}, {len(subject.rows.train)} training rows, {len(subject.rows.held_out)} held-out rows"


def _draw_learning_curve(lesson: Lesson, learnt: Learnt) -> Pictures:
    points = measure_learning_curve(lesson, learnt.rows)
    metric = next(name for name in HEADLINES if name in learnt.card.metrics)
    if not points or learnt.card.train_metrics is None:
        return
    all_rows = (len(learnt.rows.train), learnt.card.train_metrics[metric].value, learnt.card.metrics[metric].value)
    figure = figures.draw_learning_curve(
        np.array([*points, all_rows]),
        metric=metric,
        interval=learnt.card.metrics[metric],
        about=f"{learnt.card.name}, learnt anew from parts of its {len(learnt.rows.train)} training rows",
    )
    yield "learning_curve", figure


def measure_learning_curve(lesson: Lesson, rows: Split) -> list[tuple[int, float, float]]:
    """Numbers of training rows, and accuracy or R² on them and on the held-out rows.

    A share that nothing can be learnt from is left out, and what would take longer than the budget as well.
    """
    lesson = replace(lesson, watch=Watch(stage=lesson.watch.stage))
    points: list[tuple[int, float, float]] = []
    spent, last = 0.0, (0.0, 1)
    for share in CURVE_SHARES:
        train = choose_subset(lesson.dataset, rows.train, share=share, seed=lesson.options.seed)
        if train is None or spent + last[0] * len(train) / last[1] > CURVE_BUDGET_S:
            continue
        lesson.watch.stage(f"drawing: learning from {len(train)} rows")
        started = perf_counter()
        try:
            fitted, _, _ = learn(lesson, replace(rows, train=train), lambda _: None)
        except LearningError:
            continue
        last = (perf_counter() - started, len(train))
        spent += last[0]
        on_train, on_held_out = (_score(fitted, lesson.dataset, part) for part in (train, rows.held_out))
        points.append((len(train), on_train, on_held_out))
    return points


def choose_subset(dataset: Dataset, train: Rows, *, share: float, seed: int) -> Rows | None:
    """So much of each class's training rows, at least 2, drawn at random; a smaller share's rows are in a larger's.

    None where a class has fewer, where there would be fewer than 10 in all, or where a feature would be unknown.
    """
    shuffled = np.random.default_rng(seed).permutation(train)
    strata = dataset.target[shuffled] if dataset.classes else np.zeros(len(train), dtype=np.int64)
    parts = [shuffled[strata == each] for each in range(max(1, len(dataset.classes)))]
    chosen = np.concatenate([part[: max(2, round(share * len(part)))] for part in parts])
    too_few = len(chosen) < FEWEST_CURVE_ROWS or min(map(len, parts)) < SEVERAL or len(chosen) == len(train)
    return None if too_few or np.isnan(dataset.features[chosen]).all(axis=0).any() else chosen


def _score(fitted: Fitted, dataset: Dataset, rows: Rows) -> float:
    outputs = fitted.outputs(dataset.features[rows])
    if dataset.classes:
        return float((outputs["label"] == dataset.target[rows]).mean())
    return float(r2_score(dataset.target[rows], outputs["value"]))


def _draw_classifier(subject: Subject) -> Pictures:
    dataset, outputs, target = subject.dataset, subject.held_out, subject.target
    classes = dataset.classes
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (target, outputs["label"]), 1)
    words = {"title": "Confusion: what each class was taken for", "x": "predicted class", "y": "true class"}
    yield "confusion_matrix", figures.draw_matrix(counts, classes, classes, about=subject.about, **words)
    curves = measure_roc(outputs["probabilities"], target, classes)
    if curves:
        yield "roc", figures.draw_roc(curves, about=subject.about)
    before, after = subject.uncalibrated, outputs["probabilities"]
    bins = {} if before is None else {"before the temperature": measure_reliability(before, target)}
    bins["after the temperature" if bins else "this model"] = measure_reliability(after, target)
    yield "calibration", figures.draw_reliability(bins, n_bins=BINS, about=f"{subject.about}, bars: 95 % interval")
    if len(dataset.feature_names) == 2 and not any(dataset.categories):
        yield "decision_boundary", _draw_boundary(subject)


def measure_roc(
    probabilities: NDArray[Any], target: Rows, classes: tuple[str, ...]
) -> dict[str, tuple[Floats, Floats, float]]:
    """False and true positive rates and the area, of each class against the rest; of two the second stands for both.

    Without a row of the class, or without any other, it has no curve.
    """
    curves = {}
    for number in range(len(classes)) if len(classes) > 2 else (1,):
        is_class = target == number
        if is_class.any() and not is_class.all():
            false, true, _ = roc_curve(is_class, probabilities[:, number])
            curves[classes[number]] = (false, true, float(auc(false, true)))
    return curves


def measure_reliability(probabilities: NDArray[Any], target: Rows) -> dict[str, Floats]:
    """Mean confidence, accuracy with its 95 % interval, and rows, of those of ten equal bins that have rows.

    The interval is Wilson's, JASA 22 (1927).
    """
    confidence, hits = probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == target
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    filled = np.unique(bins)
    rows, sure, right = (
        np.bincount(bins, weights=each, minlength=BINS)[filled] for each in (np.ones(len(bins)), confidence, hits)
    )
    tests = [binomtest(int(k), int(n)).proportion_ci(method="wilson") for k, n in zip(right, rows, strict=True)]
    low, high = np.array([(each.low, each.high) for each in tests]).T
    return {"confidence": sure / rows, "accuracy": right / rows, "rows": rows, "low": low, "high": high}


def _draw_boundary(subject: Subject) -> Figure:
    points = subject.points()
    known = np.concatenate([features for features, _ in points.values()])
    low, high = known.min(axis=0), known.max(axis=0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    x, y = (np.linspace(*ends, GRID_POINTS, dtype=np.float32) for ends in zip(low - margin, high + margin, strict=True))
    plane = np.stack(np.meshgrid(x, y), axis=2)
    probabilities = subject.say(plane.reshape(-1, 2))["probabilities"].reshape(GRID_POINTS, GRID_POINTS, -1)
    names = dict(zip(("x", "y"), subject.dataset.feature_names, strict=True))
    return figures.draw_boundary(
        (x, y, probabilities), points, subject.dataset.classes, about=_count_rows(subject), **names
    )


def _draw_regressor(subject: Subject) -> Pictures:
    dataset, value = subject.dataset, subject.held_out["value"]
    figure = figures.draw_predictions(subject.target, value, name=dataset.target_name, about=subject.about)
    yield "predicted_against_true", figure
    if len(dataset.feature_names) > 1 or any(dataset.categories):
        return
    points = {part: (features[:, 0], target) for part, (features, target) in subject.points().items()}
    every = np.concatenate([feature for feature, _ in points.values()])
    grid = np.linspace(every.min(), every.max(), GRID_POINTS, dtype=np.float32)
    line = (grid, subject.say(grid[:, None])["value"])
    names = {"x": dataset.feature_names[0], "y": dataset.target_name}
    yield "line", figures.draw_line(points, line, about=_count_rows(subject), **names)


def _draw_clusterer(subject: Subject) -> Pictures:
    dataset, cluster = subject.dataset, subject.held_out["cluster"]
    module = subject.source
    if isinstance(module, Centres):
        yield "centres", _draw_centres(subject, module)
    if dataset.classes:
        counts = np.zeros((subject.held_out["distances"].shape[1], len(dataset.classes)), dtype=np.int64)
        np.add.at(counts, (cluster, subject.target), 1)
        rows = [str(number) for number in range(len(counts))]
        words = {"title": "Classes of each cluster's rows, which it was not told", "x": "class", "y": "cluster"}
        yield "cluster_classes", figures.draw_matrix(counts, rows, dataset.classes, about=subject.about, **words)


def _draw_centres(subject: Subject, module: Centres) -> Figure:
    shape, centres = subject.dataset.image_shape, module.centres.float()
    about = f"{subject.card.name}, {len(centres)} clusters of {len(subject.rows.train)} training rows"
    if shape is None:
        return figures.draw_heat(
            centres.numpy(),
            title="Cluster centres: how far each is from the mean of all rows",
            about=about,
            scale="standard deviations",
            rows=[f"cluster {number}" for number in range(len(centres))],
            columns=subject.encoded.feature_names,
        )
    images = module.restore(centres).numpy().reshape(-1, *shape)
    names = [str(number) for number in range(len(images))]
    lines = {
        f"clusters {first} to {first + len(part) - 1}": part
        for first in range(0, len(images), SHOWN_IMAGES)
        for part in (images[first : first + SHOWN_IMAGES],)
    }
    return figures.draw_images(
        lines if len(lines) > 1 else {"": images},
        title="Cluster centres: the mean image of each cluster",
        about=about,
        above=names if len(lines) == 1 else (),
        span=(0, float(images.max())),
    )


def _draw_transformer(subject: Subject) -> Pictures:
    dataset, outputs = subject.dataset, subject.held_out
    codes = outputs["codes"]
    if codes.shape[1] >= SEVERAL:
        figure = figures.draw_codes(
            codes[:, :2], subject.target, dataset.classes, name=dataset.target_name, about=subject.about
        )
        yield "codes", figure
    if dataset.image_shape is not None:
        shown = _choose_rows(subject)
        shape = (len(shown), *dataset.image_shape)
        originals = dataset.features[subject.rows.held_out][shown].reshape(shape)
        figure = figures.draw_images(
            {"original": originals, "reconstruction": outputs["reconstruction"][shown].reshape(shape)},
            title="Held-out images, and what is left of them after the code",
            about=f"{subject.card.name}, {dataset.features.shape[1]} pixels through {codes.shape[1]} numbers",
            above=[dataset.classes[each] for each in subject.target[shown]] if dataset.classes else (),
            span=(0, float(originals.max())),
        )
        yield "reconstructions", figure
    module = subject.source
    if isinstance(module, Components):
        shares = measure_explained_variance(module, subject.encoded.features[subject.rows.train])
        about = f"{subject.card.name}, {len(subject.rows.train)} training rows"
        yield "explained_variance", figures.draw_explained_variance(shares, kept=codes.shape[1], about=about)


def _choose_rows(subject: Subject) -> Rows:
    """Of the held-out rows the first of each class, and then the first ones, in the order of the classes."""
    order = np.arange(len(subject.target))
    firsts = np.unique(subject.target, return_index=True)[1] if subject.dataset.classes else order
    chosen = np.concatenate([firsts, np.setdiff1d(order, firsts)])[:SHOWN_IMAGES]
    return chosen[np.argsort(subject.target[chosen], kind="stable")] if subject.dataset.classes else chosen


def measure_explained_variance(module: Components, features: NDArray[np.float32]) -> Floats:
    """Shares of the variance of `features` that the first components keep, `(n_components,)`, of all there are."""
    standardised = module.standardise(torch.from_numpy(features).double()).numpy()
    deviations = np.linalg.svd(standardised - standardised.mean(axis=0), compute_uv=False)
    shares: Floats = np.cumsum(deviations**2) / np.sum(deviations**2)
    return shares


def _draw_generator(subject: Subject) -> Pictures:
    size, seed = subject.card.self_check.input, subject.card.provenance.seed
    noise = np.random.default_rng(seed).standard_normal((SHEET * SHEET, len(size[0])), dtype=np.float32)
    images = subject.say(noise)["images"][..., 0].reshape(SHEET, SHEET, *(subject.dataset.image_shape or (1, 1)))
    about = f"{subject.card.name}, {SHEET * SHEET} draws of noise, not chosen"
    lines = {" " * number: line for number, line in enumerate(images)}
    yield "samples", figures.draw_images(lines, title="Generated images", about=about, span=(0, 255))
    samples: dict[int, NDArray[np.float32]] = getattr(subject.fitted, "samples_by_epoch", {})
    if samples:
        epochs = sorted(samples)
        shown = np.unique(np.linspace(0, len(epochs) - 1, SHOWN_EPOCHS).round().astype(np.int64))
        lines = {f"epoch {epochs[each]}": samples[epochs[each]][:SHOWN_IMAGES] for each in shown}
        title = "Images of the same noise while it learns"
        yield "samples_by_epoch", figures.draw_images(lines, title=title, about=subject.card.name, span=(0, 1))


def _draw_source(subject: Subject) -> Pictures:
    """A tree, and what trees ask about."""
    source, encoded = subject.source, subject.encoded
    if isinstance(source, DecisionTreeClassifier | DecisionTreeRegressor):
        depth, shown = source.get_depth(), figures.TREE_DEPTH
        more = f"; only the first {shown} of {depth} levels, (...) goes on" if depth > shown else ""
        about = f"{subject.card.name}, {source.get_n_leaves()} leaves{more}"
        yield "tree", figures.draw_tree(source, names=encoded.feature_names, classes=encoded.classes, about=about)
    if not hasattr(source, "feature_importances_"):
        return
    title = "Importance: what the questions are about"
    scale, shares = "share of the impurity that they remove", source.feature_importances_
    if encoded.image_shape is not None:
        shares = shares.reshape(encoded.image_shape)
        yield "importances", figures.draw_heat(shares, title=title, about=f"{subject.card.name}, by pixel", scale=scale)
    else:
        names = encoded.feature_names
        yield "importances", figures.draw_bars(shares, names, title=title, about=subject.card.name, x=scale)
