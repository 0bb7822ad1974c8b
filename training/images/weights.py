"""This module reads files of weights, and checks that they are whole."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.learning.family import TrainingError

DEFAULT = "DEFAULT"
SAFETENSORS = ".safetensors"
WRAPPINGS = ("model", "state_dict")
"""Under these names training scripts save the weights beside other things."""

State = dict[str, Tensor]


def fingerprint(path: Path) -> str:
    """Returns the SHA-256 of the file; raises TrainingError if its name promises another, as torch.hub's do."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()

    required = find_promised_hash(path.name)
    if required and not digest.startswith(required):
        raise TrainingError(
            f"{path}: damaged: its name promises a SHA-256 that begins with {required}, "
            f"got {digest[: len(required)]}: remove it and get it again"
        )

    return f"sha256:{digest}"


def read(path: Path) -> State:
    """Returns tensors by name, of a file that holds these and no code; raises TrainingError for any other file."""
    found = (
        _read_safetensors(path) if path.suffix == SAFETENSORS else _read_pickle(path)
    )

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


def _read_pickle(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever is in a file that is none of torch's: its errors share no base class
        reason = str(error).partition("\n")[0]
        raise TrainingError(
            f"{path}: expected weights as torch.save writes them: {reason}"
        ) from error


def _read_safetensors(path: Path) -> State:
    from safetensors.torch import load_file  # it comes with timm

    try:
        return dict(load_file(path))
    except Exception as error:  # its errors share no base class either
        reason = str(error).partition("\n")[0]
        raise TrainingError(
            f"{path}: expected weights as safetensors writes them: {reason}"
        ) from error


def file_name(url: str) -> str:
    return url.rpartition("/")[2]


def find_promised_hash(name: str) -> str | None:
    """Returns the beginning of the SHA-256, where torch.hub's naming has one."""
    found = torch.hub.HASH_REGEX.search(name)
    return found[1] or None if found else None
