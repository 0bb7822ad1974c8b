"""The verdict over a whole data set follows from the merged summaries of its blocks, as `evaluation` says of its rows.

Each row counts by itself, as with `--equal-rows apart`: which rows are equal no block can see.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from scoring.summary import Agreement, Moments, Summary
from service.contract import codec
from stats import agreement, confusion, paired_tests, reliability, scores, simultaneous
from stats.binomial import wilson
from stats.class_means import balanced_accuracy, macro_f1
from stats.metric import without_interval
from stats.paired_differences import Pair
from verdict.analysis import WITHIN
from verdict.pairs import describe_pairs, keep_level, test_counts
from verdict.words import percent, show_interval

NO_ECE_INTERVAL = (
    "no interval: the binned estimate is biased upwards, and so is its bootstrap"
)


def judge(
    summary: Summary,
    *,
    names: list[str],
    classes: tuple[str, ...],
    within: float = WITHIN,
) -> dict[str, Any]:
    """Returns the numbers as JSON values, under the names of `verdict.analysis.judge`."""
    hits = summary.hits
    pairs = _count_pairs(summary)
    spread = _draw_errors(summary)
    critical = simultaneous.critical_value(spread)
    models = [_judge_model(summary, place, name) for place, name in enumerate(names)]
    described = _describe_pairs(summary, pairs, names, critical, within=within)
    leader = _lead(summary, models)
    best = simultaneous.find_best_of(spread, _limit(pairs))
    numbers = {
        "rows": summary.agreement.rows,
        "rows_of_class": hits.confusion[0].sum(axis=1),
        "models": models,
        "critical_value": critical,
        "pairs": described,
        "cochran_q": paired_tests.cochran_of_counts(
            np.diagonal(hits.together), hits.apart
        ),
        "fleiss_kappa": _find_fleiss(summary.agreement),
        "leader": leader,
        "may_be_best": keep_level([names[each] for each in best], leader, described),
        "classes": classes,
    }
    values: dict[str, Any] = codec.as_json(numbers)

    return values


def describe_agreement(counted: Agreement, names: list[str]) -> list[dict[str, Any]]:
    """Returns the agreement of every pair on all rows, labelled or not, as JSON values."""
    agreed, kappas = agree(counted), _find_kappas(counted)
    return [
        {
            "models": [names[a], names[b]],
            "agreement": float(agreed[a, b]),
            "kappa": None if np.isnan(kappas[a, b]) else float(kappas[a, b]),
        }
        for a, b in combinations(range(len(names)), 2)
    ]


def agree(counted: Agreement) -> agreement.Shares:
    """Returns the share of rows to which two models give one label, `(n_models, n_models)`."""
    shares: agreement.Shares = counted.same / counted.rows
    return shares


def write_sentences(numbers: dict[str, Any]) -> list[str]:
    """Returns the verdict in plain words, then each model with its accuracy."""
    leader, best = numbers["leader"], numbers["may_be_best"]
    n_rows = numbers["rows"]
    head = f"{leader} is right most often on {n_rows:,} labelled rows"
    if best == [leader] and len(numbers["models"]) > 1:
        head += ", and shown to be the best in accuracy"
    elif len(best) > 1:
        head += f"; with 95 % confidence the best is among {', '.join(best)}"

    lines = [f"{head}."]
    for model in numbers["models"]:
        lines.append(f"  {model['model']}: {_tell_model(model)}")

    return lines


def _tell_model(model: dict[str, Any]) -> str:
    accuracy, ece = (model["metrics"][name] for name in ("accuracy", "ece"))
    value, low, high = show_interval(
        accuracy["value"], accuracy["interval"], percent, 2
    )
    is_vote = _votes(model["reliability"]["equal_width"])
    sure = (
        "no probabilities, votes"
        if is_vote
        else f"calibration error {ece['value']:.4f}"
    )
    return f"accuracy {value} ({low} to {high}), {sure}"


def _count_pairs(summary: Summary) -> dict[tuple[int, int], Pair]:
    together = summary.hits.together.tolist()
    n_rows = summary.agreement.rows
    pairs = {}
    for a, b in combinations(range(len(together)), 2):
        both = together[a][b]
        only_a, only_b = together[a][a] - both, together[b][b] - both
        pairs[a, b] = Pair(both, only_a, only_b, n_rows - both - only_a - only_b)

    return pairs


def _describe_pairs(
    summary: Summary,
    pairs: dict[tuple[int, int], Pair],
    names: list[str],
    critical: float,
    *,
    within: float,
) -> list[dict[str, Any]]:
    return describe_pairs(
        pairs,
        [test_counts(each) for each in pairs.values()],
        names,
        agree(summary.agreement),
        _find_kappas(summary.agreement),
        critical=critical,
        within=within,
    )


def _draw_errors(summary: Summary) -> simultaneous.ErrorDraws:
    n_rows = summary.agreement.rows
    shares = np.diagonal(summary.hits.together) / n_rows
    covariance = summary.hits.together / n_rows - np.outer(shares, shares)

    return simultaneous.draw_from_covariance(covariance / n_rows)


def _limit(pairs: dict[tuple[int, int], Pair]) -> Any:
    def limit(first: int, second: int, z: float) -> float:
        pair = pairs.get((first, second))
        if pair is None:
            other = pairs[second, first]
            pair = Pair(other.both, other.only_b, other.only_a, other.neither)
        return simultaneous.pair_limit(pair, z=z)

    return limit


def _judge_model(summary: Summary, place: int, name: str) -> dict[str, Any]:
    matrix = summary.hits.confusion[place]
    n_rows = summary.agreement.rows
    n_wrong = n_rows - int(np.trace(matrix))
    bins = _describe_bins(summary, place)
    ece = reliability.calibration_error(bins)
    of_probabilities = {
        "log_loss": _describe_loss(summary.log_loss, place, n_rows, n_wrong),
        "brier": _describe_loss(summary.brier, place, n_rows, n_wrong),
        "ece": without_interval(ece, NO_ECE_INTERVAL),
    }
    if _votes(bins):
        of_probabilities = {
            name: scores.mark_vote(each) for name, each in of_probabilities.items()
        }

    return {
        "model": name,
        "metrics": {
            "accuracy": scores.accuracy(matrix),
            "balanced_accuracy": balanced_accuracy(matrix),
            "macro_f1": macro_f1(matrix),
            **of_probabilities,
            "confusion": matrix,
        },
        "classes": confusion.per_class(matrix),
        "reliability": {"equal_width": bins},
    }


def _describe_loss(
    moments: Moments, place: int, n_rows: int, n_wrong: int
) -> dict[str, Any]:
    variance = float(moments.squares[place]) / max(1, n_rows - 1)
    return scores.bound_mean_loss(
        float(moments.mean[place]),
        variance**0.5,
        n_rows=n_rows,
        n_wrong=n_wrong,
        n_right=n_rows - n_wrong,
    )


def _describe_bins(summary: Summary, place: int) -> list[dict[str, Any]]:
    """Returns what `stats.reliability.describe_bins` does of the rows."""
    hits = summary.hits
    described = []
    for n_rows, n_hits, confidence in zip(
        hits.bin_rows[place].tolist(),
        hits.bin_hits[place].tolist(),
        hits.bin_confidence[place].tolist(),
        strict=True,
    ):
        if n_rows:
            described.append(
                {
                    "rows": n_rows,
                    "confidence": confidence / n_rows,
                    "accuracy": n_hits / n_rows,
                    "interval": wilson(n_hits, n_rows),
                }
            )

    return described


def _find_kappas(counted: Agreement) -> agreement.Shares:
    return agreement.kappas_of_counts(agree(counted), counted.votes / counted.rows)


def _find_fleiss(counted: Agreement) -> float | None:
    return agreement.fleiss_of_counts(
        counted.votes.sum(axis=0), counted.agreeing, n_models=len(counted.votes)
    )


def _lead(summary: Summary, models: list[dict[str, Any]]) -> str:
    """Returns the model that is right most often; of equals one that does not vote, and the one of the least loss."""
    hits = np.diagonal(summary.hits.together).tolist()
    losses = summary.log_loss.mean.tolist()
    order = sorted(
        range(len(models)),
        key=lambda each: (
            -hits[each],
            _votes(models[each]["reliability"]["equal_width"]),
            round(losses[each], 9),
        ),
    )
    name: str = models[order[0]]["model"]

    return name


def _votes(bins: list[dict[str, Any]]) -> bool:
    """Returns whether every answer is certain."""
    return len(bins) == 1 and bool(bins[0]["confidence"] >= 1)
