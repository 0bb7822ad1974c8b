"""A trial of three classifiers has evidence with a gate, for tests of what evidence holds and of how it is verified."""

from __future__ import annotations

from evaluation import evidence
from evaluation.gate import Gate
from tests.support.made_predictions import make_predictions

TRIAL = make_predictions(
    {"champion": 0.8, "challenger": 0.9, "third": 0.85},
    n_rows=200,
    classes=("a", "b", "c"),
)
GATE = Gate.parse(
    "challenger better than champion by 0.01",
    task="task",
    models=["task-champion", "task-challenger"],
)
EVIDENCE = evidence.gather(
    TRIAL, risk=0.05, gates=[GATE], software={"server": "veredicto 1"}
)
