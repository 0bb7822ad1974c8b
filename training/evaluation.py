"""How good an exported file is: measured on its own outputs over held-out rows, never on the source model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from sklearn import metrics as sklearn_metrics

from model_card import Metric


def evaluate_classifier(outputs: dict[str, NDArray[Any]], target: NDArray[np.int64]) -> dict[str, Metric]:
    """Metrics of label `(n_rows,)` and probabilities `(n_rows, n_classes)` against target `(n_rows,)`.

    Accuracy has the 95 % score interval of Wilson, JASA 22 (1927).
    """
    label, probabilities = outputs["label"], outputs["probabilities"].astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # float32 rows sum to 1 within 1e-7, float64 is asked for
    n_classes = probabilities.shape[1]
    hits = int((label == target).sum())
    interval = binomtest(hits, len(target)).proportion_ci(0.95, method="wilson")
    scores = probabilities[:, 1] if n_classes == 2 else probabilities
    classes = np.arange(n_classes)
    figures = {
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(target, label),
        "macro_f1": sklearn_metrics.f1_score(target, label, average="macro"),
        "log_loss": sklearn_metrics.log_loss(target, probabilities, labels=classes),
        "brier": sklearn_metrics.brier_score_loss(target, scores, labels=classes),
        "roc_auc": sklearn_metrics.roc_auc_score(target, scores, multi_class="ovr", labels=classes),
    }
    accuracy = Metric(value=hits / len(target), interval=(round(interval.low, 6), round(interval.high, 6)))
    return {"accuracy": accuracy} | {name: Metric(value=round(float(figure), 6)) for name, figure in figures.items()}
