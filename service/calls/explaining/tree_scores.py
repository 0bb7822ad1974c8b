"""The scores of a model's trees, and what becomes of them, are believed where they give the model's own answers."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from model_card import Calibration
from service.calls.explaining.shapley import Attribution
from service.calls.explaining.trees import TreeExplainer
from service.models.model import Model
from service.models.parsing.ensemble_reader import has_trees, read_tree_ensemble

MAX_NODES = 400_000
MAX_KEPT_BYTES = 64 * 2**20
TOLERANCE = 1e-4
"""Answers may differ by this share of the largest: a graph adds float32 numbers in another order."""

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]


class TreeScores:
    """The scores of a model are linked to its answers: a probability, a log odds, a score of the softmax, a value."""

    def __init__(self, model: Model, explainer: TreeExplainer) -> None:
        ensemble = explainer.ensemble
        self.explainer = explainer
        self._is_regressor = model.card.kind == "regressor"
        self._n_classes = len(model.classes)
        self._calibration = model.card.calibration
        self._post = ensemble.post_transform
        self._scale = ensemble.scale
        self._shift = ensemble.shift
        self._n_outputs = ensemble.weights.shape[1]

    @property
    def explains(self) -> str:
        """Returns what base and contributions add up to."""
        if self._is_regressor:
            return "value"
        if self._post == "LOGISTIC":
            return "log odds"
        if self._post == "SOFTMAX":
            return "score"
        if self._calibration:
            return "probability before calibration"
        return "probability"

    def agrees(self, model: Model, rows: Rows) -> bool:
        """Returns whether what is read of the file gives the model's own answers to these rows."""
        scores = self.explainer.score(rows)
        answers = model.run(rows)[-1].astype(np.float64)
        computed = self._answer(scores)
        if computed is None or computed.shape != answers.shape:
            return False

        largest = float(np.abs(answers).max(initial=0))
        tolerance = TOLERANCE * max(1.0, largest)
        error = np.abs(computed - answers).max(initial=0)

        return bool(error <= tolerance)

    def explain(
        self, rows: Rows, background: Rows, chosen: int | None
    ) -> list[Attribution]:
        """Returns the attributions of rows for a class, or of a regressor's values."""
        output = chosen or 0
        is_first_of_two = False
        if self._n_outputs == 1:
            output = 0
            is_first_of_two = chosen == 0

        found = self.explainer.explain(rows, background, output)
        factor, offset = self._find_unit(is_first_of_two=is_first_of_two)

        return [
            Attribution(
                factor * each.base + offset,
                factor * each.total + offset,
                factor * each.values,
            )
            for each in found
        ]

    def _find_unit(self, *, is_first_of_two: bool) -> tuple[float, float]:
        """Returns by what a score is multiplied, and what is added, to become what is explained."""
        sign = -1 if is_first_of_two else 1
        if self._post in ("LOGISTIC", "SOFTMAX"):
            temperature = self._calibration.temperature if self._calibration else 1.0
            return sign / temperature, 0.0

        # Of two classes the first has what the second leaves of 1.
        rest = self._scale if is_first_of_two else 0.0
        return sign * self._scale, rest + self._shift

    def _answer(self, scores: Floats) -> Floats | None:
        """Returns what the graph makes of scores `(n_rows, n_outputs)`; None for a form that is not known here."""
        n_outputs = scores.shape[1]
        if self._is_regressor:
            if n_outputs != 1 or self._post != "NONE":
                return None
            return scores[:, 0] * self._scale + self._shift

        n_classes = 2 if n_outputs == 1 else n_outputs
        if n_classes != self._n_classes:
            return None

        shares = self._find_shares(scores)
        if shares is None:
            return None

        return _calibrate(shares * self._scale + self._shift, self._calibration)

    def _find_shares(self, scores: Floats) -> Floats | None:
        """Returns the shares `(n_rows, n_classes)` that the operator makes of scores; None for another form."""
        is_single = scores.shape[1] == 1
        if self._post == "LOGISTIC" and is_single:
            second = 1 / (1 + np.exp(-scores))
            return np.concatenate([1 - second, second], axis=1)
        if self._post == "SOFTMAX" and not is_single:
            return _softmax(scores)
        if self._post == "NONE" and is_single:
            return np.concatenate([1 - scores, scores], axis=1)
        if self._post == "NONE":
            return scores
        return None


def _calibrate(shares: Floats, calibration: Calibration | None) -> Floats:
    if calibration is None:
        return shares

    logs = np.log(np.maximum(shares, calibration.floor))
    return _softmax(logs / calibration.temperature)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)

    return shares


class TreeReader:
    """A tree reader finds the scores of models whose files have trees, and keeps those last asked for."""

    def __init__(self, read_file: Callable[[Model], bytes | None]) -> None:
        self._read_file = read_file
        self._kept: OrderedDict[str, TreeScores | None] = OrderedDict()
        self._lock = Lock()

    def find(self, model: Model, background: Rows) -> TreeScores | None:
        """Returns the scores of a model; None where it has no trees, or they are of a form that is not read."""
        session = model.graph.session
        if not has_trees(session.outline.operators):
            return None

        with self._lock:
            if session.version in self._kept:
                self._kept.move_to_end(session.version)
                return self._kept[session.version]

        content = self._read_file(model)
        if content is None:
            return None

        scores = _read_scores(model, content, background)
        with self._lock:
            self._kept[session.version] = scores
            while self._count_bytes() > MAX_KEPT_BYTES and len(self._kept) > 1:
                self._kept.popitem(last=False)

        return scores

    def _count_bytes(self) -> int:
        kept = [each for each in self._kept.values() if each is not None]
        return sum(each.explainer.n_bytes for each in kept)


def _read_scores(model: Model, content: bytes, background: Rows) -> TreeScores | None:
    ensemble = read_tree_ensemble(content)
    if ensemble is None or len(ensemble.mode) > MAX_NODES:
        return None

    rows = np.concatenate([model.self_check_inputs(), background])
    explainer = TreeExplainer(ensemble)
    try:
        if not ensemble.fits(rows) or explainer.paths is None:
            return None

        scores = TreeScores(model, explainer)
        return scores if scores.agrees(model, rows) else None
    except (IndexError, ValueError):
        # Constants of some shape that onnxruntime has a use for, and numpy has not.
        return None
