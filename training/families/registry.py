"""This module is the table of families, in which `python -m training FAMILY` finds its module."""

from __future__ import annotations

from training.families import (
    autoencoder,
    cnn,
    decision_tree,
    gan,
    gradient_boosting,
    kmeans,
    knn,
    linear,
    logistic,
    mlp,
    naive_bayes,
    pca,
    perceptron,
    random_forest,
)
from training.images.classifier import CNN, LOGISTIC, MLP
from training.images.faces import FACES
from training.learning.family import Family
from training.transfer.pretrained import PRETRAINED

FAMILIES: dict[str, Family] = {
    "linear": linear,
    "logistic": logistic,
    "perceptron": perceptron,
    "mlp": mlp,
    "cnn": cnn,
    "naive_bayes": naive_bayes,
    "knn": knn,
    "decision_tree": decision_tree,
    "random_forest": random_forest,
    "gradient_boosting": gradient_boosting,
    "kmeans": kmeans,
    "pca": pca,
    "autoencoder": autoencoder,
    "gan": gan,
}

IMAGE_FAMILIES: dict[str, Family] = {
    "logistic": LOGISTIC,
    "mlp": MLP,
    "cnn": CNN,
    "pretrained": PRETRAINED,
    "faces": FACES,
}
"""These families learn from images; some names are in both tables, and the task decides."""
