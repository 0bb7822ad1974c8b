"""Summaries of blocks add up to that of all rows, however they are cut."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evaluation.json_differences import find_differences
from scoring import summary, verdict

N_ROWS = 500
NAMES = ["a", "b", "c"]
CLASSES = ("x", "y", "z")


def draw(seed: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Returns labels, truth and probabilities of three models that are right mostly."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, len(CLASSES), N_ROWS)
    probabilities = []
    for skill in (1.0, 2.0, 3.0):
        scores = generator.normal(size=(N_ROWS, len(CLASSES)))
        scores[np.arange(N_ROWS), truth] += skill
        powers = np.exp(scores)
        probabilities.append(powers / powers.sum(axis=1, keepdims=True))
    labels = np.stack([each.argmax(axis=1) for each in probabilities], axis=1)

    return labels, truth, probabilities


@pytest.mark.parametrize("size", [1, 7, 499])
def test_blocks_add_up(size: int) -> None:
    """Each number of a verdict is the same to 1e-9, after a way through JSON."""
    labels, truth, probabilities = draw(seed=0)
    parts = [
        summary.Summary.of(
            labels[start : start + size],
            truth[start : start + size],
            [each[start : start + size] for each in probabilities],
        )
        for start in range(0, N_ROWS, size)
    ]
    written = [json.loads(json.dumps(summary.write(each))) for each in parts]
    merged = summary.merge_all(map(summary.read, written))
    assert merged is not None
    whole = summary.Summary.of(labels, truth, probabilities)
    found = [
        verdict.judge(each, names=NAMES, classes=CLASSES) for each in (merged, whole)
    ]

    assert find_differences(*found) == []
    assert found[0]["leader"] == "c"


def test_no_block_is_no_summary() -> None:
    """A run without a labelled row has nothing to be judged by."""
    assert summary.merge_all([]) is None
