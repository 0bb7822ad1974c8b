"""The rows to label are those of a task's journal on which classifiers disagree; their labels show who is better."""

from __future__ import annotations

import math
from itertools import combinations
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from service.contract.live_answers import RowToLabel, ToLabel
from service.errors import InvalidRequest
from service.live.journal.reading.window import Example, ModelVersion, PredictionWindow
from service.live.journal.records import NO_ANSWER
from service.models.model import Model

MAX_ROWS = 1000
"""So many rows are listed at most."""
DAY_S = 86_400
MIN_AGE_S = 60
"""Of a shorter time no traffic of a day is told."""
CONDITIONS = (
    "Rows are independent of each other but for those of one group, and like those that are to come.",
    "Within the rows on which models disagree, and within the others, those that are labelled were taken without "
    "regard to what was true and to what the models said.",
    "Intervals hold when they are looked at once; the tests of the live comparison, as often as one likes.",
)
"""What is shown holds where these do."""


def read_options(n: str, wanted: str) -> tuple[int, float]:
    """Returns the number of rows and the wanted difference; raises InvalidRequest for others."""
    if not n.isdecimal() or not 1 <= int(n) <= MAX_ROWS:
        raise InvalidRequest(
            f"n: expected a number from 1 to {MAX_ROWS}, got {n[:50]!r}"
        )

    try:
        difference = float(wanted)
    except ValueError:
        difference = math.nan
    if not 0 < difference <= 1:
        raise InvalidRequest(
            f"wanted: expected a difference of accuracies over 0, to 1, got {wanted[:50]!r}"
        )

    return int(n), difference


def describe(
    models: list[Model],
    champion: str | None,
    window: PredictionWindow,
    examples: list[Example],
    *,
    n_rows: int,
    wanted: float,
) -> ToLabel:
    """Returns the latest rows that models are divided on, which say all of a difference, and the verdict so far.

    Only rows that all of the served versions answered say anything of their differences.
    """
    versions = [ModelVersion(model.name, model.version) for model in models]
    rows_a_day = _find_traffic(window)
    numbers = _judge(versions, champion, window, wanted=wanted, rows_a_day=rows_a_day)
    answer = {
        "task": models[0].card.task,
        "classes": list(models[0].classes),
        "champion": champion,
        "rows": numbers["rows"],
        "rows_a_day": rows_a_day,
        "to_label": _list_divided(examples, set(versions), models[0])[:n_rows],
        "disagree": numbers["disagree"],
        "agree": numbers["agree"],
        "models": numbers["models"],
        "pairs": numbers["pairs"],
        "conditions": list(CONDITIONS),
    }

    return cast(ToLabel, answer)


def _judge(
    versions: list[ModelVersion],
    champion: str | None,
    window: PredictionWindow,
    *,
    wanted: float,
    rows_a_day: float | None,
) -> dict[str, Any]:
    """Returns the numbers of those versions that answered rows of the window."""
    # The statistics of a report are imported at the first call, since most servers are never asked for one.
    from verdict.few_labels import judge_few

    asked = [each for each in versions if each in window.labels]
    table, truth, groups = _select_rows(asked, window)
    names = [each.name for each in asked]

    return judge_few(
        table,
        truth,
        names,
        wanted=wanted,
        rows_a_day=rows_a_day,
        groups=groups,
        pairs=_find_pairs(names, champion),
    )


def _select_rows(
    versions: list[ModelVersion], window: PredictionWindow
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64] | None]:
    """Returns labels `(n_rows, n_models)`, truth and groups of the rows that all these versions answered."""
    if not versions:
        nothing = np.empty(0, np.int64)
        return np.empty((0, 0), np.int64), nothing, None

    table = np.stack([window.labels[each] for each in versions], axis=1)
    answered = (table != NO_ANSWER).all(axis=1)
    groups = window.groups[answered]
    is_grouped = len(np.unique(groups)) < len(groups)

    return table[answered], window.true_labels[answered], groups if is_grouped else None


def _find_pairs(names: list[str], champion: str | None) -> list[tuple[int, int]]:
    """Returns the champion's pairs, whose challengers run in its shadow; all pairs without one."""
    if champion not in names:
        return list(combinations(range(len(names)), 2))

    place = names.index(champion)
    return [(place, each) for each in range(len(names)) if each != place]


def _find_traffic(window: PredictionWindow) -> float | None:
    """Returns the rows that come in a day, by the rows since the oldest one; None where that was just now."""
    if window.age_s < MIN_AGE_S:
        return None
    return len(window.true_labels) / window.age_s * DAY_S


def _list_divided(
    examples: list[Example], versions: set[ModelVersion], model: Model
) -> list[RowToLabel]:
    """Returns the rows that served versions are divided on, the latest first, with their dates as clients send them.

    The most divided first would be labelled first, and a part of the labels would then say another difference.
    """
    rows: list[RowToLabel] = []
    for example in examples:
        said = {
            version.name: label
            for version, label in example.labels.items()
            if label != NO_ANSWER and version in versions
        }
        if len(set(said.values())) < 2:
            continue

        rows.append(
            {
                "id": example.row_id,
                "inputs": model.join_dates(example.inputs),
                "predictions": {
                    name: model.classes[each] for name, each in said.items()
                },
            }
        )

    return rows
