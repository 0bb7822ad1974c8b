"""This module gives the export gate scikit-learn's estimators: their own outputs, and their graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import skl2onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator, is_classifier

from training.graph import OPSET, GraphBuilder

ML_OPSET = 3


class FittedEstimator:
    """A FittedEstimator is a fitted classifier or regressor, or a pipeline that ends in one."""

    packages = ("scikit-learn", "skl2onnx", "onnx")

    def __init__(self, estimator: BaseEstimator) -> None:
        self.estimator = estimator
        self.kind = "classifier" if is_classifier(estimator) else "regressor"

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Returns what scikit-learn says of `features`, by the contract's output names."""
        if self.kind == "regressor":
            return {"value": self.estimator.predict(features)}
        label = self.estimator.predict(features).astype(np.int64)
        return {"label": label, "probabilities": self.estimator.predict_proba(features)}

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Returns its graph, with probabilities as a tensor and not as a list of dictionaries."""
        model: onnx.ModelProto = skl2onnx.to_onnx(
            self.estimator,
            initial_types=[("features", FloatTensorType([None, n_features]))],
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
            options={"zipmap": False} if self.kind == "classifier" else None,
        )
        if self.kind == "regressor":
            _flatten_value(model)

        return model


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
