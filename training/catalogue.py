"""What is shipped: the commands that `python -m training all` runs, one for each file."""

from __future__ import annotations

from training.families import FAMILIES

FOLDS = ("--folds", "5")
CLASSIFIERS = ("logistic", "perceptron", "mlp", "naive_bayes", "knn", "decision_tree", "random_forest")

SHIPPED: tuple[tuple[str, ...], ...] = (
    ("linear", "--task", "tacos", *FOLDS),
    *((family, "--task", "diabetes", *FOLDS) for family in ("linear", "decision_tree", "random_forest")),
    *(
        (family, "--task", task, *FOLDS)
        for task in ("points", "breast_cancer", "wine", "digits")
        for family in CLASSIFIERS
    ),
    ("cnn", "--task", "digits", *FOLDS),
    *((family, "--task", "digits") for family in ("kmeans", "pca", "autoencoder", "gan") if family in FAMILIES),
)
