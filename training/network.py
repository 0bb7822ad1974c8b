"""Classifiers in torch, with their preprocessing and their softmax inside, and their way into ONNX."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

OPSET = 18


class Standardised(nn.Module):
    """A network that first brings each feature to mean 0 and deviation 1 of the training rows."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, train_features: NDArray[np.float32]) -> None:
        super().__init__()
        features = torch.from_numpy(train_features.astype(np.float64))
        deviation = features.std(dim=0, correction=0)
        self.register_buffer("mean", features.mean(dim=0).float())
        self.register_buffer("deviation", torch.where(deviation > 0, deviation, 1.0).float())

    def standardise(self, features: Tensor) -> Tensor:
        """`(n_rows, n_features)`; a feature that was constant in training is only shifted."""
        return (features - self.mean) / self.deviation


class Classifier(Standardised):
    """Scores standardised features and turns the scores into probabilities.

    `body` maps `(n_rows, n_features)` to one score for two classes, whose sigmoid is the probability of the
    second, or to one score for each class, whose softmax are the probabilities.
    """

    def __init__(self, body: nn.Module, train_features: NDArray[np.float32], *, n_classes: int) -> None:
        super().__init__(train_features)
        self.body = body
        self.n_classes = n_classes

    def scores(self, features: Tensor) -> Tensor:
        """`(n_rows, n_classes)`; for two classes the score of the first is minus that of the second."""
        scores: Tensor = self.body(self.standardise(features))
        return torch.cat([-scores, scores], dim=1) if self.n_classes == 2 else scores

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Logarithms of the probabilities, `(n_rows, n_classes)`: what the log loss sums."""
        scores = self.scores(features)
        return nn.functional.logsigmoid(scores) if self.n_classes == 2 else scores.log_softmax(dim=1)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Label int64 `(n_rows,)` and probabilities `(n_rows, n_classes)`."""
        scores = self.scores(features)
        probabilities = scores.sigmoid() if self.n_classes == 2 else scores.softmax(dim=1)
        return probabilities.argmax(dim=1), probabilities


class FittedNetwork:
    """A learnt network as the export gate wants it: its own outputs, and its graph."""

    packages = ("torch", "onnx", "onnxscript")

    def __init__(self, module: nn.Module) -> None:
        self._module = module.eval()

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """What the source model says of `features`, by the contract's output names."""
        with torch.inference_mode():
            label, probabilities = self._module(torch.from_numpy(features))
        return {"label": label.numpy(), "probabilities": probabilities.numpy()}

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        assert not self._module.training
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter warns of its own use of deprecated torch functions
            program = torch.onnx.export(
                self._module,
                (torch.zeros(2, n_features),),
                input_names=["features"],
                output_names=["label", "probabilities"],
                dynamic_shapes=({0: torch.export.Dim("n_rows")},),
                opset_version=OPSET,
                external_data=False,
                dynamo=True,
                verbose=False,
            )
        assert program is not None
        model: onnx.ModelProto = program.model_proto
        return model
