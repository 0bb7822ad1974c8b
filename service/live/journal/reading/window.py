"""A window has the latest predictions of a task with their truths, and the counts of its tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.live.journal.records import GroupKeys, Labels

UNLABELLED = -1
"""This stands in place of the true label of a row that had no feedback."""


class ModelVersion(NamedTuple):
    """A ModelVersion is the name and the version of a model in the journal."""

    name: str
    version: str


Means = dict[int, int]
"""This has how many groups have each mean difference, in parts of MEAN_SCALE."""
History = dict[int, dict[str, Means]]
"""By a number of labelled rows, rising, this has the means of a pair's groups as they were then, by metric."""
HitBlocks = dict[int, Means]
"""By block of groups stands how many groups have each share of right answers, in parts of MEAN_SCALE."""
Gains = dict[str, dict[tuple[ModelVersion, ModelVersion], Means]]
"""By a metric as the file names it, and by champion and challenger, this has the means of their groups."""


class Example(NamedTuple):
    """A row on which models disagree; `inputs` are its values, None where they are not kept."""

    row_id: str
    inputs: Any
    labels: dict[ModelVersion, int]
    true_label: int


class PairCounts(NamedTuple):
    """The counts say how a challenger fared against its champion on all labelled rows.

    `counts` are the rows on which the challenger alone was right, both or neither were, and the champion alone was;
    `means` are those of accuracy. `alpha` is the level of their test.
    """

    champion: ModelVersion
    challenger: ModelVersion
    counts: tuple[int, int, int]
    means: Means
    alpha: float


class GroupCounts(NamedTuple):
    """GroupCounts has the groups of labelled rows: of pairs by accuracy and other metrics, and of each model."""

    pairs: list[PairCounts]
    hits: dict[ModelVersion, HitBlocks]
    gains: Gains


@dataclass(frozen=True, kw_only=True)
class PredictionWindow:
    """A PredictionWindow has the latest rows of a task, the newest prediction first.

    `labels` has `(n_rows,)` for each model, -1 where it did not answer; `true_labels` is `(n_rows,)`, -1 where a row
    had no feedback; rows of one group have the same of `groups`, `(n_rows,)`. `n_shed` and `n_dropped` count rows since
    the journal began, `n_lineups` the line-ups of challengers that have been tested. The oldest row is `age_s` old.
    `confidences` has `(n_rows,)` for each model, NaN where none is kept, and `hits` all groups that the model answered.
    `gains` has the means of champions and challengers by each other metric that was asked for, as the file names it.
    `histories` has the means of these pairs after fewer labelled rows, None where they were not asked for.
    """

    labels: dict[ModelVersion, Labels]
    true_labels: Labels
    groups: GroupKeys
    examples: list[Example]
    pairs: list[PairCounts]
    n_shed: int
    n_dropped: int
    n_lineups: int
    age_s: int = 0
    confidences: dict[ModelVersion, NDArray[np.float64]] = field(default_factory=dict)
    hits: dict[ModelVersion, HitBlocks] = field(default_factory=dict)
    gains: Gains = field(default_factory=dict)
    histories: dict[tuple[ModelVersion, ModelVersion], History] | None = None
