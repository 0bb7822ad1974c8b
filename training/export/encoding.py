"""This module makes plain numbers of categories and missing values, in numpy for learning and in the graph.

A missing number becomes the training rows' median, a missing category their most frequent one; a category becomes one
column for each of its values, 1 for the one that it is and 0 for the others. No family but boosted trees knows of it.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from training.data.datasets import Dataset, Split
from training.graph import GraphBuilder, add_nodes, has_output, rename
from training.learning.family import FittedModel, OnEpoch, TrainingError, summary_note
from training.learning.wrapped import WrappedFamily


class RowEncoding(Protocol):
    """A RowEncoding makes of a data set's features the columns that a family learns from."""

    fill: tuple[float | None, ...]
    """For each feature it says what a missing value counts as, or None where none is missing."""

    def encode(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns `(n_rows, n_columns)` from `(n_rows, n_features)`."""
        ...

    @property
    def source(self) -> NDArray[np.int64]:
        """Returns the feature of each column, `(n_columns,)`."""
        ...

    def prepend(self, model: onnx.ModelProto, n_features: int) -> None:
        """Puts the same encoding ahead of a graph that takes the columns, in place."""
        ...

    def apply(self, dataset: Dataset) -> Dataset:
        """Returns the data set with the columns for its features."""
        ...


class Encoding:
    """An Encoding holds what the training rows say about filling and encoding columns.

    For each encoded column: `source`, the feature it comes from; `code`, the category it stands for; and `is_code`,
    which tells if it is one. For each feature: `fill`, what a missing value becomes, where the data set has any.
    """

    def __init__(self, dataset: Dataset, rows: Split) -> None:
        self.fill = find_fills(dataset, rows)
        spread = [
            (feature, code, values is not None)
            for feature, values in enumerate(dataset.categories)
            for code in range(len(values) if values else 1)
        ]
        self.source = np.array([each[0] for each in spread], dtype=np.int64)
        self.code = np.array([each[1] for each in spread], dtype=np.float32)
        self.is_code = np.array([each[2] for each in spread])
        self.is_needed = bool(self.is_code.any()) or any(
            fill is not None for fill in self.fill
        )
        self._fills = np.array([fill or 0.0 for fill in self.fill], dtype=np.float32)

    def apply(self, dataset: Dataset) -> Dataset:
        """Returns the data set with the encoded columns for its features."""
        if not self.is_needed:
            return dataset

        names = tuple(
            f"{dataset.feature_names[feature]}={values[int(code)]}"
            if values
            else dataset.feature_names[feature]
            for feature, code in zip(self.source, self.code, strict=True)
            for values in (dataset.categories[feature],)
        )
        return replace(
            dataset,
            features=self.encode(dataset.features),
            feature_names=names,
            values=(),
        )

    def encode(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns `(n_rows, n_columns)` without a NaN from `(n_rows, n_features)`."""
        complete = np.where(np.isnan(features), self._fills, features)[:, self.source]
        return np.where(self.is_code, complete == self.code, complete).astype(
            np.float32
        )

    def prepend(self, model: onnx.ModelProto, n_features: int) -> None:
        """Puts the same encoding ahead of a graph that takes the encoded columns, in place."""
        builder = GraphBuilder("encoding/")
        missing = builder.add("IsNaN", "features")
        complete = builder.add("Where", missing, self._fills, "features")
        columns = builder.add("Gather", complete, self.source, axis=1)
        matches = builder.add(
            "Cast", builder.add("Equal", columns, self.code), to=TensorProto.FLOAT
        )
        builder.add("Where", self.is_code, matches, columns, name="encoding/encoded")
        put_ahead(model, builder, n_features)


def put_ahead(model: onnx.ModelProto, builder: GraphBuilder, n_features: int) -> None:
    """Puts nodes from `features` to `encoding/encoded` ahead of a graph that takes the latter's columns, in place."""
    rename(model, "features", "encoding/encoded")
    nodes = [*builder.nodes, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(builder.constants)
    del model.graph.input[:]
    model.graph.input.append(
        helper.make_tensor_value_info(
            "features", TensorProto.FLOAT, ["n_rows", n_features]
        )
    )


def gather_contributions(
    model: onnx.ModelProto, source: NDArray[np.int64], n_features: int
) -> None:
    """Sums the columns' contributions to those of the features that they come from, in place."""
    columns = np.arange(n_features)[:, None] == source
    builder = GraphBuilder("gathering/")
    rename(model, "contributions", "gathering/columns")
    builder.add(
        "MatMul",
        columns.astype(np.float32),
        "gathering/columns",
        name="contributions",
    )
    shape = next(
        each for each in model.graph.output if each.name == "contributions"
    ).type.tensor_type.shape
    add_nodes(model, builder, "contributions", (n_features, shape.dim[2].dim_value))


class EncodedModel:
    """An EncodedModel is a fitted model of the encoded columns, with the encoding ahead of it."""

    def __init__(self, fitted: FittedModel, encoding: RowEncoding) -> None:
        self.fitted = fitted
        self.encoding = encoding
        self.kind = fitted.kind

    @property
    def packages(self) -> tuple[str, ...]:
        return self.fitted.packages

    @property
    def imputed(self) -> tuple[float | None, ...]:
        """Returns what a missing value of each feature counts as, None where none may be missing."""
        return self.encoding.fill

    @property
    def summary_note(self) -> str:
        return summary_note(self.fitted)

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Returns the model's outputs for features as the data set has them."""
        return self.fitted.outputs(self.encoding.encode(features))

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        model = self.fitted.to_onnx(len(self.encoding.source))
        self.encoding.prepend(model, n_features)
        if has_output(model, "contributions"):
            gather_contributions(model, self.encoding.source, n_features)
        return model


@dataclass(frozen=True, kw_only=True)
class EncodedFamily(WrappedFamily):
    """An EncodedFamily is an `inner` family that is given plain numbers."""

    def fit(
        self,
        dataset: Dataset,
        rows: Split,
        options: argparse.Namespace,
        on_epoch: OnEpoch,
    ) -> FittedModel:
        """Fits the inner family to the encoded columns; a data set of plain numbers it is given as it is."""
        encoding = Encoding(dataset, rows)
        if not encoding.is_needed:
            return self.inner.fit(dataset, rows, options, on_epoch)

        fitted = self.inner.fit(encoding.apply(dataset), rows, options, on_epoch)
        return EncodedModel(fitted, encoding)


def find_fills(dataset: Dataset, rows: Split) -> tuple[float | None, ...]:
    """Returns the training rows' median or most frequent code of each feature with gaps, None for the others.

    It raises TrainingError for a feature without a value in any training row.
    """
    train = dataset.features[rows.train]
    for name, column in zip(dataset.feature_names, train.T, strict=True):
        if np.isnan(column).all():
            raise TrainingError(
                f"no training row has a value in {name!r}: --exclude {shlex.quote(name)}"
            )

    has_gaps = [bool(np.isnan(column).any()) for column in dataset.features.T]
    columns = zip(train.T, dataset.categories, has_gaps, strict=True)

    return tuple(
        _find_fill(column, values) if gaps else None for column, values, gaps in columns
    )


def _find_fill(column: NDArray[np.float32], values: tuple[str, ...] | None) -> float:
    known = column[~np.isnan(column)]
    if values is None:
        return float(np.median(known))
    return float(np.bincount(known.astype(np.int64), minlength=len(values)).argmax())
