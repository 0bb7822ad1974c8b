"""This module gives the export gate scikit-learn's estimators: their own outputs, and their graph."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import skl2onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator, is_classifier

from training.graph import OPSET, GraphBuilder, add_nodes, rename

ML_OPSET = 3


class FittedEstimator:
    """A FittedEstimator is a fitted classifier or regressor, or a pipeline that ends in one.

    With `votes`, as many as its probabilities are shares of, each class gets an equal part of one vote more, so that
    no class that got none is impossible, and no temperature makes a 0 of it.
    """

    packages = ("scikit-learn", "skl2onnx", "onnx")

    def __init__(self, estimator: BaseEstimator, *, votes: int | None = None) -> None:
        self.estimator = estimator
        self.votes = votes
        self.kind = "classifier" if is_classifier(estimator) else "regressor"

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Returns what scikit-learn says of `features`, by the contract's output names."""
        if self.kind == "regressor":
            return {"value": self.estimator.predict(features)}
        label = self.estimator.predict(features).astype(np.int64)
        probabilities = self.estimator.predict_proba(features)
        if self.votes is not None:
            equal = 1 / probabilities.shape[1]
            probabilities = (probabilities * self.votes + equal) / (self.votes + 1)

        return {"label": label, "probabilities": probabilities}

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Returns its graph, with probabilities as a tensor and not as a list of dictionaries."""
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Field onnx.AttributeProto.ints"
            )  # the converter writes booleans of boosted trees, which protobuf 6 takes
            model: onnx.ModelProto = skl2onnx.to_onnx(
                self.estimator,
                initial_types=[("features", FloatTensorType([None, n_features]))],
                target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
                options={"zipmap": False} if self.kind == "classifier" else None,
            )

        if self.kind == "regressor":
            _flatten_value(model)
        elif self.votes is not None:
            self._add_vote(model)

        return model

    def _add_vote(self, model: onnx.ModelProto) -> None:
        """Adds one vote to the graph's probabilities, as `outputs` does, in place."""
        n_classes, votes = len(self.estimator.classes_), self.votes or 0
        rename(model, "probabilities", "votes/shares")
        builder = GraphBuilder("votes/")
        kept = builder.add("Mul", "votes/shares", np.float32(votes / (votes + 1)))
        one = np.float32(1 / n_classes / (votes + 1))
        builder.add("Add", kept, one, name="probabilities")
        add_nodes(model, builder, "probabilities", (n_classes,))


def _flatten_value(model: onnx.ModelProto) -> None:
    """Makes of the converter's `variable` `(n_rows, 1)` the contract's `value` `(n_rows,)`, in place."""
    builder = GraphBuilder("flatten/")
    builder.add("Reshape", model.graph.output[0].name, np.array([-1]), name="value")
    model.graph.node.extend(builder.nodes)
    model.graph.initializer.extend(builder.constants)
    del model.graph.output[:]
    model.graph.output.append(
        helper.make_tensor_value_info("value", TensorProto.FLOAT, [None])
    )
