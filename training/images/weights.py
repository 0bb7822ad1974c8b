"""This module finds files of published weights, checks that they are whole, and reads what their publisher says."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.learning.family import TrainingError

DEFAULT = "DEFAULT"
WRAPPINGS = ("model", "state_dict")
"""Under these names training scripts save the weights beside other things."""

State = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """A PublishedWeights is what torchvision publishes beside a file of weights.

    Accuracies are in per cent, by data set and measure; there are none for weights that are not the published ones.
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

    @property
    def summary(self) -> str:
        """Returns a sentence that says whose figures they are, because nothing of it is measured here."""
        if not self.accuracy:
            return f"a file of weights with the classes and the preprocessing of {self.name}, not measured"

        figures = [
            f"{value:g} % {name} on {data}"
            for data, values in self.accuracy.items()
            for name, value in values.items()
        ]
        return f"{self.name} of torchvision, published with {', '.join(figures)}, not measured here"


def find_publication(arch: str, given: str) -> PublishedWeights:
    """Returns what is published of these weights, or of the default ones for a file that is none of the published.

    It raises TrainingError where there are no such weights, or where their file is damaged.
    """
    from torchvision import models  # slow to import, and seldom needed

    members = {each.name: each for each in models.get_model_weights(arch)}
    default = models.get_model_weights(arch).DEFAULT
    if given not in (DEFAULT, *members) and not Path(given).is_file():
        raise TrainingError(
            f"--weights {given}: there is no such file; expected a path, {DEFAULT} or one of {', '.join(members)}"
        )

    known = (
        default
        if given == DEFAULT
        else members.get(given) or _identify(Path(given), list(members.values()))
    )
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
    )


def number_duplicates(names: list[str]) -> tuple[str, ...]:
    """Returns the names, each there once: the second crane becomes `crane (2)`."""
    seen: Counter[str] = Counter()
    numbered: list[str] = []

    for name in names:
        seen[name] += 1
        while (
            unique := name if seen[name] == 1 else f"{name} ({seen[name]})"
        ) in numbered:
            seen[name] += 1
        numbered.append(unique)

    return tuple(numbered)


def locate(published: PublishedWeights, given: str) -> Path:
    """Returns the given file, or the published one, downloaded once; raises TrainingError if that fails."""
    if Path(given).is_file():
        return Path(given)

    place = Path(torch.hub.get_dir()) / "checkpoints" / _file_name(published.url)
    if place.is_file():
        return place

    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(
            published.url, str(place), _find_hash(place.name), progress=False
        )
    except (OSError, RuntimeError) as error:
        raise TrainingError(
            f"{published.name}: the weights are not here and could not be downloaded ({error}): "
            f"put {published.url} into {place.parent} as {place.name}, or give the file with --weights PATH"
        ) from error

    return place


def fingerprint(path: Path) -> str:
    """Returns the SHA-256 of the file; raises TrainingError if its name promises another, as torch.hub's do."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()

    required = _find_hash(path.name)
    if required and not digest.startswith(required):
        raise TrainingError(
            f"{path}: damaged: its name promises a SHA-256 that begins with {required}, "
            f"got {digest[: len(required)]}: remove it and get it again"
        )

    return f"sha256:{digest}"


def read(path: Path) -> State:
    """Returns tensors by name, of a file that holds these and no code; raises TrainingError for any other file."""
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever is in a file that is none of torch's: its errors share no base class
        reason = str(error).partition("\n")[0]
        raise TrainingError(
            f"{path}: expected weights as torch.save writes them: {reason}"
        ) from error

    for name in WRAPPINGS:
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]

    if not isinstance(found, dict) or not all(
        isinstance(each, Tensor) for each in found.values()
    ):
        raise TrainingError(
            f"{path}: expected tensors by name (a state_dict), got {type(found).__name__}"
        )

    return dict(found)


def _identify(path: Path, published: list[Any]) -> Any:
    """Returns which of the published weights the file holds, by its SHA-256, or None for others."""
    digest = fingerprint(path).removeprefix("sha256:")
    hashes = [(_find_hash(_file_name(each.url)), each) for each in published]
    return next(
        (each for required, each in hashes if required and digest.startswith(required)),
        None,
    )


def _file_name(url: str) -> str:
    return url.rpartition("/")[2]


def _find_hash(name: str) -> str | None:
    """Returns the beginning of the SHA-256, where torch.hub's naming has one."""
    found = torch.hub.HASH_REGEX.search(name)
    return found[1] or None if found else None
