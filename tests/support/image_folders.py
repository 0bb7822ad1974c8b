"""Folders of small photographs are written here, seeded and easy to tell apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"night": (40, 50, 90), "noon": (200, 190, 150)}


def write_folder(
    folder: Path,
    *,
    per_class: int = 40,
    size: tuple[int, int] = (40, 36),
    seed: int = 0,
) -> Path:
    """Writes `folder/<class>/NNNN.png`, dark blue or bright yellow with noise, each of a slightly different width."""
    generator = np.random.default_rng(seed)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            shape = (size[1], size[0] + number % 3, 3)
            pixels = np.array(colour) + generator.normal(scale=40, size=shape)
            image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            image.save(folder / name / f"{number:04}.png")

    return folder


def draw_portrait(person: int, number: int, *, size_px: int = 48) -> Image.Image:
    """Returns a smooth pattern of the person's own, in a light of the portrait's own."""
    features = np.random.default_rng(person).uniform(60, 190, (6, 6)).astype(np.uint8)
    face = np.asarray(
        Image.fromarray(features).resize((size_px, size_px), Image.Resampling.BICUBIC),
        dtype=float,
    )
    generator = np.random.default_rng((person, number))
    light = generator.uniform(-25, 25)
    contrast = generator.uniform(0.7, 1.1)
    noisy = contrast * face + light + generator.normal(scale=12, size=face.shape)

    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


def write_portraits(
    folder: Path, persons: dict[str, tuple[int, ...]], *, per_person: int = 12
) -> Path:
    """Writes `folder/<name>/NNNN.png`; a name may stand for several persons, as `unknown` does."""
    for name, faces in persons.items():
        (folder / name).mkdir(parents=True)
        for number in range(per_person):
            draw_portrait(faces[number % len(faces)], number).save(
                folder / name / f"{number:04}.png"
            )
    return folder
