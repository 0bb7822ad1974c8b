"""Logistic regression: one linear score, its sigmoid for two classes, the softmax of several for more."""

from __future__ import annotations

import argparse

from torch import nn

from training import descent
from training.datasets import Dataset, Split
from training.fitted import OnEpoch
from training.network import FittedNetwork

SUMMARY = "Logistic regression"
VALIDATES = True


def add_options(parser: argparse.ArgumentParser) -> None:
    descent.add_options(parser, learning_rate=0.01, l2=0.001)


def fit(dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch) -> FittedNetwork:
    def body(n_features: int, n_scores: int) -> nn.Module:
        return nn.Linear(n_features, n_scores)

    return descent.fit_network(body, dataset, rows, options, on_epoch)
