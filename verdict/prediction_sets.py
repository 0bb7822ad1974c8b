"""Prediction sets of all models, made to hold the truth equally often, are compared by their size."""

from __future__ import annotations

from typing import Any

import numpy as np

from service.contract import codec
from stats.binomial import wilson
from stats.groups import design_effect
from stats.losses.comparison import LossComparison, describe_pair
from stats.losses.mean_gaps import MeanGaps
from stats.losses.set_sizes import Sets, cross_sets
from stats.metric import describe
from verdict.pairs import keep_level
from verdict.predictions import Predictions
from verdict.words import join, percent, shorten

COVERAGE = 0.95


def judge_sets(predictions: Predictions) -> dict[str, Any]:
    """Returns mean sizes, coverage on rows that a threshold was not chosen on, and which sizes differ, as JSON values.

    A pair's `gain` is by how many classes the sets of its first model are smaller. Models whose rows are too few for
    the coverage are left out.
    """
    found = _find_sets(predictions)
    names = list(found)
    numbers: dict[str, Any] = {
        "coverage": COVERAGE,
        "models": [_describe_sets(each, found[each], predictions) for each in names],
        "pairs": [],
        "smallest": None,
        "may_be_smallest": names,
    }
    if names:
        sizes = np.stack([found[each].sizes for each in names], axis=1).astype(float)
        gaps = MeanGaps(
            sizes, sizes == 1, predictions.groups, uneven="not of one class"
        )
        comparison = LossComparison(gaps)
        pairs = [describe_pair(each, names) for each in comparison.compare_pairs()]
        smallest = names[int(np.argmin(np.round(sizes.mean(axis=0), 9)))]
        best = [names[each] for each in comparison.find_best()]
        numbers |= {
            "pairs": pairs,
            "smallest": smallest,
            "may_be_smallest": keep_level(best, smallest, pairs),
        }

    values: dict[str, Any] = codec.as_json(numbers)

    return values


def _find_sets(predictions: Predictions) -> dict[str, Sets]:
    found = {}
    for answer in predictions.answers:
        sets = cross_sets(
            answer.probabilities,
            predictions.truth,
            coverage=COVERAGE,
            groups=predictions.groups,
        )
        if sets is not None:
            found[answer.model] = sets

    return found


def tell_sets(numbers: dict[str, Any], task: str) -> str:
    """Says whose sets are smallest on these rows, if any are shown to be larger, and whose those are."""
    wanted = f"{100 * numbers['coverage']:g} %"
    smallest = numbers["smallest"]
    if smallest is None:
        return f"These rows are too few to compare prediction sets that hold the truth with {wanted}."

    told = {each["model"]: each for each in numbers["models"]}
    mine = told[smallest]
    name = shorten(smallest, task)
    size = (
        f"{mine['mean_size']:.3f} classes on average, one alone on {percent(mine['single'])} of rows, and the truth on "
        f"{percent(mine['covered']['value'])}"
    )
    larger = []
    for pair in numbers["pairs"]:
        if smallest in pair["models"] and pair["verdict"] in ("a", "b"):
            larger += [
                shorten(other, task) for other in pair["models"] if other != smallest
            ]
    if not larger:
        plain = f"{name}'s prediction sets, made to hold the truth with {wanted}, hold {size}."
        is_alone = len(numbers["models"]) == 1
        return plain if is_alone else f"{plain} Nobody's are shown to be larger."

    return (
        f"Of prediction sets made to hold the truth with {wanted}, those of {name} are smallest here: {size}. "
        f"Shown to be larger are those of {join(larger)}."
    )


def _describe_sets(model: str, sets: Sets, predictions: Predictions) -> dict[str, Any]:
    n_rows = len(sets.sizes)
    covered = int(sets.covered.sum())
    residuals = sets.covered.astype(np.float64) - covered / n_rows
    effect = design_effect(residuals, predictions.groups)

    return {
        "model": model,
        "mean_size": sets.sizes.mean(),
        "single": (sets.sizes == 1).mean(),
        "covered": describe(
            covered / n_rows, wilson(covered / effect, n_rows / effect)
        ),
    }
