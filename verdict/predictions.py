"""Predictions hold what every classifier of a task answered to the same labelled rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from verdict.grouping import EACH_BY_ITSELF, Grouping
from verdict.slicing import Slicing


@dataclass(frozen=True, kw_only=True)
class ClassifierAnswers:
    """Holds what one model answered: label `(n_rows,)`, probabilities `(n_rows, n_classes)`, and what it costs."""

    model: str
    version: str
    family: str
    size_bytes: int | None
    latency_ms: float | None
    label: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Returns the probability of the label that it gives, `(n_rows,)`."""
        chosen: NDArray[np.float64] = self.probabilities[
            np.arange(len(self.label)), self.label
        ]
        return chosen


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """`truth` `(n_rows,)` are indices of classes, `places` says where each row is from.

    `grouping` says which rows belong together, `slicings` in which parts of the rows models are compared too.
    `learnt_by` are models that most of these rows were learnt by, `n_learnt` rows are left out since some model was
    learnt from them, `n_learnt_judged` such rows are judged all the same. `learnt_rows` has the models that were learnt
    from such rows, and from how many. Of the models `learnt_unknown` nobody knows which rows they were learnt from.
    """

    task: str
    classes: tuple[str, ...]
    source: str
    fingerprint: str
    places: list[str]
    truth: NDArray[np.int64]
    answers: list[ClassifierAnswers]
    timing: str
    grouping: Grouping = EACH_BY_ITSELF
    slicings: Sequence[Slicing] = ()
    learnt_by: Sequence[str] = ()
    n_learnt: int = 0
    learnt_unknown: Sequence[str] = ()
    n_learnt_judged: int = 0
    learnt_rows: Mapping[str, int] = field(default_factory=dict)

    @property
    def groups(self) -> NDArray[np.int64] | None:
        """Returns the number of each row's group, `(n_rows,)`; None where each row is by itself."""
        return self.grouping.groups

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Returns `(n_rows, n_models)`, True where a model is right."""
        right: NDArray[np.bool_] = self.labels == self.truth[:, None]
        return right

    @property
    def labels(self) -> NDArray[np.int64]:
        """Returns every model's labels, `(n_rows, n_models)`."""
        return np.stack([answer.label for answer in self.answers], axis=1)
