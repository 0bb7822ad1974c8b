"""This module knows what torchvision and timm publish beside weights: classes, preprocessing, licence."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.images.packaged import PACKAGED, PackagedWeights, find_packaged
from training.images.weights import (
    DEFAULT,
    file_name,
    find_promised_hash,
    fingerprint,
)
from training.learning.family import TrainingError

TIMM = "timm/"
"""A name that both libraries have is torchvision's, and timm's with this before it."""
TENSORFLOWS = "tf_"
"""timm's networks whose weights come from TensorFlow, and which pad as it does, have this before their names."""
FILTERS = ("bilinear", "bicubic")
TORCHVISION_LICENCE = (
    "BSD-3-Clause, as torchvision's weights; the terms of their data apply too"
)
UNKNOWN_LICENCE = "unknown: that of the file of weights"
LICENCES = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
}
"""timm's words for licences have these identifiers in SPDX's list."""


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """A PublishedWeights is what a library publishes beside a file of weights.

    Accuracies are in per cent, by data set and measure; there are none where the library states none, or for weights
    that are not the published ones. `hub` is a repository of Hugging Face's.
    """

    name: str
    url: str
    classes: tuple[str, ...]
    accuracy: Mapping[str, Mapping[str, float]]
    resize_px: int
    crop_px: int
    filter_name: str
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    library: str = "torchvision"
    licence: str = TORCHVISION_LICENCE
    source: str = ""
    hub: str = ""
    packaged: PackagedWeights | None = None
    is_known: bool = True
    """It is false for a file of weights that is none of the published ones."""

    @property
    def summary(self) -> str:
        """Returns a sentence that says whose figures they are, because nothing of it is measured here."""
        if not self.is_known:
            return f"a file of weights with the classes and the preprocessing of {self.name}, not measured"
        if not self.accuracy:
            return f"{self.name} of {self.library}, {self.source}, not measured"

        figures = [
            f"{value:g} % {name} on {data}"
            for data, values in self.accuracy.items()
            for name, value in values.items()
        ]
        return f"{self.name} of {self.library}, published with {', '.join(figures)}, not measured here"


def is_timms(arch: str) -> bool:
    """Tells if the network is timm's: its name has the prefix, or torchvision has none of this name."""
    from torchvision import models  # slow to import, and seldom needed

    return arch.startswith(TIMM) or arch not in models.list_models(module=models)


def settle_arch(arch: str, given: str) -> str:
    """Returns the network that the weights are of, where a package has weights for one of a similar name.

    Weights that TensorFlow has trained fit the network that pads in another way too, and would answer wrongly in it.
    """
    other = f"{TENSORFLOWS}{arch.removeprefix(TIMM)}"
    packaged = PACKAGED.get(other)
    if packaged is None:
        return arch

    if given == DEFAULT:
        return arch if arch.startswith(TIMM) else other

    is_file = Path(given).is_file()
    return other if is_file and fingerprint(Path(given)) == packaged.digest else arch


def name_family(arch: str) -> str:
    """Returns the name under which a published network is known among the models of its task."""
    name = arch.removeprefix(TIMM)
    return name.removeprefix(TENSORFLOWS) if name in PACKAGED else name


def find_publication(arch: str, given: str) -> PublishedWeights:
    """Returns what is published of these weights, or of the default ones for a file that is none of the published.

    It raises TrainingError where there are no such weights, or where their file is damaged.
    """
    if is_timms(arch):
        return _find_timms(arch.removeprefix(TIMM), given)
    return _find_torchvisions(arch, given)


def _find_torchvisions(arch: str, given: str) -> PublishedWeights:
    from torchvision import models  # slow to import, and seldom needed

    members = {each.name: each for each in models.get_model_weights(arch)}
    default = models.get_model_weights(arch).DEFAULT
    _check_given(given, list(members))
    urls = {name: each.url for name, each in members.items()}
    known = default if given == DEFAULT else members.get(_recognise(given, urls))
    chosen = known or default
    transform = chosen.transforms()

    return PublishedWeights(
        name=str(chosen),
        url=chosen.url,
        classes=number_duplicates(chosen.meta["categories"]),
        accuracy=chosen.meta["_metrics"] if known else {},
        resize_px=transform.resize_size[0],
        crop_px=transform.crop_size[0],
        filter_name=transform.interpolation.value,
        mean=tuple(transform.mean),
        deviation=tuple(transform.std),
        is_known=known is not None,
    )


