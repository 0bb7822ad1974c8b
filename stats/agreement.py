"""Agreement is how often classifiers give the same label to a row, as shares and beyond chance (kappa).

Axes: labels `(n_rows, n_models)` are class indices from 0 to `n_classes` - 1; there is at least one row.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]
Shares = NDArray[np.float64]

NO_KAPPA = "undefined: both models give one and the same label throughout"
"""This is why a kappa is NaN."""
MAX_CHANCE = 1 - 1e-9
"""Chance agreement above this counts as 1, where kappa divides by zero."""


def agreements(labels: Labels) -> Shares:
    """Returns for each pair of models the share of rows with the same label, `(n_models, n_models)`, from 0 to 1."""
    is_same = labels[:, :, None] == labels[:, None, :]
    n_same = is_same.sum(axis=0)
    shares: Shares = n_same / len(labels)

    return shares


def kappas(agreed: Shares, labels: Labels, *, n_classes: int) -> Shares:
    """Returns Cohen's kappa of each pair of models, `(n_models, n_models)`; Educ. Psychol. Meas. 20 (1960) 37.

    `agreed` is what `agreements` returns. Kappa is NaN where both models give one and the same label throughout:
    chance alone would agree on every row.
    """
    n_rows, n_models = labels.shape
    # Each model counts in cells of its own.
    cells = labels + n_classes * np.arange(n_models)
    counts = np.bincount(cells.ravel(), minlength=n_classes * n_models)
    shares = counts.reshape(n_models, n_classes) / n_rows

    return kappas_of_counts(agreed, shares)


def kappas_of_counts(agreed: Shares, shares: Shares) -> Shares:
    """Returns the same for the shares `(n_models, n_classes)` of rows to which a model gives each label."""
    by_chance = shares @ shares.T
    by_chance[by_chance > MAX_CHANCE] = np.nan
    kappas: Shares = (agreed - by_chance) / (1 - by_chance)

    return kappas


def fleiss_kappa(labels: Labels, *, n_classes: int) -> float | None:
    """Returns the agreement of all models beyond chance; Fleiss, Psychol. Bull. 76 (1971) 378.

    It is None for a single model, and where all models give one and the same label throughout.
    """
    n_rows, n_models = labels.shape
    # Each row counts in cells of its own.
    cells = labels + n_classes * np.arange(n_rows)[:, None]
    counts = np.bincount(cells.ravel(), minlength=n_rows * n_classes)
    votes = counts.reshape(n_rows, n_classes)
    # Of n equal votes n * n pairs agree, with n that pair a vote with itself.
    n_agreeing = int((votes**2).sum()) - labels.size
    votes_of_class = votes.sum(axis=0)

    return fleiss_of_counts(votes_of_class, n_agreeing, n_models=n_models)


def fleiss_of_counts(votes: Labels, n_agreeing: int, *, n_models: int) -> float | None:
    """Returns the same for the votes of each class `(n_classes,)` and the ordered pairs of models that agree on a row,
    summed over the rows.
    """
    n_votes = int(votes.sum())
    shares = votes / n_votes
    by_chance = float((shares**2).sum())
    if n_models < 2 or by_chance > MAX_CHANCE:
        return None

    agreed = n_agreeing / (n_votes * (n_models - 1))
    kappa: float = (agreed - by_chance) / (1 - by_chance)

    return kappa
