"""A multi-layer perceptron has hidden layers of neurons for what no line separates.

It attains with seed 0, on held-out rows: 0.965 on breast_cancer, 1.000 on wine, 0.981 on digits, 1.000 on points; 4
to 6 s each on 2 processors. The cards name the versions.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

from torch import nn

from training import option_types as types
from training.data.datasets import Dataset, Split
from training.learning import class_weight, gradient_descent
from training.learning.family import OnEpoch
from training.learning.network import FittedNetwork

SUMMARY = "Multi-layer perceptron"
KINDS = ("classifier", "regressor")
NEEDS_VALIDATION = True
NEEDS_CALIBRATION = True

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    gradient_descent.add_options(parser, learning_rate=0.003, l2=0.0003)
    class_weight.add_option(parser)
    parser.add_argument(
        "--activation",
        choices=sorted(ACTIVATIONS),
        default="relu",
        help="of the hidden layers",
    )
    parser.add_argument(
        "--hidden",
        type=types.widths,
        default="64,64",
        help="neurons of each hidden layer, as in 64,64",
    )


def fit(
    dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch
) -> FittedNetwork:
    def body(n_features: int, n_scores: int) -> nn.Module:
        widths = [n_features, *(int(width) for width in options.hidden.split(","))]
        layers: list[nn.Module] = []

        for n_inputs, n_outputs in pairwise(widths):
            layers += [
                nn.Linear(n_inputs, n_outputs),
                ACTIVATIONS[options.activation](),
            ]

        return nn.Sequential(*layers, nn.Linear(widths[-1], n_scores))

    return gradient_descent.fit_network(body, dataset, rows, options, on_epoch)
