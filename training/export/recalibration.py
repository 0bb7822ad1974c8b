"""This module calibrates naive Bayes and k nearest neighbours by curves where these are better than a temperature.

One temperature stretches all probabilities alike. These two families err in other ways, by class and by height: each
class gets a curve of its own, isotonic in its probability (Zadrozny and Elkan, KDD 2002), where cross-validation says
that curves do better. The pipeline fits one more temperature, about 1, to what comes out here.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto
from sklearn.isotonic import isotonic_regression
from sklearn.model_selection import StratifiedKFold

from training.data.datasets import Dataset, Split, split_folds
from training.export.calibration import apply_temperature, calibrate, log_loss
from training.graph import GraphBuilder, add_nodes, rename
from training.learning.family import FittedModel, OnEpoch, summary_note
from training.learning.wrapped import WrappedFamily

FLOOR = 1e-30
"""What is less counts as this, since float32 has no normal number under 1.2e-38."""
QUANTUM = 1e-6
"""Curves bend at multiples of it, so that no bend is steep enough to make the graph differ from its source."""
FOLDS, MIN_FOLDS, REPEATS = 5, 2, 3
MAX_STEP_ROWS = 20_000
"""Of more training rows so many are answered to choose and fit the step by: more would move it by hardly anything."""
MIN_CLASS_ROWS = 20
"""So many of them at least are of each class, or all that there are of it."""
PRIOR_ROWS = 1.0
"""Each step of a curve counts so many rows more, of the classes' shares, so that none is 0 or 1."""

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """A Temperature stretches all probabilities alike, as the one after it does."""

    temperature: float
    floor: float

    @property
    def note(self) -> str:
        return f", at a temperature of {self.temperature:.3g}"

    def apply(self, probabilities: NDArray[Any]) -> Floats:
        """Returns probabilities `(n_rows, n_classes)` at the temperature."""
        return apply_temperature(
            probabilities, temperature=self.temperature, floor=self.floor
        )

    def add_to(self, builder: GraphBuilder, values: str) -> str:
        """Adds the same computation to a graph, whose `values` are float64, and returns the name of its result."""
        # Not Max, which would make a number of NaN.
        is_under = builder.add("Less", values, self.floor)
        floored = builder.add("Where", is_under, self.floor, values)
        scores = builder.add("Div", builder.add("Log", floored), self.temperature)

        return builder.add("Softmax", scores, axis=1)


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Curves map the probability of each class to its share, by straight lines between the steps of a staircase.

    The probabilities are those `before`, at a temperature that spreads what lies near 0 and 1.
    Line `i` of a class begins at `starts[class, i]` with the share `shares[class, i]` and rises by `slopes[class, i]`;
    the first line, with slope 0, counts under all starts. All three are `(n_classes, n_lines)`.
    """

    before: Temperature
    starts: Floats
    shares: Floats
    slopes: Floats
    note = ", with isotonic curves"

    def apply(self, probabilities: NDArray[Any]) -> Floats:
        """Returns the shares `(n_rows, n_classes)`, divided by their sum in each row."""
        values = self.before.apply(probabilities)
        line = np.stack(
            [
                np.searchsorted(starts, column, side="right")
                for starts, column in zip(self.starts[:, 1:], values.T, strict=True)
            ],
            axis=1,
        )
        place = line + np.arange(len(self.starts)) * self.starts.shape[1]
        start, share, slope = (
            each.reshape(-1)[place] for each in (self.starts, self.shares, self.slopes)
        )
        risen = share + slope * (values - start)
        divided: Floats = risen / risen.sum(axis=1, keepdims=True)

        return divided

    def add_to(self, builder: GraphBuilder, values: str) -> str:
        """Adds the same computation to a graph, whose `values` are float64, and returns the name of its result."""
        values = self.before.add_to(builder, values)
        columns = builder.add("Unsqueeze", values, np.array([2]))
        is_over = builder.add("GreaterOrEqual", columns, self.starts[None, :, 1:])
        line = builder.add(
            "ReduceSum",
            builder.add("Cast", is_over, to=TensorProto.INT64),
            np.array([2]),
            keepdims=0,
        )
        offset = np.arange(len(self.starts)) * self.starts.shape[1]
        place = builder.add("Add", line, offset)
        start, share, slope = (
            builder.add("Gather", each.reshape(-1), place, axis=0)
            for each in (self.starts, self.shares, self.slopes)
        )
        rise = builder.add("Mul", slope, builder.add("Sub", values, start))

        return _divide_by_sum(builder, builder.add("Add", share, rise))


Step = Curves | Temperature


class RecalibratedModel:
    """A RecalibratedModel is a fitted classifier with a step after it, and a floor under all."""

    kind = "classifier"

    def __init__(self, fitted: FittedModel, *, step: Step) -> None:
        self.fitted, self.step = fitted, step

    @property
    def packages(self) -> tuple[str, ...]:
        return self.fitted.packages

    @property
    def summary_note(self) -> str:
        return f"{summary_note(self.fitted)}{self.step.note}"

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Returns the fitted model's outputs, with label and probabilities as they are after step and floor."""
        outputs = self.fitted.outputs(features)
        probabilities = adjust(outputs["probabilities"], self.step).astype(np.float32)

        return outputs | {
            "label": probabilities.argmax(axis=1),
            "probabilities": probabilities,
        }

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Returns the fitted model's graph, with step and floor after it in float64."""
        model = self.fitted.to_onnx(n_features)
        rename(model, "probabilities", "recalibration/before")
        rename(model, "label", "recalibration/label")
        (output,) = (
            each for each in model.graph.output if each.name == "probabilities"
        )
        n_classes = output.type.tensor_type.shape.dim[1].dim_value
        builder = GraphBuilder("recalibration/")
        values = builder.add("Cast", "recalibration/before", to=TensorProto.DOUBLE)
        values = self.step.add_to(builder, values)
        # Not Max, which would make a number of NaN.
        is_under = builder.add("Less", values, FLOOR)
        floored = builder.add("Where", is_under, FLOOR, values)
        after = _divide_by_sum(builder, floored)
        probabilities = builder.add(
            "Cast", after, to=TensorProto.FLOAT, name="probabilities"
        )
        builder.add("ArgMax", probabilities, axis=1, keepdims=0, name="label")
        add_nodes(model, builder, "probabilities", (n_classes,))

        return model


