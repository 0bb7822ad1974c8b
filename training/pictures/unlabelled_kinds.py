"""Models that learn without labels are drawn here: clusters, codes of rows, and generated images."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.families.kmeans import Centres
from training.families.pca import Components
from training.pictures import curves, figures, panels
from training.pictures.drawn_model import DrawnModel, Pictures

Rows = NDArray[np.int64]

SHOWN_IMAGES = 10
SHOWN_EPOCHS = 8
SHEET = 8
"""A sheet of generated images has so many rows and columns."""
SEVERAL = 2


def draw_clusterer(drawn: DrawnModel) -> Pictures:
    dataset = drawn.table
    cluster = drawn.held_out["cluster"]
    module = drawn.source
    if isinstance(module, Centres):
        yield "centres", _draw_centres(drawn, module)

    if dataset.classes:
        counts = np.zeros(
            (drawn.held_out["distances"].shape[1], len(dataset.classes)),
            dtype=np.int64,
        )
        np.add.at(counts, (cluster, drawn.target), 1)
        rows = [str(number) for number in range(len(counts))]
        words = {
            "title": "Classes of each cluster's rows, which it was not told",
            "x": "class",
            "y": "cluster",
        }
        yield (
            "cluster_classes",
            # A cluster whose number is the name of a class is not that class.
            panels.draw_matrix(
                counts,
                rows,
                dataset.classes,
                about=drawn.about,
                has_diagonal=False,
                **words,
            ),
        )


def _draw_centres(drawn: DrawnModel, module: Centres) -> Figure:
    shape = drawn.table.image_shape
    centres = module.centres.float()
    about = f"{drawn.card.name}, {len(centres)} clusters of {len(drawn.rows.train)} training rows"
    if shape is None:
        return panels.draw_heat(
            centres.numpy(),
            title="Cluster centres: how far each is from the mean of all rows",
            about=about,
            scale="standard deviations",
            rows=[f"cluster {number}" for number in range(len(centres))],
            columns=drawn.encoded.feature_names,
        )

    images = module.restore(centres).numpy().reshape(-1, *shape)
    names = [str(number) for number in range(len(images))]
    lines = {
        f"clusters {first} to {first + len(part) - 1}": part
        for first in range(0, len(images), SHOWN_IMAGES)
        for part in (images[first : first + SHOWN_IMAGES],)
    }

    return panels.draw_images(
        lines if len(lines) > 1 else {"": images},
        title="Cluster centres: the mean image of each cluster",
        about=about,
        above=names if len(lines) == 1 else (),
        span=(0, float(images.max())),
    )


def draw_transformer(drawn: DrawnModel) -> Pictures:
    dataset = drawn.table
    outputs = drawn.held_out
    codes = outputs["codes"]
    if codes.shape[1] >= SEVERAL:
        figure = panels.draw_codes(
            codes[:, :2],
            drawn.target,
            dataset.classes,
            name=dataset.target_name,
            about=drawn.about,
        )
        yield "codes", figure

    if dataset.image_shape is not None:
        yield "reconstructions", _draw_reconstructions(drawn, dataset.image_shape)

    module = drawn.source
    if isinstance(module, Components):
        shares = curves.measure_explained_variance(
            module, drawn.encoded.features[drawn.rows.train]
        )
        about = f"{drawn.card.name}, {len(drawn.rows.train)} training rows"
        yield (
            "explained_variance",
            figures.draw_explained_variance(shares, kept=codes.shape[1], about=about),
        )


def _draw_reconstructions(drawn: DrawnModel, image_shape: tuple[int, int]) -> Figure:
    dataset = drawn.table
    outputs = drawn.held_out
    shown = _choose_rows(drawn)
    shape = (len(shown), *image_shape)
    originals = dataset.features[drawn.rows.held_out][shown].reshape(shape)
    n_numbers = outputs["codes"].shape[1]
    n_pixels = dataset.features.shape[1]
    names = [dataset.classes[each] for each in drawn.target[shown] if dataset.classes]

    return panels.draw_images(
        {
            "original": originals,
            "reconstruction": outputs["reconstruction"][shown].reshape(shape),
        },
        title="Held-out images, and what is left of them after the code",
        about=f"{drawn.card.name}, {n_pixels} pixels through {n_numbers} numbers",
        above=names,
        span=(0, float(originals.max())),
    )


def _choose_rows(drawn: DrawnModel) -> Rows:
    """Returns of the held-out rows the first of each class, and then the first ones, in the order of the classes."""
    order = np.arange(len(drawn.target))
    firsts = (
        np.unique(drawn.target, return_index=True)[1]
        if drawn.dataset.classes
        else order
    )
    chosen = np.concatenate([firsts, np.setdiff1d(order, firsts)])[:SHOWN_IMAGES]

    return (
        chosen[np.argsort(drawn.target[chosen], kind="stable")]
        if drawn.dataset.classes
        else chosen
    )


def draw_generator(drawn: DrawnModel) -> Pictures:
    size = drawn.card.self_check.input
    seed = drawn.card.provenance.seed
    noise = np.random.default_rng(seed).standard_normal(
        (SHEET * SHEET, len(size[0])), dtype=np.float32
    )
    images = drawn.say(noise)["images"][..., 0].reshape(
        SHEET, SHEET, *(drawn.table.image_shape or (1, 1))
    )
    about = f"{drawn.card.name}, {SHEET * SHEET} draws of noise, not chosen"
    lines = {" " * number: line for number, line in enumerate(images)}
    yield (
        "samples",
        panels.draw_images(lines, title="Generated images", about=about, span=(0, 255)),
    )
    samples: dict[int, NDArray[np.float32]] = getattr(
        drawn.fitted, "samples_by_epoch", {}
    )
    if samples:
        epochs = sorted(samples)
        shown = np.unique(
            np.linspace(0, len(epochs) - 1, SHOWN_EPOCHS).round().astype(np.int64)
        )
        lines = {
            f"epoch {epochs[each]}": samples[epochs[each]][:SHOWN_IMAGES]
            for each in shown
        }
        title = "Images of the same noise while it learns"
        yield (
            "samples_by_epoch",
            panels.draw_images(lines, title=title, about=drawn.card.name, span=(0, 1)),
        )
