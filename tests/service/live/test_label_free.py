"""Accuracy without labels is given where the confidences can be believed, and else the reason why not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_card import Metric
from service.contract.live_answers import Drift, LabelFreeAccuracy
from service.live import comparison, label_free
from service.live.journal.reading.window import (
    UNLABELLED,
    ModelVersion,
    PredictionWindow,
)
from service.models.model import Model
from service.models.registry import Registry
from tests.support.tiny_models import tiny_card, write_tiny

N_ROWS = 400
CALM: Drift = {"rows": N_ROWS, "alpha": 0.05, "drifted": [], "features": []}
METRICS = {
    "accuracy": Metric(value=0.9, interval=(0.84, 0.94)),
    "brier": Metric(value=0.07),
    "ece": Metric(value=0.02),
}


def load(folder: Path, **metrics: Metric) -> Model:
    """Loads a classifier whose card has 114 held-out rows and these metrics."""
    card = tiny_card(metrics=METRICS | metrics)
    provenance = replace(
        card.provenance, split={"train": 80, "validation": 10, "held_out": 114}
    )
    write_tiny(folder, replace(card, provenance=provenance))
    return Registry.load(folder).model("colour-first")


def make_window(model: Model, **changes: Any) -> PredictionWindow:
    """Returns rows with confidences of 0.8 and 1, half of each, none of them labelled."""
    version = ModelVersion(model.name, model.version)
    confidences = np.where(np.arange(N_ROWS) % 2, 0.8, 1.0)
    fields: dict[str, Any] = {
        "labels": {version: np.zeros(N_ROWS, np.int64)},
        "true_labels": np.full(N_ROWS, UNLABELLED),
        "groups": np.arange(N_ROWS),
        "confidences": {version: changes.pop("confidence", confidences)},
    }
    return replace(comparison.EMPTY_WINDOW, **(fields | changes))


def find_reason(found: LabelFreeAccuracy) -> str:
    """Returns the reason of an estimate that is withheld, which has neither a value nor an interval."""
    assert (found["value"], found["interval"]) == (None, None)
    assert "conditions" not in found
    return found["reason"].removeprefix("not estimated: ")


def test_the_estimate_is_the_mean_confidence_of_all_rows(tmp_path: Path) -> None:
    """An estimate has its rows, its groups, an interval about it, and the conditions with the card's figures."""
    model = load(tmp_path)
    found = label_free.describe(model, make_window(model), CALM)
    assert found["value"] == pytest.approx(0.9, abs=1e-12)
    assert (found["rows"], found["groups"]) == (N_ROWS, N_ROWS)
    assert found["interval"] is not None
    low, high = found["interval"]
    assert low < 0.9 < high <= 1
    assert high - low < 0.2
    assert "0.020" in found["conditions"][0]
    assert "(114)" in found["conditions"][0]


def test_drift_voids_it(tmp_path: Path) -> None:
    """A drifted feature, a changed correlation, and drift that nobody watches are the reason."""
    model = load(tmp_path)
    window = make_window(model)
    drifted: Drift = CALM | {"drifted": ["size"]}
    assert find_reason(label_free.describe(model, window, drifted)) == (
        "features have drifted, and with them calibration may have: size"
    )
    assert find_reason(label_free.describe(model, window, None)).startswith(
        "drift is not watched"
    )
    changed: Drift = CALM | {
        "correlations": {
            "held_out": 114,
            "alpha": 0.05,
            "changed": 1,
            "pairs": [
                {
                    "features": ("size", "colour"),
                    "held_out": 0.0,
                    "window": 0.9,
                    "t": 9.0,
                    "changed": True,
                }
            ],
        }
    }
    assert "size and colour" in find_reason(label_free.describe(model, window, changed))


def test_a_model_that_is_not_calibrated_has_none(tmp_path: Path) -> None:
    """A calibration error over that of a calibrated model on 114 rows is the reason, with both figures."""
    model = load(tmp_path, ece=Metric(value=0.2))
    reason = find_reason(label_free.describe(model, make_window(model), CALM))
    assert reason.startswith("the model is not calibrated: its calibration error on")
    assert "114 held-out rows is 0.200" in reason


def test_a_card_without_figures_has_none(models: Path) -> None:
    """A card that lacks a calibration error is the reason."""
    model = Registry.load(models).model("colour-first")
    reason = find_reason(label_free.describe(model, make_window(model), CALM))
    assert reason == (
        "its card has no accuracy, Brier score and calibration error on held-out rows"
    )


def test_labels_that_say_otherwise_void_it(tmp_path: Path) -> None:
    """A hundred labelled rows, half of them right, are the reason; right as often as foretold, they are none."""
    model = load(tmp_path)
    truth = np.full(N_ROWS, UNLABELLED)
    truth[:100] = np.arange(100) % 2
    reason = find_reason(
        label_free.describe(model, make_window(model, true_labels=truth), CALM)
    )
    assert reason.startswith("the labels speak against it: it is right on 50.0% of 100")

    truth[:100] = np.arange(100) % 10 == 1
    window = make_window(model, true_labels=truth)
    assert "reason" not in label_free.describe(model, window, CALM)


def test_probabilities_that_are_none_void_it(tmp_path: Path) -> None:
    """A model that is always sure, and one of which few probabilities are kept, have a reason."""
    model = load(tmp_path)
    sure = make_window(model, confidence=np.ones(N_ROWS))
    assert find_reason(label_free.describe(model, sure, CALM)) == (
        "it gives all of its labels the probability 1"
    )
    few = np.where(np.arange(N_ROWS) < 29, 0.9, np.nan)
    assert find_reason(
        label_free.describe(model, make_window(model, confidence=few), CALM)
    ) == ("the probabilities of 29 rows are kept, and 30 are needed")
    nothing = label_free.describe(model, comparison.EMPTY_WINDOW, CALM)
    assert find_reason(nothing).startswith("the probabilities of 0 rows")
