"""This module draws a trained model for a person who wants to see what it does, as `--report` asks.

What a picture shows of rows is what the exported file itself says of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from charts.canvas import apply_style, save_png
from training.data.datasets import Dataset
from training.data.images import ImageDataset
from training.export.evaluation import HEADLINES
from training.pictures import curves, figures, learning_figures, panels
from training.pictures.drawn_model import DrawnModel, Pictures
from training.pictures.unlabelled_kinds import (
    draw_clusterer,
    draw_generator,
    draw_transformer,
)
from training.pipeline import TrainedModel, TrainingRun
from training.transfer import fine_tuning_curve
from training.transfer.pretrained import Pretrained

GRID_POINTS = 300

LOSS_UNITS = {
    "classifier": "log loss in nats",
    "regressor": "squared error, share of the target's variance",
    "transformer": "squared error of the reconstruction",
    "generator": "loss in nats",
}


def draw(training_run: TrainingRun, trained: TrainedModel, folder: Path) -> list[Path]:
    """Writes every picture that suits the model into the folder and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with apply_style():
        for name, figure in _draw_all(training_run, trained):
            paths.append(folder / f"{name}.png")
            save_png(figure, paths[-1])

    return paths


def _draw_all(training_run: TrainingRun, trained: TrainedModel) -> Pictures:
    training_run.callbacks.stage("drawing")
    drawn = DrawnModel(trained)
    card = trained.card
    if trained.epochs:
        yield "losses", _draw_losses(trained)

    unit = drawn.table.target_name if card.kind == "regressor" else ""
    yield (
        "metrics",
        learning_figures.draw_metrics(card, about=_count_rows(drawn), unit=unit),
    )
    kinds = {
        "classifier": _draw_classifier,
        "regressor": _draw_regressor,
        "clusterer": draw_clusterer,
        "transformer": draw_transformer,
        "generator": draw_generator,
    }
    yield from kinds[card.kind](drawn)
    yield from _draw_source(drawn)
    if (
        card.kind in ("classifier", "regressor")
        and trained.dataset is training_run.dataset
        and isinstance(trained.dataset, Dataset)
    ):
        yield from _draw_learning_curve(training_run, trained)

    if isinstance(training_run.family, Pretrained) and isinstance(
        trained.dataset, ImageDataset
    ):
        yield (
            "few_images",
            _draw_few_images(
                training_run, training_run.family, trained.dataset, trained
            ),
        )


def _draw_losses(trained: TrainedModel) -> Figure:
    """Draws the losses of each epoch; one that is not finite is a gap."""
    card = trained.card
    epochs = np.array([epoch.number for epoch in trained.epochs])
    losses = {}

    for name in trained.epochs[0].losses:
        values = np.array([each.losses[name] for each in trained.epochs])
        losses[name] = np.where(np.isfinite(values), values, np.nan)

    unit = (
        "mistakes, share of the rows"
        if card.family == "perceptron"
        else LOSS_UNITS[card.kind]
    )

    return learning_figures.draw_losses(losses, epochs, unit=unit, about=card.name)


def _draw_few_images(
    training_run: TrainingRun,
    family: Pretrained,
    dataset: ImageDataset,
    trained: TrainedModel,
) -> Figure:
    points = fine_tuning_curve.measure(
        family,
        dataset,
        trained.rows,
        training_run.options,
        whole=trained.card.metrics["accuracy"],
        on_progress=training_run.callbacks.stage,
    )
    return learning_figures.draw_few_images(
        points,
        about=f"{trained.card.name}, {len(trained.rows.held_out)} held-out images",
    )


def _count_rows(drawn: DrawnModel) -> str:
    if drawn.card.kind == "generator":
        return f"{drawn.card.name}, {drawn.card.parity.rows} generated images"
    return f"{drawn.card.name}, {len(drawn.rows.train)} training rows, {len(drawn.rows.held_out)} held-out rows"


def _draw_learning_curve(training_run: TrainingRun, trained: TrainedModel) -> Pictures:
    points = curves.measure_learning_curve(training_run, trained.rows)
    metric = next(name for name in HEADLINES if name in trained.card.metrics)
    if not points or trained.card.train_metrics is None:
        return

    all_rows = (
        len(trained.rows.train),
        trained.card.train_metrics[metric].value,
        trained.card.metrics[metric].value,
    )
    figure = learning_figures.draw_learning_curve(
        np.array([*points, all_rows]),
        metric=metric,
        interval=trained.card.metrics[metric],
        about=f"{trained.card.name}, learnt anew from parts of its {len(trained.rows.train)} training rows",
    )
    yield "learning_curve", figure


