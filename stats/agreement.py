"""How alike classifiers are: agreement, kappa, and paired tests of their errors. Standard library and numpy.

Axes: labels `(n_rows, n_models)` class indices; hits `(n_rows, n_models)`, True where a model is right.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Shares = NDArray[np.float64]


def agreements(labels: Labels) -> Shares:
    """For each pair of models the share of rows with the same label, `(n_models, n_models)`."""
    shares: Shares = (labels[:, :, None] == labels[:, None, :]).sum(axis=0) / len(
        labels
    )
    return shares


def kappas(agreed: Shares, labels: Labels, *, n_classes: int) -> Shares:
    """For each pair of models their agreement beyond chance; Cohen, Educ. Psychol. Meas. 20 (1960).

    `agreed` is what `agreements` says. NaN where both give one and the same label throughout: chance alone would agree
    on every row.
    """
    n_rows, n_models = labels.shape
    places = labels + n_classes * np.arange(n_models)
    shares = (
        np.bincount(places.ravel(), minlength=n_classes * n_models).reshape(
            n_models, n_classes
        )
        / n_rows
    )
    by_chance = shares @ shares.T
    by_chance[by_chance > 1 - 1e-9] = np.nan
    kappas: Shares = (agreed - by_chance) / (1 - by_chance)

    return kappas


def fleiss_kappa(labels: Labels, *, n_classes: int) -> float | None:
    """Agreement of all models beyond chance; Fleiss, Psychol. Bull. 76 (1971).

    None for a single model, and where all give one and the same label throughout.
    """
    n_rows, n_models = labels.shape
    places = labels + n_classes * np.arange(n_rows)[:, None]
    votes = np.bincount(places.ravel(), minlength=n_rows * n_classes).reshape(
        n_rows, n_classes
    )
    by_chance = float(((votes.sum(axis=0) / labels.size) ** 2).sum())
    if n_models < 2 or by_chance > 1 - 1e-9:
        return None

    agreed = float(((votes**2).sum(axis=1) - n_models).mean()) / (
        n_models * (n_models - 1)
    )
    kappa: float = (agreed - by_chance) / (1 - by_chance)

    return kappa
