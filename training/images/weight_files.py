"""This module finds the files of published weights, and downloads them once.

They are looked for where a package has put them, in the caches of torch's and of Hugging Face's hub, and last on the
network.
"""

from __future__ import annotations

from pathlib import Path

import torch

from training.images.packaged import find_packaged
from training.images.publications import PublishedWeights
from training.images.weights import file_name, find_promised_hash, fingerprint
from training.learning.family import TrainingError

HUB_FILE = "model.safetensors"


def locate(published: PublishedWeights, given: str) -> Path:
    """Returns the given file, or the published one, downloaded once; raises TrainingError if that fails."""
    if Path(given).is_file():
        return Path(given)

    packaged = published.packaged and find_packaged(published.packaged)
    if packaged:
        _check_digest(packaged, published.packaged.digest if published.packaged else "")
        return packaged

    if published.url:
        place = Path(torch.hub.get_dir()) / "checkpoints" / file_name(published.url)
        if place.is_file():
            return place

    cached = _find_in_hub_cache(published.hub) if published.hub else None
    if cached:
        return cached
    return _download_url(published) if published.url else _download_hub(published)


def _check_digest(path: Path, required: str) -> None:
    digest = fingerprint(path)
    if digest != required:
        raise TrainingError(
            f"{path.name}: damaged or another release: expected {required}, got {digest}: get it again"
        )


def _download_url(published: PublishedWeights) -> Path:
    place = Path(torch.hub.get_dir()) / "checkpoints" / file_name(published.url)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(
            published.url, str(place), find_promised_hash(place.name), progress=False
        )
    except (OSError, RuntimeError) as error:
        raise TrainingError(
            f"{published.name}: the weights are not here and could not be downloaded ({error}): "
            f"put {published.url} into {place.parent} as {place.name}, or give the file with --weights PATH"
        ) from error

    return place


def _find_in_hub_cache(hub: str) -> Path | None:
    """Returns the weights in Hugging Face's cache; raises TrainingError for a file unlike the SHA-256 in its name."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(hub, HUB_FILE)
    if not isinstance(found, str):
        return None

    blob = Path(found).resolve()
    if len(blob.name) == 64:  # links lead to files that are named by their SHA-256
        _check_digest(blob, f"sha256:{blob.name}")
    return Path(found)


def _download_hub(published: PublishedWeights) -> Path:
    from huggingface_hub import hf_hub_download

    try:
        hf_hub_download(published.hub, HUB_FILE)
        found = _find_in_hub_cache(published.hub)
    except TrainingError:
        raise
    except (
        Exception
    ) as error:  # the hub's errors and those of its client share no base class
        reason = str(error).partition("\n")[0]
        raise TrainingError(
            f"{published.name}: the weights are not here and could not be downloaded ({reason}): "
            f"get {HUB_FILE} of {published.hub} from Hugging Face, and give it with --weights PATH"
        ) from error

    if found is None:
        raise TrainingError(f"{published.name}: {published.hub} has no {HUB_FILE}")
    return found
