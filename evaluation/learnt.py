"""The images of a folder have hashes, by which those that models were learnt from are known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from service.judging.learnt import Hashes, hash_image


def hash_images(files: Sequence[Path]) -> Hashes:
    """Returns the hash of each image's pixels, `(n_files,)`, 0 for one that is refused where it is asked for."""
    return np.array([hash_image(path.read_bytes()) for path in files], np.uint64)