def _find_timms(arch: str, given: str) -> PublishedWeights:
    from timm.models import get_arch_pretrained_cfgs, get_pretrained_cfg

    members = {
        name.partition(".")[2]: each
        for name, each in get_arch_pretrained_cfgs(arch).items()
    }
    default = get_pretrained_cfg(arch)
    if default is None:
        raise TrainingError(f"--arch {arch}: timm publishes no weights of it")

    _check_given(given, list(members))
    urls = {name: str(each.url or "") for name, each in members.items()}
    known = default if given == DEFAULT else members.get(_recognise(given, urls))
    published = _describe_timms(arch, known or default)
    packaged = PACKAGED.get(arch)
    if packaged is not None and _is_from_package(given, packaged):
        return replace(
            published,
            licence=packaged.licence,
            source=packaged.source,
            packaged=packaged,
        )

    if known:
        return published

    return replace(published, licence=UNKNOWN_LICENCE, source="", is_known=False)


def _describe_timms(arch: str, published: Any) -> PublishedWeights:
    """Returns what timm says of these weights; raises TrainingError where the graph could not prepare their images."""
    _check_preprocessing(arch, published)
    crop_px = published.input_size[1]
    hub = published.hf_hub_id or ""

    return PublishedWeights(
        name=f"{arch}.{published.tag}" if published.tag else arch,
        url=published.url or "",
        classes=_name_classes(published),
        accuracy={},
        resize_px=math.floor(crop_px / published.crop_pct),
        crop_px=crop_px,
        filter_name=published.interpolation,
        mean=tuple(published.mean),
        deviation=tuple(published.std),
        library="timm",
        licence=_find_licence(published),
        source=published.origin_url or published.url or f"{hub} on Hugging Face",
        hub=hub,
    )


def _check_given(given: str, names: list[str]) -> None:
    if given not in (DEFAULT, *names) and not Path(given).is_file():
        raise TrainingError(
            f"--weights {given}: there is no such file; expected a path, {DEFAULT} or one of {', '.join(names)}"
        )


def _is_from_package(given: str, packaged: PackagedWeights) -> bool:
    """Tells if the weights are the package's: by default where it is installed, or by the digest of a file."""
    if given == DEFAULT:
        return find_packaged(packaged) is not None
    return Path(given).is_file() and fingerprint(Path(given)) == packaged.digest


def _recognise(given: str, urls: Mapping[str, str]) -> str:
    """Returns which of the published weights a file holds, by its SHA-256, or the name as it was given."""
    if not Path(given).is_file():
        return given

    digest = fingerprint(Path(given)).removeprefix("sha256:")
    hashes = {name: find_promised_hash(file_name(url)) for name, url in urls.items()}
    return next(
        (name for name, each in hashes.items() if each and digest.startswith(each)),
        "",
    )


def _check_preprocessing(arch: str, published: Any) -> None:
    """Raises TrainingError for a network whose preprocessing the exported graph does not have."""
    problem = ""
    if published.input_size[0] != 3:
        problem = f"images of {published.input_size[0]} channels"
    elif published.interpolation not in FILTERS:
        problem = f"images resized by {published.interpolation}"
    elif published.crop_mode != "center":
        problem = f"images that are brought to a square by {published.crop_mode!r}"

    if problem:
        raise TrainingError(
            f"--arch {arch}: expected a network of RGB images, resized by {' or '.join(FILTERS)} and cut in the "
            f"middle; it takes {problem}: another --arch"
        )


def _name_classes(published: Any) -> tuple[str, ...]:
    """Returns the classes' names, none where timm does not say what the scores are of.

    ImageNet's thousand have torchvision's names, so that all networks of the task can be compared.
    """
    from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset
    from torchvision.models import _meta

    subset = infer_imagenet_subset(published.to_dict())
    if subset is None:
        return ()
    if subset == "imagenet-1k":
        return number_duplicates(_meta._IMAGENET_CATEGORIES)

    info = ImageNetInfo(subset)
    names = [info.index_to_description(row) for row in range(info.num_classes())]
    return number_duplicates(names)


def _find_licence(published: Any) -> str:
    stated = published.license or ""
    if stated in ("", "unknown"):
        return (
            f"unknown: as its publisher has it, {published.hf_hub_id or published.url}"
        )
    return LICENCES.get(stated, stated)


def number_duplicates(names: list[str]) -> tuple[str, ...]:
    """Returns the names, each there once: the second crane becomes `crane (2)`."""
    seen: Counter[str] = Counter()
    numbered: list[str] = []
    taken: set[str] = set()

    for name in names:
        seen[name] += 1
        while (
            unique := name if seen[name] == 1 else f"{name} ({seen[name]})"
        ) in taken:
            seen[name] += 1
        numbered.append(unique)
        taken.add(unique)

    return tuple(numbered)
