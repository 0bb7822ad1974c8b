"""scikit-learn's estimators as the export gate wants them: their own outputs, and their graph."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import skl2onnx
from numpy.typing import NDArray
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator

from training.network import OPSET

ML_OPSET = 3


class FittedEstimator:
    """A learnt estimator or pipeline that has `predict_proba`."""

    packages = ("scikit-learn", "skl2onnx", "onnx")

    def __init__(self, estimator: BaseEstimator) -> None:
        self._estimator = estimator

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """What scikit-learn says of `features`, by the contract's output names."""
        label = self._estimator.predict(features).astype(np.int64)
        return {"label": label, "probabilities": self._estimator.predict_proba(features)}

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        """Its graph, with probabilities as a tensor and not as a list of dictionaries."""
        model: onnx.ModelProto = skl2onnx.to_onnx(
            self._estimator,
            initial_types=[("features", FloatTensorType([None, n_features]))],
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
            options={"zipmap": False},
        )
        return model
