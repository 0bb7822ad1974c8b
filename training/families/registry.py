"""This module is the table of families, in which `python -m training FAMILY` finds its module.

A family is imported where it is first asked for: all of them together take 5 s of a processor, for torch and
scikit-learn, and most commands learn one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from training.learning.family import Family


class FamilyTable(Mapping[str, "Family"]):
    """A FamilyTable has a family for each name; its names are there without an import.

    A place is a module that is a family, or, after a colon, what a module calls one.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self.places = dict(places)

    def __getitem__(self, name: str) -> Family:
        module_name, _, attribute = self.places[name].partition(":")
        module = import_module(module_name)
        return cast("Family", getattr(module, attribute) if attribute else module)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def __contains__(self, name: object) -> bool:
        return name in self.places  # a Mapping's own would import the family

    def module_names(self) -> list[str]:
        """Returns the names of the modules that the families are in, each once."""
        names = (place.partition(":")[0] for place in self.places.values())
        return list(dict.fromkeys(names))


FAMILIES = FamilyTable(
    {
        "linear": "training.families.linear",
        "logistic": "training.families.logistic",
        "perceptron": "training.families.perceptron",
        "mlp": "training.families.mlp",
        "cnn": "training.families.cnn",
        "naive_bayes": "training.families.naive_bayes",
        "knn": "training.families.knn",
        "decision_tree": "training.families.decision_tree",
        "random_forest": "training.families.random_forest",
        "gradient_boosting": "training.families.gradient_boosting",
        "kmeans": "training.families.kmeans",
        "pca": "training.families.pca",
        "autoencoder": "training.families.autoencoder",
        "gan": "training.families.gan",
    }
)

IMAGE_FAMILIES = FamilyTable(
    {
        "logistic": "training.images.classifier:LOGISTIC",
        "mlp": "training.images.classifier:MLP",
        "cnn": "training.images.classifier:CNN",
        "pretrained": "training.transfer.pretrained:PRETRAINED",
        "faces": "training.images.faces:FACES",
    }
)
"""These families learn from images; some names are in both tables, and the task decides."""
