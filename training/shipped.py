"""This module lists what is shipped: the commands that `python -m training all` runs, one for each file."""

from __future__ import annotations

FOLDS = ("--folds", "5")
CLASSIFIERS = (
    "logistic",
    "perceptron",
    "mlp",
    "naive_bayes",
    "knn",
    "decision_tree",
    "random_forest",
    "gradient_boosting",
)
CIFAR10_CNN = (
    "cnn",
    "--task",
    "cifar10",
    "--widths",
    "96,256,256",
    "--depth",
    "3",
    "--select",
    "--epochs",
    "64",
    "--shift",
    "4",
    "--cutout",
    "12",
    "--moves",
)
LITE0_IN_ALL_LAYERS = (
    "--arch",
    "efficientnet_lite0",
    "--finetune",
    "--unfreeze",
    "--enlarge",
    "144",
    "--mirror",
    "--learning-rate",
    "0.0007",
)
CIFAR10_PRETRAINED = (
    "pretrained",
    "--task",
    "cifar10",
    *LITE0_IN_ALL_LAYERS,
    "--epochs",
    "11",
)
CAT_OR_AUTOMOBILE_PRETRAINED = (
    "pretrained",
    "--task",
    "cat_or_automobile",
    *LITE0_IN_ALL_LAYERS,
    "--epochs",
    "10",
)
DIGITS_OPTIONS = {
    "knn": ("--copies", "1"),
    "naive_bayes": ("--copies", "0", "--drawn", "20", "--var-smoothing", "0.1"),
    "cnn": ("--copies", "0", "--drawn", "0"),
}
"""Neighbours are kept in the file, and copies widen the normal distribution that naive Bayes takes each pixel for."""

Command = tuple[str, ...]
"""A command has the words after `python -m training`: its family, `--task`, its task, and its other options."""

SHIPPED: tuple[Command, ...] = (
    ("linear", "--task", "tacos", *FOLDS),
    ("linear", "--task", "diabetes", *FOLDS),
    ("decision_tree", "--task", "diabetes", "--min-leaf", "20", *FOLDS),
    ("random_forest", "--task", "diabetes", "--min-leaf", "5", *FOLDS),
    ("gradient_boosting", "--task", "diabetes", *FOLDS),
    *(
        (family, "--task", task, *FOLDS)
        for task in ("points", "breast_cancer", "wine")
        for family in CLASSIFIERS
    ),
    *(
        (family, "--task", "digits", *DIGITS_OPTIONS.get(family, ()), *FOLDS)
        for family in CLASSIFIERS
    ),
    ("cnn", "--task", "digits", *DIGITS_OPTIONS["cnn"], *FOLDS),
    *(
        (family, "--task", "digits")
        for family in ("kmeans", "pca", "autoencoder", "gan")
    ),
    *((family, "--task", "cat_or_automobile") for family in ("logistic", "mlp", "cnn")),
    CAT_OR_AUTOMOBILE_PRETRAINED,
    ("pretrained", "--task", "imagenet", "--arch", "tf_efficientnet_lite0"),
    ("mlp", "--task", "cifar10", "--epochs", "20"),
    CIFAR10_CNN,
    CIFAR10_PRETRAINED,
)


def find_task(command: Command) -> str:
    """Returns the task of a command of what is shipped."""
    _, _, task, *_ = command
    return task
