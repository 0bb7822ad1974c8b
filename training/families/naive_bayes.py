"""Gaussian naive Bayes takes features as independent and normal within each class; it is scikit-learn's.

It attains with seed 0, on held-out rows: 0.904 on breast_cancer, 0.972 on wine, 0.869 on digits, 1.000 on points;
under 1 s each on 2 processors. The cards name the versions.
"""

from __future__ import annotations

import argparse

from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training import option_types as types
from training.data.datasets import Dataset, Split
from training.learning.estimator import FittedEstimator
from training.learning.family import OnEpoch

SUMMARY = "Gaussian naive Bayes"
KINDS = ("classifier",)
NEEDS_VALIDATION = False
NEEDS_CALIBRATION = True


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--var-smoothing",
        type=types.positive,
        default=0.01,
        help="share of the largest variance added to all: without it a constant pixel is an infinite argument",
    )


def fit(
    dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch
) -> FittedEstimator:
    """Fits standardised features, of which one variance is a fair measure for all."""
    pipeline = make_pipeline(
        StandardScaler(), GaussianNB(var_smoothing=options.var_smoothing)
    )
    return FittedEstimator(
        pipeline.fit(dataset.features[rows.train], dataset.target[rows.train])
    )
