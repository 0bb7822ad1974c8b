"""The pictures of a trained model call things by these names, and show each part of the rows in its colour."""

from __future__ import annotations

from charts.palette import BLUE, GREEN, ORANGE, PURPLE

PARTS = {"train": ORANGE, "validation": PURPLE, "held-out": BLUE, "folds": GREEN}
"""Colours of the parts of the rows, the same in all pictures."""
ERRORS = (
    "log_loss",
    "brier",
    "ece",
    "rmse",
    "mae",
    "mean_squared_distance",
    "mean_squared_error",
)
"""Metrics of which less is better."""
TITLES = {
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "MAE",
    "roc_auc": "ROC AUC",
    "ece": "ECE",
    "macro_f1": "macro F1",
}
