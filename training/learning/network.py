"""This module holds torch models with their preprocessing and their softmax inside, and their way into ONNX."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model_card import OUTPUTS
from training.graph import OPSET, GraphBuilder, add_constant_output, add_nodes


class Standardised(nn.Module):
    """A Standardised network first brings each feature to mean 0 and deviation 1 of the training rows.

    If it is not `scaled`, it brings them to mean 0 alone.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self, train_features: NDArray[np.float32], *, scaled: bool = True
    ) -> None:
        super().__init__()
        features = torch.from_numpy(train_features.astype(np.float64))
        deviation = (
            features.std(dim=0, correction=0)
            if scaled
            else torch.ones(features.shape[1])
        )
        self.register_buffer("mean", features.mean(dim=0).float())
        self.register_buffer(
            "deviation", torch.where(deviation > 0, deviation, 1.0).float()
        )

    def standardise(self, features: Tensor) -> Tensor:
        """Returns `(n_rows, n_features)`; a feature that was constant in training is only shifted."""
        return (features - self.mean) / self.deviation

    def restore(self, standardised: Tensor) -> Tensor:
        """Returns the features from standardised ones, the inverse of `standardise`."""
        return standardised * self.deviation + self.mean


class TrainableNetwork(Standardised):
    """A TrainableNetwork has a loss that gradient descent can minimise."""

    def loss(self, features: Tensor, target: Tensor) -> Tensor:
        """Returns the mean loss over rows, a scalar."""
        raise NotImplementedError


class Classifier(TrainableNetwork):
    """A Classifier scores standardised features and turns the scores into probabilities.

    `body` maps `(n_rows, n_features)` to one score for two classes, whose sigmoid is the probability of the second,
    or to one score for each class, whose softmax are the probabilities.
    """

    def __init__(
        self, body: nn.Module, train_features: NDArray[np.float32], *, n_classes: int
    ) -> None:
        super().__init__(train_features)
        self.body = body
        self.n_classes = n_classes

    def scores(self, features: Tensor) -> Tensor:
        """Returns `(n_rows, n_classes)`; for two classes the score of the first is minus that of the second."""
        scores: Tensor = self.body(self.standardise(features))
        return torch.cat([-scores, scores], dim=1) if self.n_classes == 2 else scores

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Returns logarithms of the probabilities, `(n_rows, n_classes)`, which the log loss sums."""
        scores = self.scores(features)
        return (
            nn.functional.logsigmoid(scores)
            if self.n_classes == 2
            else scores.log_softmax(dim=1)
        )

    def loss(self, features: Tensor, target: Tensor) -> Tensor:
        """Returns the log loss, in nats."""
        return nn.functional.nll_loss(self.log_probabilities(features), target)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns label int64 `(n_rows,)` and probabilities `(n_rows, n_classes)`."""
        scores = self.scores(features)
        probabilities = (
            scores.sigmoid() if self.n_classes == 2 else scores.softmax(dim=1)
        )
        return probabilities.argmax(dim=1), probabilities


class Regressor(TrainableNetwork):
    """A Regressor predicts a number from standardised features; `body` maps `(n_rows, n_features)` to one score.

    The score is the number in standard deviations from the mean, both of the training rows.
    """

    target_mean: Tensor
    target_deviation: Tensor

    def __init__(
        self,
        body: nn.Module,
        train_features: NDArray[np.float32],
        train_target: NDArray[np.float32],
    ) -> None:
        super().__init__(train_features)
        self.body = body
        self.register_buffer("target_mean", torch.tensor(float(train_target.mean())))
        self.register_buffer(
            "target_deviation", torch.tensor(float(train_target.std()) or 1.0)
        )

    def loss(self, features: Tensor, target: Tensor) -> Tensor:
        """Returns the mean squared error, as a share of the variance of the training rows' target."""
        return nn.functional.mse_loss(
            self._score(features), (target - self.target_mean) / self.target_deviation
        )

    def forward(self, features: Tensor) -> Tensor:
        """Returns value `(n_rows,)`."""
        return self._score(features) * self.target_deviation + self.target_mean

    def _score(self, features: Tensor) -> Tensor:
        score: Tensor = self.body(self.standardise(features)).squeeze(1)
        return score


class FittedNetwork:
    """A FittedNetwork gives the export gate a fitted network's own outputs, and its graph.

    `module` maps `features` (or `noise`) to the outputs of `kind`, in the order of the contract.
    """

    packages = ("torch", "onnx", "onnxscript")

    def __init__(self, module: nn.Module, *, kind: str) -> None:
        self.module = module.eval()
        self.kind = kind

    def outputs(self, features: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Returns what the source model says of `features`, by the contract's output names."""
        with torch.inference_mode():
            outputs = self.module(torch.from_numpy(features))

        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        return {
            name: output.numpy()
            for name, output in zip(OUTPUTS[self.kind], outputs, strict=True)
        }

    def to_onnx(self, n_features: int) -> onnx.ModelProto:
        name = "noise" if self.kind == "generator" else "features"
        outputs = list(OUTPUTS[self.kind])
        model = to_onnx(
            self.module,
            torch.zeros(2, n_features),
            input_name=name,
            output_names=outputs,
        )
        if isinstance(self.module, Classifier | Regressor) and isinstance(
            self.module.body, nn.Linear
        ):
            add_contributions(model, self.module, self.module.body)

        return model


def add_contributions(
    model: onnx.ModelProto, module: Classifier | Regressor, linear: nn.Linear
) -> None:
    """Adds outputs in place: what each feature adds to each score, and the scores of a row at all the means.

    `contributions` `(n_rows, n_features, n_scores)` are weight times distance from the training rows' mean, `base` is
    `(n_scores,)`; they sum to the scores, and for a regressor to its value.
    """
    weights = (linear.weight.detach() / module.deviation).T.numpy()
    base = linear.bias.detach().numpy()
    if isinstance(module, Regressor):
        weights, base = (
            weights * float(module.target_deviation),
            base * float(module.target_deviation),
        )
        base = base + float(module.target_mean)

    graph = GraphBuilder("contributions/")
    distances = graph.add(
        "Unsqueeze", graph.add("Sub", "features", module.mean.numpy()), np.array([2])
    )
    graph.add("Mul", distances, weights.astype(np.float32), name="contributions")
    add_nodes(model, graph, "contributions", weights.shape)
    add_constant_output(model, "base", base.astype(np.float32))


def to_onnx(
    module: nn.Module, example: Tensor, *, input_name: str, output_names: list[str]
) -> onnx.ModelProto:
    """Returns the graph of a module whose first axis is free; `example` has 2 rows."""
    assert not module.training
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the exporter warns of its own use of deprecated torch functions
        program = torch.onnx.export(
            module,
            (example,),
            input_names=[input_name],
            output_names=output_names,
            dynamic_shapes=({0: torch.export.Dim("n_rows")},),
            opset_version=OPSET,
            external_data=False,
            dynamo=True,
            verbose=False,
        )

    assert program is not None
    model: onnx.ModelProto = program.model_proto

    return model
