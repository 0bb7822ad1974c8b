"""MAPIE, an independent library, makes prediction sets of probabilities that are known."""

from __future__ import annotations

import warnings

import numpy as np
from mapie.classification import SplitConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin


class KnownProbabilities(ClassifierMixin, BaseEstimator):
    """A classifier whose features `(n_rows, n_classes)` are the probabilities that it answers."""

    def __init__(self, n_classes: int) -> None:
        self.n_classes = n_classes
        self.classes_ = np.arange(n_classes)

    def fit(self, features: np.ndarray, target: np.ndarray) -> KnownProbabilities:
        """Learns nothing."""
        return self

    def predict_proba(self, features: np.ndarray) -> np.ndarray:
        """Returns what it is given."""
        return features

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Returns the most probable classes."""
        most_probable: np.ndarray = features.argmax(axis=1)
        return most_probable


def find_members(
    calibration: np.ndarray, truth: np.ndarray, asked: np.ndarray, *, coverage: float
) -> np.ndarray:
    """Returns which classes belong to the set of each row that is asked, `(n_asked, n_classes)`.

    It is split conformal prediction with the score 1 - p (the least ambiguous classifier). A set may be empty.
    """
    classifier = SplitConformalClassifier(
        KnownProbabilities(calibration.shape[1]),
        confidence_level=coverage,
        conformity_score="lac",
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*dataset has less labels than")
        classifier.conformalize(calibration, truth)
    _, sets = classifier.predict_set(asked)
    members: np.ndarray = sets[:, :, 0]

    return members


def find_members_by_class(
    calibration: np.ndarray, truth: np.ndarray, asked: np.ndarray, *, coverage: float
) -> np.ndarray:
    """Returns the same where each class is calibrated on its own rows alone (Mondrian)."""
    n_classes = calibration.shape[1]
    members = [
        find_members(
            calibration[truth == each], truth[truth == each], asked, coverage=coverage
        )[:, each]
        for each in range(n_classes)
    ]

    return np.stack(members, axis=1)
