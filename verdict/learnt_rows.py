"""The headline begins with what is known of rows that models were learnt from, since such rows flatter them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from verdict.predictions import Predictions
from verdict.words import count_rows, join, shorten

MAX_NAMES = 3
"""So many models are named that were learnt from some of the rows, where others were not."""


class LearntSentences(NamedTuple):
    """One sentence or none stands before the headline, and one or none after it."""

    before: str = ""
    after: str = ""


NOTHING_LEARNT = LearntSentences()


def tell_learnt(predictions: Predictions) -> LearntSentences:
    """Returns what the headline says of rows that models were learnt from."""
    unknown = tell_unknown(
        predictions.learnt_unknown,
        predictions.learnt_by,
        n_models=len(predictions.answers),
        task=predictions.task,
    )
    return LearntSentences(_warn_of_learnt(predictions), unknown)


def _warn_of_learnt(predictions: Predictions) -> str:
    """Says how many rows models were learnt from, and whether such rows are left out or judged all the same."""
    n_judged = len(predictions.truth)
    if predictions.n_learnt:
        n_rows = predictions.n_learnt + n_judged
        left = f"which are left out; the figures are on the other {n_judged:,}"
        of_rows = f"{predictions.n_learnt:,} of {count_rows(n_rows)}"
        return f"{_name_learners(predictions)} learnt from {of_rows}, {left}. "

    told = set()
    counted = ""
    if predictions.n_learnt_judged:
        told = set(predictions.learnt_rows)
        of_rows = f"{predictions.n_learnt_judged:,} of these {count_rows(n_judged)}"
        flattered = "which are judged all the same; such rows flatter, and the figures are too good for others"
        counted = f"{_name_learners(predictions)} learnt from {of_rows}, {flattered}. "

    others = [each for each in predictions.learnt_by if each not in told]
    return f"{counted}{_warn_of_data_set(others, predictions.task)}"


def _name_learners(predictions: Predictions) -> str:
    """Returns who was learnt from any row: models by their names where they are a few of several."""
    names = [shorten(each, predictions.task) for each in predictions.learnt_rows]
    if 0 < len(names) <= MAX_NAMES and len(names) < len(predictions.answers):
        return f"{join(names)} {'was' if len(names) == 1 else 'were'}"
    return "Models were"


def _warn_of_data_set(learnt_by: Sequence[str], task: str) -> str:
    """Says that these rows are what models were made from, where they are."""
    if not learnt_by:
        return ""

    names = join([shorten(each, task) for each in learnt_by])
    return f"{names} learnt from most of these rows, so that nothing here holds for others. "


def tell_unknown(
    unknown: Sequence[str], learnt_by: Sequence[str], *, n_models: int, task: str
) -> str:
    """Says of which models it is not known what they learnt from: their learnt rows are judged like others."""
    left = [each for each in unknown if each not in learnt_by]
    if not left:
        return ""

    names = join([shorten(each, task) for each in left])
    if len(left) == n_models > 1:
        names = "any of these models"
    return (
        f" Which rows {names} learnt from is not known here, so that learnt rows are not told from others: where there "
        "are any, the figures are too good."
    )
