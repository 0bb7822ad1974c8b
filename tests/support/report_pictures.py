"""Each picture of `--report` is checked here, and each kind of model has the names of its pictures."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

SHARED = {"metrics", "learning_curve"}
CLASSIFIER = SHARED | {"confusion_matrix", "roc", "calibration"}
REGRESSOR = SHARED | {"predicted_against_true"}
MIN_COLOURS = 11


def check_picture(path: Path) -> None:
    """Asserts a PNG of a size that a screen shows, with more on it than a white page."""
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert 500 <= image.width <= 2500, path
        assert 150 <= image.height <= 2500, path
        # None stands for more colours than so many; to count them all takes a tenth of a second.
        found = image.convert("RGB").getcolors(maxcolors=MIN_COLOURS - 1)

    assert found is None, path
