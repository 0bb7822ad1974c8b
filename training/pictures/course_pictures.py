"""`python -m training.pictures.course_pictures` writes what the course shows and no server can be asked for.

`film.png` has the images that the generator makes of the same noise as it learns, one frame below the other. It is
trained as the shipped one is, so that the last frame is the shipped one's. `decoder.bin` has the half of the shipped
autoencoder that makes digits of codes: one byte a weight, since a page that is looked at needs no more.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from PIL import Image

from training.data.datasets import load, split
from training.families import gan
from training.learning import gradient_descent

ROOT = Path(__file__).resolve().parent.parent.parent
COURSE = ROOT / "service" / "pages" / "static" / "course"
FILM = COURSE / "film.png"
DECODER = COURSE / "decoder.bin"
AUTOENCODER = ROOT / "exported_models" / "digits-autoencoder.onnx"
EPOCHS = (0, 2, 4, 6, 9, 12, 16, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 300)  # fmt: skip
N_ACROSS = 6
"""A frame has so many images in each direction."""
LAYERS = ("decoder.0", "decoder.2", "decoder.4")
SEED = 0
"""The shipped files were made with this seed, and it makes the film's noise."""

Floats = NDArray[np.float32]


def main() -> int:
    """Writes both files, and says how large they are."""
    DECODER.write_bytes(pack_decoder(AUTOENCODER))
    Image.fromarray(film_generator()).save(FILM, optimize=True)
    for path in (DECODER, FILM):
        sys.stdout.write(f"{path.name}: {path.stat().st_size} bytes\n")

    return 0


def draw_noise(size: int) -> Floats:
    """Returns the noise of the film, `(n_images, size)`."""
    noise = np.random.default_rng(SEED).standard_normal((N_ACROSS**2, size))
    return noise.astype(np.float32)


def film_generator() -> NDArray[np.uint8]:
    """Returns the frames below each other, of digits from 0 to 255, as the shipped generator learnt."""
    dataset = load("digits")
    rows = split(dataset, seed=SEED, needs_validation=False)
    options = _read_defaults()
    gradient_descent.seed_torch(options)
    trainer = gan.AdversarialTrainer(dataset, rows, options)
    # Training draws the noise of its own samples here, and each number that is drawn moves all later ones.
    torch.randn(gan.SHOWN, options.noise)
    noise = torch.from_numpy(draw_noise(options.noise))

    frames = []
    for epoch in range(options.epochs + 1):
        if epoch:
            trainer.train_epoch()
        if epoch in EPOCHS:
            frames.append(lay_out(trainer.sample(noise) * 255))

    return np.concatenate(frames)


def lay_out(digits: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Returns digits `(n_images, 64)` beside and below each other."""
    side = round(digits.shape[1] ** 0.5)
    grid = digits.reshape(N_ACROSS, N_ACROSS, side, side).transpose(0, 2, 1, 3)
    greys: NDArray[np.uint8] = np.rint(grid.reshape(N_ACROSS * side, -1)).astype(
        np.uint8
    )

    return greys


def pack_decoder(path: Path) -> bytes:
    """Returns the version of a file, 12 digits, then scales and biases of each layer, mean and deviation, and weights.

    Weights are signed bytes, each row of them a multiple of its scale; all other numbers are float32, little-endian.
    """
    content = path.read_bytes()
    kept = {
        each.name: numpy_helper.to_array(each)
        for each in onnx.load_from_string(content).graph.initializer
    }
    numbers, weights = [], []
    for layer in LAYERS:
        weight = kept[f"{layer}.weight"]
        scale = np.abs(weight).max(axis=1) / 127
        numbers += [scale, kept[f"{layer}.bias"]]
        weights.append(np.rint(weight / scale[:, None]).astype(np.int8))

    numbers += [kept["mean"], kept["deviation"]]
    version = hashlib.sha256(content).hexdigest()[:12].encode()
    packed = [each.astype("<f4").tobytes() for each in numbers]

    return b"".join([version, *packed, *(each.tobytes() for each in weights)])


def _read_defaults() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    gan.add_options(parser)
    options = parser.parse_args([])
    options.seed = SEED

    return options


if __name__ == "__main__":
    sys.exit(main())
