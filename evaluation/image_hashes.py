"""Hashes of the images in a folder tell which of them a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from service.judging.row_hashes import Hashes, hash_image


def hash_images(files: Sequence[Path]) -> Hashes:
    """Returns the hash of each image's pixels, `(n_files,)`, 0 for one that is refused where it is asked for."""
    return np.array([hash_image(path.read_bytes()) for path in files], np.uint64)
