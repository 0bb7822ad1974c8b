"""The shipped classifiers of digits read what a hand draws on a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service.models.model import Model
from tests.support import drawings
from training.data.strokes import fit_strokes

FOLDER = Path(__file__).resolve().parents[2] / "exported_models"
N_DRAWINGS = 200
MIN_CONSENSUS = 0.95
MIN_SHARE = {"decision_tree": 0.8, "naive_bayes": 0.8}
"""These two families are no good readers of digits; each other is right on nine of ten drawings."""


@pytest.fixture(scope="module")
def target() -> NDArray[np.int64]:
    return drawings.draw_digits(N_DRAWINGS, seed=2026)[1]


@pytest.fixture(scope="module")
def outputs() -> dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Returns label and probabilities of each shipped classifier of digits for the same drawings."""
    drawn, _ = drawings.draw_digits(N_DRAWINGS, seed=2026)
    images = np.stack([fit_strokes(each) for each in drawn])
    found = {}
    for path in sorted(FOLDER.glob("digits-*.onnx")):
        model = Model.load(path)
        assert model is not None
        if model.card.kind == "classifier":
            label, probabilities = model.run(images)[:2]
            found[model.card.family] = (label, probabilities)

    return found


def test_the_mean_of_all_classifiers_reads_drawings(
    outputs: dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]],
    target: NDArray[np.int64],
) -> None:
    """The class of the highest mean probability, which `/compare` calls the consensus, is right on 19 of 20."""
    mean = np.mean([probabilities for _, probabilities in outputs.values()], axis=0)
    assert (mean.argmax(axis=1) == target).mean() >= MIN_CONSENSUS


def test_most_classifiers_read_drawings(
    outputs: dict[str, tuple[NDArray[np.int64], NDArray[np.float32]]],
    target: NDArray[np.int64],
) -> None:
    """The class that most classifiers name is right on 19 of 20, and each classifier alone on its own share."""
    labels = np.stack([label for label, _ in outputs.values()])
    votes = (labels[:, :, None] == np.arange(10)).sum(axis=0)
    shares = {
        family: (label == target).mean() for family, (label, _) in outputs.items()
    }

    assert (votes.argmax(axis=1) == target).mean() >= MIN_CONSENSUS
    assert len(shares) == 9
    for family, share in shares.items():
        assert share >= MIN_SHARE.get(family, 0.9), family
