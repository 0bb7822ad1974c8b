"""A gate is a claim about two models on which a build may depend: "challenger better than champion by 0.01"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from service.errors import EvaluationError
from stats.losses.comparison import LossComparison
from stats.paired_differences import Pair, find_effect, lower_limit
from stats.rows_needed import rows_to_show
from verdict.by_criterion import (
    NoProbabilities,
    UnknownPrice,
    find_gaps,
    leave_out_votes,
)
from verdict.criterion import NAMES, Criterion
from verdict.predictions import Predictions

USAGE = '"A better than B by 0.01" or "A not worse than B by 0.005"'
_CLAIM = re.compile(
    r"(?P<first>\S+) +(?P<how>better|not +worse) +than +(?P<second>\S+) +by +(?P<margin>\d*\.?\d+|\d+\.)",
    re.ASCII,
)


@dataclass(frozen=True)
class Gate:
    """Claims that the accuracy of `first` less that of `second` is over `least`, or its gain by the criterion.

    `least` is below 0 where worse is allowed for.
    """

    claim: str
    first: str
    second: str
    least: float
    criterion: Criterion | None = None

    @classmethod
    def parse(
        cls,
        claim: str,
        *,
        task: str,
        models: list[str],
        criterion: Criterion | None = None,
    ) -> Gate:
        """Reads a claim, in which names come with or without `task-`.

        Raises EvaluationError for what is no claim, or about no model of these.
        """
        match = _CLAIM.fullmatch(claim.strip())
        is_share = criterion is None or criterion.metric == "balanced_accuracy"
        if match is None or (is_share and float(match["margin"]) > 1):
            raise EvaluationError(f"--gate: expected {USAGE}, got {claim!r}")

        first = _find(match["first"], task, models)
        second = _find(match["second"], task, models)
        if first == second:
            raise EvaluationError(
                f"--gate: expected two different models, got {claim!r}"
            )

        margin = float(match["margin"])
        least = margin if match["how"] == "better" else -margin

        return cls(claim, first, second, least, criterion)

    def check(self, predictions: Predictions) -> dict[str, Any]:
        """Returns whether the one-sided 95 % limit of the difference is over what is claimed, and what it would take.

        The limit is the lower end of Newcombe's 90 % interval for paired shares, or that of the gain by the criterion.
        """
        if self.criterion is not None:
            return self._check_gain(predictions, self.criterion)

        hits = {
            answer.model: answer.label == predictions.truth
            for answer in predictions.answers
        }
        pair = Pair.of(hits[self.first], hits[self.second])
        effect = find_effect(hits[self.first], hits[self.second], predictions.groups)
        limit = lower_limit(pair, effect=effect)
        shown = limit > self.least
        needed = None if shown else rows_to_show(pair, margin=self.least, effect=effect)

        return {
            **{
                "claim": self.claim,
                "models": [self.first, self.second],
                "least": self.least,
            },
            "difference": pair.difference,
            "lower_limit": limit,
            "shown": shown,
            "rows": pair.n_rows,
            "rows_needed": needed,
        }

    def _check_gain(
        self, predictions: Predictions, criterion: Criterion
    ) -> dict[str, Any]:
        try:
            judged, left_out = leave_out_votes(predictions, criterion)
            gaps = find_gaps(judged, criterion)
        except NoProbabilities as error:
            raise EvaluationError(f"--by: {error}") from None
        except UnknownPrice as error:
            raise EvaluationError(f"--price-ms and --price-mb: {error}") from None

        for name in (self.first, self.second):
            if name in left_out:
                raise EvaluationError(
                    f"--gate: {name} has no {criterion.name}: {left_out[name]}"
                )

        names = [answer.model for answer in judged.answers]
        first, second = names.index(self.first), names.index(self.second)
        limit = LossComparison(gaps).find_limit(first, second)
        reason = gaps.explain(first, second)

        return {
            "claim": self.claim,
            "models": [self.first, self.second],
            "least": self.least,
            "by": criterion.metric,
            "difference": gaps.find_gap(first, second),
            "lower_limit": limit,
            "shown": limit is not None and limit > self.least,
            "rows": len(predictions.truth),
            "rows_needed": None,
            **({} if reason is None else {"reason": reason}),
        }


def describe(result: dict[str, Any]) -> str:
    """Returns one line: shown or not, the figure, its limit, what it had to be over, and how many rows would show
    it.
    """
    if "by" in result:
        return _describe_gain(result)

    text = (
        f"{'shown' if result['shown'] else 'NOT SHOWN'}: {result['claim']}: accuracy differs by "
        f"{result['difference']:+.4f} on {result['rows']} rows, one-sided 95 % limit {result['lower_limit']:+.4f}, "
        f"which had to be over {result['least']:+g}"
    )
    if result["shown"]:
        return text
    if result["rows_needed"] is None:
        return f"{text}; if the difference is what was seen, no number of rows would show it"

    rows = f"{result['rows_needed']:,} rows"
    return f"{text}; if the difference is what was seen, 80 % of samples of {rows} would show it"


def _describe_gain(result: dict[str, Any]) -> str:
    shown = "shown" if result["shown"] else "NOT SHOWN"
    name = NAMES[result["by"]]
    text = f"{shown}: {result['claim']}: better by {result['difference']:+.4g} in {name} on {result['rows']} rows"
    if result["lower_limit"] is None:
        return f"{text}; {result['reason']}"

    limit = f"one-sided 95 % limit {result['lower_limit']:+.4g}"
    return f"{text}, {limit}, which had to be over {result['least']:+g}"


def _find(name: str, task: str, models: list[str]) -> str:
    for known in models:
        if known in (name, f"{task}-{name}"):
            return known
    raise EvaluationError(
        f"--gate: unknown model {name!r}; models of {task}: {', '.join(models)}"
    )
