"""The table of families: `python -m training FAMILY` finds its module here."""

from __future__ import annotations

import argparse
from typing import Protocol

from training import cnn, decision_tree, knn, logistic, mlp, naive_bayes, perceptron, random_forest
from training.datasets import Dataset, Split
from training.fitted import Fitted, OnEpoch


class Family(Protocol):
    """What a family's module offers."""

    SUMMARY: str
    VALIDATES: bool
    """Whether it needs validation rows, to stop or to choose by; otherwise it learns from them too."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Adds its own options to the command."""
        ...

    def fit(self, dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch) -> Fitted:
        """Learns; the same data, rows and options give the same model."""
        ...


FAMILIES: dict[str, Family] = {
    "logistic": logistic,
    "perceptron": perceptron,
    "mlp": mlp,
    "cnn": cnn,
    "naive_bayes": naive_bayes,
    "knn": knn,
    "decision_tree": decision_tree,
    "random_forest": random_forest,
}
