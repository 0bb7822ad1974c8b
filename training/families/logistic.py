"""Logistic regression is one linear score with its sigmoid for two classes, and the softmax of several for more.

Without an option of gradient descent the minimum of its loss, which is the only one, is found by scikit-learn. With
`--learning-rate` or another it is descended to in mini-batches and stopped early, as the course does.

It attains with seed 0, on held-out rows: 0.982 on breast_cancer, 1.000 on wine, 0.975 on digits, 1.000 on points. The
cards name the versions.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from training.data.datasets import Dataset, Split
from training.learning import class_weight, gradient_descent
from training.learning.family import OnEpoch
from training.learning.network import Classifier, FittedNetwork
from training.learning.wrapped import WrappedFamily

SUMMARY = "Logistic regression"
KINDS = ("classifier",)
NEEDS_VALIDATION = True
NEEDS_CALIBRATION = True

SOLVERS = ("exact", "descent")
DESCENT_DEFAULTS = {
    "optimizer": "adam",
    "learning_rate": 0.01,
    "clip": 1.0,
    "batch_size": None,
    "epochs": 500,
    "patience": 30,
}
MAX_STEPS = 1000
TOLERANCE = 1e-5


class SoftmaxClassifier(Classifier):
    """A SoftmaxClassifier takes the softmax of the scores for two classes too, in place of the sigmoid.

    onnxruntime's sigmoid of -16 is half of what it should be, and of -18 it is 0. A temperature above 1, which a solver
    without early stopping often needs, makes that a difference that is seen. Its softmax is exact.
    """

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns label int64 `(n_rows,)` and probabilities `(n_rows, n_classes)`."""
        scores = self.scores(features)
        if self.n_classes == 2:
            # The scores of the two classes differ by twice the score of either.
            scores = scores / 2
        probabilities = scores.softmax(dim=1)

        return probabilities.argmax(dim=1), probabilities


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--solver",
        choices=SOLVERS,
        help="exact, or descent by gradients; descent where one of its options is given or --l1, else exact",
    )
    gradient_descent.add_options(parser, learning_rate=0.01, l2=None)
    class_weight.add_option(parser)
    parser.set_defaults(**dict.fromkeys(DESCENT_DEFAULTS))


def fit(
    dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch
) -> FittedNetwork:
    """Descends by the gradient in mini-batches, and stops by the validation rows."""
    stated = {
        name: value
        for name in DESCENT_DEFAULTS
        if (value := getattr(options, name)) is not None
    }
    filled = argparse.Namespace(**{**vars(options), **DESCENT_DEFAULTS, **stated})

    return gradient_descent.fit_network(nn.Linear, dataset, rows, filled, on_epoch)


def is_solved(options: argparse.Namespace) -> bool:
    """Tells if the options leave it to the solver, which knows no rate, no epochs and no L1."""
    if options.solver is not None:
        return bool(options.solver == "exact")
    stated = [getattr(options, name) for name in DESCENT_DEFAULTS]
    return not options.l1 and all(each is None for each in stated)


class SolvedFamily(WrappedFamily):
    """A SolvedFamily is logistic regression by a solver, which needs no validation rows and learns from them too."""

    @property
    def NEEDS_VALIDATION(self) -> bool:  # noqa: N802  # a Family's names
        return False

    def fit(
        self,
        dataset: Dataset,
        rows: Split,
        options: argparse.Namespace,
        on_epoch: OnEpoch,  # noqa: ARG002  # a solver has no epochs to tell
    ) -> FittedNetwork:
        """Returns the minimum of the loss that gradient descent descends, with its L2.

        A feature that is 0 or 1, as a category or a term of a text is, keeps its own scale in the penalty, as is usual:
        by its deviation, a rare one would get a weight that a few rows decide.
        """
        features, target = dataset.features[rows.train], dataset.target[rows.train]
        n_classes = len(dataset.classes)
        body = nn.Linear(features.shape[1], n_classes if n_classes > 2 else 1)
        module = SoftmaxClassifier(body, features, n_classes=n_classes)
        standardised = module.standardise(torch.from_numpy(features)).numpy()
        is_flag = ((features == 0) | (features == 1)).all(axis=0)
        scale = np.where(is_flag, module.deviation.numpy(), 1.0)
        weight = 0.5 / len(target) if options.l2 is None else options.l2
        solver = LogisticRegression(
            C=0.5 / (weight * len(target)) if weight else np.inf,
            class_weight=options.class_weight,
            max_iter=MAX_STEPS,
            tol=TOLERANCE,
        )
        solver.fit(standardised.astype(np.float64) * scale, target)

        with torch.no_grad():
            body.weight.copy_(torch.from_numpy(solver.coef_ * scale))
            body.bias.copy_(torch.from_numpy(solver.intercept_))

        return FittedNetwork(module, kind="classifier")