def adjust(probabilities: NDArray[Any], step: Step) -> Floats:
    """Returns probabilities `(n_rows, n_classes)` after the step, and above the floor."""
    values = step.apply(probabilities)
    floored = np.where(values < FLOOR, FLOOR, values)
    divided: Floats = floored / floored.sum(axis=1, keepdims=True)

    return divided


def fit_curves(probabilities: NDArray[Any], target: Labels) -> Curves:
    """Returns the curves of the probabilities `(n_rows, n_classes)` that rows with this target got."""
    before = fit_temperature(probabilities, target)
    rounded = np.round(before.apply(probabilities) / QUANTUM) * QUANTUM
    stairs = [
        _fit_stairs(rounded[:, label], target == label)
        for label in range(rounded.shape[1])
    ]
    n_lines = 1 + max(len(starts) for starts, _ in stairs)
    tables = np.zeros((3, len(stairs), n_lines))

    for label, (starts, shares) in enumerate(stairs):
        tables[:, label] = _draw_lines(starts, shares, n_lines)

    return Curves(before=before, starts=tables[0], shares=tables[1], slopes=tables[2])


def _fit_stairs(values: Floats, is_class: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Returns both ends of each step of the isotonic fit, and the share of the class there."""
    distinct, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    hits = np.bincount(place, weights=is_class)
    level = isotonic_regression(hits / counts, sample_weight=counts)
    step = np.concatenate([[0], np.cumsum(np.diff(level) > 0)])
    rows = np.bincount(step, weights=counts)
    smoothed = (np.bincount(step, weights=hits) + PRIOR_ROWS * is_class.mean()) / (
        rows + PRIOR_ROWS
    )
    # What is added to small steps may lift one over its neighbour.
    shares = isotonic_regression(smoothed, sample_weight=rows)
    first = np.searchsorted(step, np.arange(len(rows)))
    last = np.searchsorted(step, np.arange(len(rows)), side="right") - 1
    ends = np.unique(np.concatenate([first, last]))

    return distinct[ends], shares[step[ends]]


def _draw_lines(starts: Floats, shares: Floats, n_lines: int) -> Floats:
    """Returns starts, shares and slopes `(3, n_lines)`; lines that a class does not need repeat the last end."""
    missing = n_lines - len(starts)
    ends = np.concatenate([starts[:1], starts, np.repeat(starts[-1:], missing - 1)])
    levels = np.concatenate([shares[:1], shares, np.repeat(shares[-1:], missing - 1)])
    widths, rises = np.diff(ends), np.diff(levels)
    slopes = np.divide(rises, widths, out=np.zeros_like(rises), where=widths > 0)
    slopes[0] = 0.0

    return np.stack([ends, levels, np.append(slopes, 0.0)])


def choose_step(probabilities: NDArray[Any], target: Labels, *, seed: int) -> Step:
    """Returns curves where they do better than a temperature on rows apart, and else a temperature.

    Better is a lower log loss by cross-validation, and not one row fewer right.
    """
    folds = min(FOLDS, int(np.bincount(target).min()))
    if folds >= MIN_FOLDS and are_curves_better(
        probabilities, target, folds=folds, seed=seed
    ):
        return fit_curves(probabilities, target)
    return fit_temperature(probabilities, target)


def are_curves_better(
    probabilities: NDArray[Any], target: Labels, *, folds: int, seed: int
) -> bool:
    """Tells if curves have a lower log loss than a temperature over the folds, and not one row fewer right.

    Folds are drawn several times, since a few rows may decide.
    """
    losses, hits = np.zeros(2), np.zeros(2)

    for repeat in range(REPEATS):
        splitter = StratifiedKFold(folds, shuffle=True, random_state=seed + repeat)
        tempered, curved = (np.empty(probabilities.shape) for _ in range(2))
        for learnt, apart in splitter.split(probabilities, target):
            curves = fit_curves(probabilities[learnt], target[learnt])
            tempered[apart] = curves.before.apply(probabilities[apart])
            curved[apart] = curves.apply(probabilities[apart])

        losses += [log_loss(each, target) for each in (tempered, curved)]
        hits += [(each.argmax(axis=1) == target).sum() for each in (tempered, curved)]

    return bool(losses[1] < losses[0] and hits[1] >= hits[0])


def fit_temperature(probabilities: NDArray[Any], target: Labels) -> Temperature:
    """Returns the temperature of the probabilities `(n_rows, n_classes)` that rows with this target got."""
    found = calibrate(probabilities, target)
    return Temperature(temperature=found.temperature, floor=found.floor)


@dataclass(frozen=True, kw_only=True)
class RecalibratedFamily(WrappedFamily):
    """A RecalibratedFamily is an `inner` family whose classifiers get curves, or a temperature of their own."""

    def fit(
        self,
        dataset: Dataset,
        rows: Split,
        options: argparse.Namespace,
        on_epoch: OnEpoch,
    ) -> FittedModel:
        """Fits the inner family; the step is that of training rows that models of the others answered for.

        Models of other rows learn from all rows that they may, and answer for at most 20,000.
        """
        fitted = self.inner.fit(dataset, rows, options, on_epoch)
        target = dataset.target.astype(np.int64)
        folds = min(FOLDS, int(np.bincount(target[rows.train]).min()))
        if folds < MIN_FOLDS:
            return fitted

        asked = draw_rows(rows.train, target, seed=options.seed)
        probabilities = np.empty((len(target), len(dataset.classes)))
        for part in split_folds(
            dataset, rows.train, folds=folds, seed=options.seed, needs_validation=False
        ):
            model = self.inner.fit(dataset, part, options, lambda _: None)
            apart = part.held_out[np.isin(part.held_out, asked)]
            outputs = model.outputs(dataset.inputs[apart])
            probabilities[apart] = outputs["probabilities"]

        step = choose_step(probabilities[asked], target[asked], seed=options.seed)

        return RecalibratedModel(fitted, step=step)


def draw_rows(rows: Labels, target: Labels, *, seed: int) -> Labels:
    """Returns about 20,000 of the row numbers, each class by its share, or all where they are no more, in their order.

    A rare class has 20 rows nevertheless, or as many as there are.
    """
    if len(rows) <= MAX_STEP_ROWS:
        return rows

    generator = np.random.default_rng(seed)
    drawn = []
    for label in np.unique(target[rows]):
        own = rows[target[rows] == label]
        by_share = round(MAX_STEP_ROWS * len(own) / len(rows))
        n_drawn = min(len(own), max(MIN_CLASS_ROWS, by_share))
        drawn.append(generator.choice(own, n_drawn, replace=False))

    return np.sort(np.concatenate(drawn))


def _divide_by_sum(builder: GraphBuilder, values: str) -> str:
    total = builder.add("ReduceSum", values, np.array([1]), keepdims=1)
    return builder.add("Div", values, total)
