"""k nearest neighbours answers with the classes of the training rows that lie closest, in a graph of our own.

Distances are computed in float64 and compared after rounding to 2**-20, so that rounding errors do not decide; of
equally close rows the one that comes first in the training data is the nearer one.

It attains with seed 0, on held-out rows: 0.956 on breast_cancer, 1.000 on wine, 0.986 on digits, 1.000 on points;
under 1 s each on 2 processors. The cards name the versions.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto

from training import option_types as types
from training.data.datasets import Dataset, Split
from training.graph import GraphBuilder
from training.learning.family import OnEpoch, TrainingError

SUMMARY = "k nearest neighbours"
KINDS = ("classifier",)
NEEDS_VALIDATION = False
NEEDS_CALIBRATION = True
METRICS = ("euclidean", "manhattan", "hamming")
WEIGHTS = ("uniform", "distance")
QUANTUM = 2.0**-20
ROWS_AT_A_TIME = 64
MAX_VALUES = 1_000_000
MAX_ONE_HOT_BYTES = 1_000_000
"""Classes of the training rows stand in the file as rows of 0 and 1, or as indices where those would take more."""

Floats = NDArray[np.float64]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--neighbors",
        type=types.count,
        default=5,
        help="k, the training rows that decide",
    )
    parser.add_argument(
        "--metric",
        choices=METRICS,
        default="euclidean",
        help="hamming: share of unequal values",
    )
    parser.add_argument(
        "--weights",
        choices=WEIGHTS,
        default="uniform",
        help="distance: a neighbour counts 1 / distance",
    )


def fit(
    dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch
) -> FittedNeighbors:
    """Keeps the training rows; features are standardised, except where their equality is what counts."""
    features, target = dataset.features[rows.train], dataset.target[rows.train]
    if features.size > MAX_VALUES:
        raise TrainingError(
            f"knn: it keeps all {features.shape[0]} x {features.shape[1]} values in the file, more than {MAX_VALUES:,}"
        )

    if options.neighbors > len(features):
        raise TrainingError(
            f"--neighbors {options.neighbors}: there are only {len(features)} training rows"
        )

    return FittedNeighbors(
        features,
        np.eye(len(dataset.classes))[target],
        neighbors=options.neighbors,
        metric=options.metric,
        weights=options.weights,
    )


def find_nearest(distances: Floats, n_nearest: int) -> NDArray[np.int64]:
    """Returns the columns `(n_rows, n_nearest)` of the smallest distances of each row, nearest first.

    Of equal ones the first is the nearer; to sort only what may be among them takes a tenth of the time.
    """
    if n_nearest >= distances.shape[1]:
        return np.argsort(distances, axis=1, kind="stable")

    limits = np.partition(distances, n_nearest - 1, axis=1)[:, n_nearest - 1]
    nearest = np.empty((len(distances), n_nearest), dtype=np.int64)
    for row, (each, limit) in enumerate(zip(distances, limits, strict=True)):
        candidates = np.flatnonzero(each <= limit)
        order = np.argsort(each[candidates], kind="stable")[:n_nearest]
        nearest[row] = candidates[order]

    return nearest


class FittedNeighbors:
    """FittedNeighbors holds training rows `(n_train, n_features)` and their one-hot classes `(n_train, n_classes)`."""

    kind = "classifier"
    packages = ("onnx",)

    def __init__(
        self,
        features: NDArray[np.float32],
        classes: Floats,
        *,
        neighbors: int,
        metric: str,
        weights: str,
    ) -> None:
        self.features, self.classes = features, classes
        self.neighbors, self.metric, self.weights = neighbors, metric, weights
        scaled = metric != "hamming"
        wide = features.astype(np.float64)
        deviation = wide.std(axis=0)
        self.mean = wide.mean(axis=0) if scaled else np.zeros(wide.shape[1])
        self.deviation = (
            np.where(deviation > 0, deviation, 1.0)
            if scaled
            else np.ones(wide.shape[1])
        )

    def distances(self, features: NDArray[np.float32]) -> Floats:
        """Returns `(n_rows, n_train)`, in standard deviations, or for hamming the share of unequal values."""
        queries, references = (
            (each.astype(np.float64) - self.mean) / self.deviation
            for each in (features, self.features)
        )
        if self.metric == "euclidean":
            squares = (
                (queries**2).sum(axis=1)[:, None]
                - 2 * queries @ references.T
                + (references**2).sum(axis=1)
            )
            distances = np.sqrt(np.maximum(squares, 0))
        elif self.metric == "manhattan":
            distances = np.abs(queries[:, None] - references).sum(axis=2)
        else:
            distances = (queries[:, None] != references).mean(axis=2)

        rounded: Floats = np.round(distances / QUANTUM) * QUANTUM

        return rounded

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Returns label, probabilities, and the neighbours that decided: row numbers and distances, nearest first."""
        parts = [
            self._outputs(part)
            for part in np.array_split(features, len(features) // ROWS_AT_A_TIME + 1)
        ]
        return {
            name: np.concatenate([part[name] for part in parts]) for name in parts[0]
        }

    def _outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        distances = self.distances(features)
        neighbor = find_nearest(distances, self.neighbors)
        distance = np.take_along_axis(distances, neighbor, axis=1)
        weight = np.ones_like(distance)
        if self.weights == "distance":
            same = distance == 0
            with np.errstate(divide="ignore"):
                weight = np.where(same.any(axis=1, keepdims=True), same, 1 / distance)

        votes = (weight[:, :, None] * self.classes[neighbor]).sum(axis=1)
        probabilities = votes / weight.sum(axis=1, keepdims=True)

        return {
            "label": probabilities.argmax(axis=1),
            "probabilities": probabilities,
            "neighbor": neighbor,
            "neighbor_distance": distance,
            "neighbor_class": self.classes.argmax(axis=1)[neighbor],
        }

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Returns a graph with the same order of operations; `outputs` describes the two further outputs."""
        graph = GraphBuilder()
        wide = graph.add("Cast", "features", to=TensorProto.DOUBLE)
        queries = self._standardised(graph, wide)
        references = self._standardised(
            graph,
            graph.add("Cast", graph.constant(self.features), to=TensorProto.DOUBLE),
        )
        rounded = graph.add(
            "Round",
            graph.add(
                "Div", self._distances(graph, queries, references, n_features), QUANTUM
            ),
        )
        distances = graph.add("Mul", rounded, QUANTUM)
        distance, neighbor = graph.find_smallest(distances, self.neighbors)
        weight = self._weights(graph, distance)
        label, classes = self._gather_classes(graph, neighbor)
        column = graph.add("Unsqueeze", weight, np.array([2]))
        votes = graph.add(
            "ReduceSum", graph.add("Mul", column, classes), np.array([1]), keepdims=0
        )
        share = graph.add(
            "Div", votes, graph.add("ReduceSum", weight, np.array([1]), keepdims=1)
        )
        graph.add("ArgMax", share, axis=1, keepdims=0, name="label")
        graph.add("Identity", share, name="probabilities")
        graph.add("Identity", neighbor, name="neighbor")
        graph.add("Cast", distance, to=TensorProto.FLOAT, name="neighbor_distance")
        if label is None:
            labels = graph.constant(self.classes.argmax(axis=1))
            graph.add("Gather", labels, neighbor, axis=0, name="neighbor_class")
        else:
            graph.add("Identity", label, name="neighbor_class")

        return graph.model(
            n_features,
            {
                "label": (TensorProto.INT64, ()),
                "probabilities": (TensorProto.DOUBLE, (self.classes.shape[1],)),
                "neighbor": (TensorProto.INT64, (self.neighbors,)),
                "neighbor_distance": (TensorProto.FLOAT, (self.neighbors,)),
                "neighbor_class": (TensorProto.INT64, (self.neighbors,)),
            },
        )

    def _gather_classes(
        self, graph: GraphBuilder, neighbor: str
    ) -> tuple[str | None, str]:
        """Returns the neighbours' classes, as one-hot float64 `(n_rows, neighbors, n_classes)`, after their indices.

        The indices are None where the file holds the classes as one-hot.
        """
        n_classes = self.classes.shape[1]
        if self.classes.nbytes <= MAX_ONE_HOT_BYTES:
            one_hot = graph.constant(self.classes)
            return None, graph.add("Gather", one_hot, neighbor, axis=0)

        smallest = np.min_scalar_type(n_classes - 1)
        labels = graph.constant(self.classes.argmax(axis=1).astype(smallest))
        wide = graph.add("Cast", labels, to=TensorProto.INT64)
        label = graph.add("Gather", wide, neighbor, axis=0)
        column = graph.add("Unsqueeze", label, np.array([2]))
        is_class = graph.add("Equal", column, np.arange(n_classes))

        return label, graph.add("Cast", is_class, to=TensorProto.DOUBLE)

    def _standardised(self, graph: GraphBuilder, features: str) -> str:
        return graph.add("Div", graph.add("Sub", features, self.mean), self.deviation)

    def _distances(
        self, graph: GraphBuilder, queries: str, references: str, n_features: int
    ) -> str:
        """Returns `(n_rows, n_train)`, feature by feature, because rows x train x features is too large."""
        if self.metric == "euclidean":
            product = graph.add(
                "MatMul", queries, graph.add("Transpose", references, perm=[1, 0])
            )
            own = graph.add(
                "ReduceSum",
                graph.add("Mul", queries, queries),
                np.array([1]),
                keepdims=1,
            )
            other = graph.add(
                "ReduceSum",
                graph.add("Mul", references, references),
                np.array([1]),
                keepdims=0,
            )
            squares = graph.add(
                "Add", graph.add("Sub", own, graph.add("Mul", product, 2.0)), other
            )

            return graph.add("Sqrt", graph.add("Max", squares, 0.0))

        total = ""

        for column in range(n_features):
            one = graph.add("Gather", queries, np.array([column]), axis=1)
            row = graph.add(
                "Transpose",
                graph.add("Gather", references, np.array([column]), axis=1),
                perm=[1, 0],
            )
            if self.metric == "manhattan":
                part = graph.add("Abs", graph.add("Sub", one, row))
            else:
                part = graph.add(
                    "Cast",
                    graph.add("Not", graph.add("Equal", one, row)),
                    to=TensorProto.DOUBLE,
                )

            total = graph.add("Add", total, part) if total else part

        return (
            total
            if self.metric == "manhattan"
            else graph.add("Div", total, float(n_features))
        )

    def _weights(self, graph: GraphBuilder, distance: str) -> str:
        """Returns `(n_rows, neighbors)`; a neighbour at distance 0 decides alone, with others at 0."""
        if self.weights == "uniform":
            return graph.add("Add", graph.add("Mul", distance, 0.0), 1.0)

        same = graph.add(
            "Cast", graph.add("Equal", distance, 0.0), to=TensorProto.DOUBLE
        )
        any_same = graph.add(
            "Cast",
            graph.add("ReduceMax", same, np.array([1]), keepdims=1),
            to=TensorProto.BOOL,
        )

        return graph.add("Where", any_same, same, graph.add("Div", 1.0, distance))
