"""This module holds named data sets as typed arrays with a fingerprint, and splits them by a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.utils import Bunch

HELD_OUT_SHARE = 0.2
VALIDATION_SHARE = 0.2
MAX_HELD_OUT_ROWS = 3000
MAX_VALIDATION_ROWS = 1500
"""More rows than these two limits would make a figure hardly more certain."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A Dataset holds features float32 `(n_rows, n_features)` and a target `(n_rows,)`.

    The target is int64, an index into `classes`; or float32, a number, where there are no classes. Categories are
    given as the index of their name in `values`, a missing value is NaN.
    """

    task: str
    summary: str
    source: str
    features: NDArray[np.float32]
    target: NDArray[np.int64] | NDArray[np.float32]
    feature_names: tuple[str, ...]
    classes: tuple[str, ...] = ()
    target_name: str = "target"
    values: tuple[tuple[str, ...] | None, ...] = ()
    """Each feature has the names of its categories here, or None for a number; it is empty where all are numbers."""
    image_shape: tuple[int, int] | None = None
    """It is height and width in pixels, where the features are the pixels of an image, row by row."""

    def __post_init__(self) -> None:
        assert self.features.dtype == np.float32
        assert self.target.dtype == (np.int64 if self.classes else np.float32)
        assert self.features.shape == (len(self.target), len(self.feature_names))
        assert len(self.values) in (0, len(self.feature_names))

    @property
    def inputs(self) -> NDArray[np.float32]:
        """Returns the features, which a model takes as its input."""
        return self.features

    @property
    def categories(self) -> tuple[tuple[str, ...] | None, ...]:
        """Returns `values`, with None for each feature where all are numbers."""
        return self.values or (None,) * len(self.feature_names)

    @property
    def fingerprint(self) -> str:
        """Returns the SHA-256 over names, classes, categories and values: equal for equal data, on any machine."""
        names = (
            *self.feature_names,
            "",
            *self.classes,
            *(f"{each}" for each in self.values),
        )
        digest = hashlib.sha256("\n".join(names).encode())
        digest.update(self.features.astype("<f4").tobytes())
        digest.update(self.target.astype("<i8" if self.classes else "<f4").tobytes())

        return f"sha256:{digest.hexdigest()}"


class HasTarget(Protocol):
    """A HasTarget has a target and classes, which is all that a split uses."""

    @property
    def target(self) -> NDArray[np.int64] | NDArray[np.float32]: ...

    @property
    def classes(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, kw_only=True)
class Split:
    """A Split holds the row numbers of three parts; held-out rows are never seen while learning or choosing."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    held_out: NDArray[np.int64]

    @property
    def counts(self) -> dict[str, int]:
        return {
            "train": len(self.train),
            "validation": len(self.validation),
            "held_out": len(self.held_out),
        }


def split(dataset: HasTarget, *, seed: int, needs_validation: bool = True) -> Split:
    """Returns a split that holds out a fifth of the rows, and takes a fifth of the rest for validation where needed.

    It is stratified by class, holds out at most 3,000 rows and validates on at most 1,500.
    """
    rows = np.arange(len(dataset.target), dtype=np.int64)
    rest, held_out = _split_off(
        dataset, rows, HELD_OUT_SHARE, seed, max_rows=MAX_HELD_OUT_ROWS
    )
    return _split_validation(
        dataset, rest, held_out, seed=seed, needs_validation=needs_validation
    )


def split_folds(
    dataset: HasTarget,
    rows: NDArray[np.int64],
    *,
    folds: int,
    seed: int,
    needs_validation: bool = True,
) -> Iterator[Split]:
    """Yields `folds` splits of `rows`, each of which holds out another fold; they are stratified by class."""
    splitter: KFold | StratifiedKFold = (
        StratifiedKFold(folds, shuffle=True, random_state=seed)
        if dataset.classes
        else KFold(folds, shuffle=True, random_state=seed)
    )
    for rest, held_out in splitter.split(rows, dataset.target[rows]):
        yield _split_validation(
            dataset,
            rows[rest],
            rows[held_out],
            seed=seed,
            needs_validation=needs_validation,
        )


def _split_validation(
    dataset: HasTarget,
    rest: NDArray[np.int64],
    held_out: NDArray[np.int64],
    *,
    seed: int,
    needs_validation: bool,
) -> Split:
    if not needs_validation:
        return Split(train=rest, validation=rest[:0], held_out=held_out)

    train, validation = _split_off(
        dataset, rest, VALIDATION_SHARE, seed, max_rows=MAX_VALIDATION_ROWS
    )
    return Split(train=train, validation=validation, held_out=held_out)


