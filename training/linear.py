"""Linear regression: the line (or plane) of least mean squared error, found by stochastic gradient descent.

Attains with seed 0, on held-out rows: TODO
"""

from __future__ import annotations

import argparse

from torch import nn

from training import descent
from training.datasets import Dataset, Split
from training.fitted import OnEpoch
from training.network import FittedNetwork

SUMMARY = "Linear regression"
KINDS = ("regressor",)
VALIDATES = False
CALIBRATES = False


def add_options(parser: argparse.ArgumentParser) -> None:
    descent.add_options(parser, learning_rate=0.01, l2=0.0, optimizer="sgd", validates=False)
    parser.set_defaults(epochs=200)


def fit(dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch) -> FittedNetwork:
    return descent.fit_network(nn.Linear, dataset, rows, options, on_epoch)