def _draw_classifier(drawn: DrawnModel) -> Pictures:
    dataset = drawn.dataset
    outputs = drawn.held_out
    target = drawn.target
    classes = dataset.classes
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (target, outputs["label"]), 1)
    figure = panels.draw_matrix(
        counts,
        classes,
        classes,
        title="Confusion: what each class was taken for",
        about=drawn.about,
        x="predicted class",
        y="true class",
        has_diagonal=True,
    )
    yield "confusion_matrix", figure

    rates = curves.measure_roc(outputs["probabilities"], target, classes)
    if rates:
        yield "roc", figures.draw_roc(rates, about=drawn.about)

    yield "calibration", _draw_calibration(drawn)

    if (
        isinstance(dataset, Dataset)
        and len(dataset.feature_names) == 2
        and not any(dataset.categories)
    ):
        yield "decision_boundary", _draw_boundary(drawn)


def _draw_calibration(drawn: DrawnModel) -> Figure:
    before = drawn.uncalibrated
    after = curves.measure_reliability(drawn.held_out["probabilities"], drawn.target)
    if before is None:
        bins = {"this model": after}
    else:
        bins = {
            "before the temperature": curves.measure_reliability(before, drawn.target),
            "after the temperature": after,
        }

    about = f"{drawn.about}, bars: 95 % interval"

    return figures.draw_reliability(bins, n_bins=curves.BINS, about=about)


def _draw_boundary(drawn: DrawnModel) -> Figure:
    points = drawn.points()
    known = np.concatenate([features for features, _ in points.values()])
    low = known.min(axis=0)
    high = known.max(axis=0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    x, y = np.linspace(
        low - margin, high + margin, GRID_POINTS, axis=1, dtype=np.float32
    )
    plane = np.stack(np.meshgrid(x, y), axis=2)
    probabilities = drawn.say(plane.reshape(-1, 2))["probabilities"].reshape(
        GRID_POINTS, GRID_POINTS, -1
    )
    horizontal, vertical = drawn.table.feature_names

    return panels.draw_boundary(
        (x, y, probabilities),
        points,
        drawn.dataset.classes,
        about=_count_rows(drawn),
        x=horizontal,
        y=vertical,
    )


def _draw_regressor(drawn: DrawnModel) -> Pictures:
    dataset = drawn.table
    value = drawn.held_out["value"]
    figure = figures.draw_predictions(
        drawn.target, value, name=dataset.target_name, about=drawn.about
    )
    yield "predicted_against_true", figure
    if len(dataset.feature_names) > 1 or any(dataset.categories):
        return

    points = {
        part: (features[:, 0], target)
        for part, (features, target) in drawn.points().items()
    }
    every = np.concatenate([feature for feature, _ in points.values()])
    grid = np.linspace(every.min(), every.max(), GRID_POINTS, dtype=np.float32)
    line = (grid, drawn.say(grid[:, None])["value"])
    figure = figures.draw_line(
        points,
        line,
        about=_count_rows(drawn),
        x=dataset.feature_names[0],
        y=dataset.target_name,
    )
    yield "line", figure


def _draw_source(drawn: DrawnModel) -> Pictures:
    """Draws a tree, and what trees ask about."""
    if not isinstance(drawn.dataset, Dataset):
        return

    source = drawn.source
    if isinstance(source, DecisionTreeClassifier | DecisionTreeRegressor):
        yield "tree", _draw_tree(drawn, source)

    if hasattr(source, "feature_importances_"):
        yield "importances", _draw_importances(drawn, source.feature_importances_)


def _draw_tree(
    drawn: DrawnModel, tree: DecisionTreeClassifier | DecisionTreeRegressor
) -> Figure:
    depth = tree.get_depth()
    shown = panels.TREE_DEPTH
    more = (
        f"; only the first {shown} of {depth} levels, (...) goes on"
        if depth > shown
        else ""
    )

    return panels.draw_tree(
        tree,
        names=drawn.encoded.feature_names,
        classes=drawn.encoded.classes,
        about=f"{drawn.card.name}, {tree.get_n_leaves()} leaves{more}",
    )


def _draw_importances(drawn: DrawnModel, shares: NDArray[np.float64]) -> Figure:
    """Draws the importances `(n_features,)`: by pixel for images, the longest bars for others."""
    encoded = drawn.encoded
    title = "Importance: what the questions are about"
    scale = "share of the impurity that they remove"
    if encoded.image_shape is not None:
        return panels.draw_heat(
            shares.reshape(encoded.image_shape),
            title=title,
            about=f"{drawn.card.name}, by pixel",
            scale=scale,
        )

    names = encoded.feature_names

    return figures.draw_bars(shares, names, title=title, about=drawn.card.name, x=scale)
