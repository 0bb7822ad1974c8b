"""Small JPEGs of one hue each are written here, for models that tell images by their mean colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

MEANS = {"red": (190, 110, 110), "green": (110, 190, 110), "blue": (110, 110, 190)}


def write_images(
    folder: Path, *, per_class: int = 3, noise: float = 30, seed: int = 0
) -> Path:
    """Writes `folder/<hue>/NN.jpg`, of different sizes; with much noise hues are mistaken for one another."""
    generator = np.random.default_rng(seed)
    for name, mean in MEANS.items():
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            colour = np.array(mean) + generator.normal(scale=noise, size=3)
            pixels = colour + generator.normal(scale=10, size=(20 + number, 24, 3))
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(
                folder / name / f"{number:02}.jpg"
            )

    return folder
