"""This module gives boosted trees categories in the order of the target, and missing values as they are.

A tree that splits a category in two by the target need only look at its values in the order of their mean target
(Fisher, JASA 53, 1958). The values are numbered so, by the training rows, and a split is one threshold. Of more than
two classes there is no such order, and a category becomes one column for each of its values. A missing value is sent to
the side that the training rows with a gap there ask for.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from training.data.datasets import Dataset, Split
from training.export.encoding import EncodedModel, Encoding, find_fills, put_ahead
from training.graph import GraphBuilder
from training.learning.family import FittedModel, OnEpoch
from training.learning.wrapped import WrappedFamily

PRIOR_ROWS = 10.0
"""Each value counts so many rows more, of the mean of all, so that a rare one stands in the middle."""


class Ordering:
    """An Ordering holds the number of each value of each category in the order of the target.

    `ranks` has them side by side, `(n_values_in_all,)`, and `starts` where those of each feature begin,
    `(n_features,)`; codes from `low` to below `high` are known, and others count as missing. `fill` says, as the card
    does, what lies in the middle of a feature with gaps; nothing is filled with it.
    """

    def __init__(self, dataset: Dataset, rows: Split) -> None:
        self.fill = find_fills(dataset, rows)
        self.is_category = np.array([bool(each) for each in dataset.categories])
        counts = [len(values or ()) for values in dataset.categories]
        starts = np.cumsum([0, *counts[:-1]])
        self.starts = np.where(self.is_category, starts, 0).astype(np.int64)
        self.low = np.where(self.is_category, 0, -np.inf).astype(np.float32)
        self.high = np.where(self.is_category, counts, np.inf).astype(np.float32)
        target = dataset.target[rows.train].astype(np.float64)
        ranks = [
            _order(dataset.features[rows.train, feature], target, count)
            for feature, count in enumerate(counts)
            if count
        ]
        self.ranks = np.concatenate([np.zeros(0), *ranks]).astype(np.float32)
        self.source = np.arange(len(counts), dtype=np.int64)

    @property
    def is_needed(self) -> bool:
        """Returns whether there is a gap or a category."""
        has_gaps = any(fill is not None for fill in self.fill)
        return has_gaps or bool(self.is_category.any())

    def apply(self, dataset: Dataset) -> Dataset:
        """Returns the data set with numbers for its categories, and the same names and gaps."""
        return replace(dataset, features=self.encode(dataset.features), values=())

    def encode(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns `(n_rows, n_features)` with numbers for categories, and NaN where a value is missing."""
        if not len(self.ranks):
            return features

        is_known = (features >= self.low) & (features < self.high)
        is_code = is_known & self.is_category
        places = np.where(is_code, features, 0).astype(np.int64) + self.starts
        numbers = np.where(is_known, features, np.nan)

        return np.where(is_code, self.ranks[places], numbers).astype(np.float32)

    def prepend(self, model: onnx.ModelProto, n_features: int) -> None:
        """Puts the same numbering ahead of a graph that takes it, in place; gaps alone need nothing."""
        if not len(self.ranks):
            return

        builder = GraphBuilder("encoding/")
        is_known = builder.add(
            "And",
            builder.add("GreaterOrEqual", "features", self.low),
            builder.add("Less", "features", self.high),
        )
        is_code = builder.add("And", is_known, self.is_category)
        codes = builder.add("Where", is_code, "features", np.float32(0))
        places = builder.add("Cast", codes, to=TensorProto.INT64)
        ranks = builder.add(
            "Gather", self.ranks, builder.add("Add", places, self.starts), axis=0
        )
        numbers = builder.add("Where", is_known, "features", np.float32(np.nan))
        builder.add("Where", is_code, ranks, numbers, name="encoding/encoded")
        put_ahead(model, builder, n_features)


class Spreading(Encoding):
    """A Spreading makes a column of each value of a category, all 0 where none is known, and leaves gaps."""

    def encode(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns `(n_rows, n_columns)`, with NaN where a number is missing."""
        columns = features[:, self.source]
        return np.where(self.is_code, columns == self.code, columns).astype(np.float32)

    def prepend(self, model: onnx.ModelProto, n_features: int) -> None:
        """Puts the same encoding ahead of a graph that takes the columns, in place."""
        builder = GraphBuilder("encoding/")
        columns = builder.add("Gather", "features", self.source, axis=1)
        matches = builder.add(
            "Cast", builder.add("Equal", columns, self.code), to=TensorProto.FLOAT
        )
        builder.add("Where", self.is_code, matches, columns, name="encoding/encoded")
        put_ahead(model, builder, n_features)


@dataclass(frozen=True, kw_only=True)
class OrderedFamily(WrappedFamily):
    """An OrderedFamily is an `inner` family of trees, which splits gaps and categories by itself."""

    def fit(
        self,
        dataset: Dataset,
        rows: Split,
        options: argparse.Namespace,
        on_epoch: OnEpoch,
    ) -> FittedModel:
        """Fits the inner family to numbered or spread categories; a data set of plain numbers it is given as it is."""
        has_order = len(dataset.classes) <= 2
        encoding = Ordering(dataset, rows) if has_order else Spreading(dataset, rows)
        if not encoding.is_needed:
            return self.inner.fit(dataset, rows, options, on_epoch)

        fitted = self.inner.fit(encoding.apply(dataset), rows, options, on_epoch)
        return OrderedModel(fitted, encoding)


class OrderedModel(EncodedModel):
    """An OrderedModel is a fitted model of trees with an encoding ahead of it that leaves gaps."""

    @property
    def summary_note(self) -> str:
        """Returns what the summary says, since the card's `imputed` could be taken for what the graph fills in."""
        has_gaps = any(fill is not None for fill in self.encoding.fill)
        return super().summary_note + (", split on gaps too" if has_gaps else "")


def _order(
    column: NDArray[np.float32], target: NDArray[np.float64], n_values: int
) -> NDArray[np.float64]:
    """Returns the place of each value of a category, `(n_values,)`, by the mean target of its rows."""
    known = ~np.isnan(column)
    codes = column[known].astype(np.int64)
    centred = target[known] - target[known].mean()
    counts = np.bincount(codes, minlength=n_values)
    sums = np.bincount(codes, weights=centred, minlength=n_values)
    places = np.empty(n_values)
    order = np.argsort(sums / (counts + PRIOR_ROWS), kind="stable")
    places[order] = np.arange(n_values)

    return places