def _split_off(
    dataset: HasTarget,
    rows: NDArray[np.int64],
    share: float,
    seed: int,
    *,
    max_rows: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    strata = dataset.target[rows] if dataset.classes else None
    size = max_rows if share * len(rows) > max_rows else share
    kept, taken = train_test_split(
        rows, test_size=size, random_state=seed, stratify=strata
    )

    return kept, taken


def load(task: str) -> Dataset:
    """Returns the data set of this name; raises KeyError for a task that is not in `DATASETS`."""
    return DATASETS[task]()


def tacos() -> Dataset:
    """Returns the course's tacos: 200 days, their price in pesos and how many were sold; a line and noise, seed 0."""
    generator = np.random.default_rng(0)
    price = generator.uniform(8, 25, size=200)
    sales = 420 - 12 * price + generator.normal(scale=20, size=200)

    return Dataset(
        task="tacos",
        summary="tacos sold in a day, from their price in pesos",
        source="generated by this command",
        features=price.round(1).astype(np.float32)[:, None],
        target=sales.round().astype(np.float32),
        feature_names=("price",),
        target_name="sales",
    )


def diabetes() -> Dataset:
    """Returns measurements of patients and their illness a year later, as scikit-learn bundles them."""
    bunch = datasets.load_diabetes(scaled=False)
    return Dataset(
        task="diabetes",
        summary="progression of diabetes after a year, from 10 measurements",
        source="Diabetes, B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Annals of Statistics 32, 2004",
        features=bunch.data.astype(np.float32),
        target=bunch.target.astype(np.float32),
        feature_names=tuple(str(name) for name in bunch.feature_names),
        target_name="progression",
    )


def points() -> Dataset:
    """Returns the course's generated points: two well separated clouds in the plane, 200 of each, seed 0."""
    generator = np.random.default_rng(0)
    centres = np.array([[-2.0, -1.0], [2.0, 1.0]])
    target = np.repeat(np.arange(2, dtype=np.int64), 200)

    return Dataset(
        task="points",
        summary="two generated, well separated clouds of points",
        source="generated by this command",
        features=(centres[target] + generator.normal(scale=0.6, size=(400, 2))).astype(
            np.float32
        ),
        target=target,
        feature_names=("x", "y"),
        classes=("blue", "orange"),
    )


def breast_cancer() -> Dataset:
    """Returns measurements of cell nuclei, as scikit-learn bundles them."""
    return _bundled(
        datasets.load_breast_cancer(),
        task="breast_cancer",
        summary="tumours, malignant or benign, from 30 measurements of cell nuclei",
        source="Breast Cancer Wisconsin (Diagnostic), W. Wolberg, O. Mangasarian, N. Street and W. Street, UCI, 1993",
    )


def wine() -> Dataset:
    """Returns chemical analyses of wines, as scikit-learn bundles them."""
    return _bundled(
        datasets.load_wine(),
        task="wine",
        summary="wines of three growers from 13 chemical measurements",
        source="Wine, S. Aeberhard and M. Forina, UCI, 1992",
    )


def digits() -> Dataset:
    """Returns handwritten digits of 8 x 8 pixels with values from 0 to 16, as scikit-learn bundles them."""
    return _bundled(
        datasets.load_digits(),
        task="digits",
        summary="handwritten digits of 8 x 8 pixels",
        source="Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI, 1998",
        image_shape=(8, 8),
    )


def _bundled(
    bunch: Bunch,
    *,
    task: str,
    summary: str,
    source: str,
    image_shape: tuple[int, int] | None = None,
) -> Dataset:
    return Dataset(
        task=task,
        summary=summary,
        source=f"{source}, CC BY 4.0",
        features=bunch.data.astype(np.float32),
        target=bunch.target.astype(np.int64),
        feature_names=tuple(str(name) for name in bunch.feature_names),
        classes=tuple(str(name) for name in bunch.target_names),
        image_shape=image_shape,
    )


DATASETS: dict[str, Callable[[], Dataset]] = {
    "tacos": tacos,
    "diabetes": diabetes,
    "points": points,
    "breast_cancer": breast_cancer,
    "wine": wine,
    "digits": digits,
}
