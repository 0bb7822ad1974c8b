"""This module decides what each output of a foreign graph is, from its graph and from what it answers, and says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.adopt.class_names import find_classes
from training.adopt.foreign import FLOATS, TEXT, WHOLE, ForeignGraph
from training.adopt.original import Answers
from training.adopt.refusal import AdoptionError, shorten

SUM_TOLERANCE = 1e-3
"""The probabilities of a row may miss a sum of 1 by this much, as half precision does."""


@dataclass(frozen=True, kw_only=True)
class StatedRoles:
    """StatedRoles are what a person has said of the outputs; the evidence decides where that is None or nothing."""

    kind: str | None = None
    outputs: Sequence[str] = ()
    scores: str | None = None
    classes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Roles name the outputs that a card needs: a regressor's `value`, or a classifier's `label` and `scores`.

    `classes` are in the order of the scores, as the graph has them, None where nothing names them. `reasons` says of
    each output what it is taken for.
    """

    kind: str
    value: str | None = None
    label: str | None = None
    scores: str | None = None
    scale: str = "probabilities"
    n_scores: int = 0
    n_classes: int = 0
    classes: tuple[str | int, ...] | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Candidates:
    labels: list[str]
    tables: list[str]
    columns: list[str]


def decide(
    foreign: ForeignGraph,
    answers: Answers,
    stated: StatedRoles,
    *,
    target_is_class: bool,
) -> Roles:
    """Returns the roles of the outputs; raises AdoptionError where several would do, or none."""
    found = _sort_out(foreign, answers, stated)
    kind = stated.kind or _find_kind(found, target_is_class=target_is_class)
    if kind == "regressor":
        return _decide_regressor(foreign, found)

    label = _choose_label(foreign, found)
    scores = _choose_scores(foreign, answers, found, stated)
    if scores is None:
        return _decide_votes(foreign, answers, label, stated)

    given = answers[scores].reshape(len(answers[scores]), -1).astype(np.float64)
    scale, reason = _find_scale(
        foreign, scores, given, stated, has_label=label is not None
    )
    classes = find_classes(foreign, [scores, *([label] if label else [])])
    reasons = [f"{scores!r} {reason}"]
    if label is not None:
        reasons.insert(0, f"{label!r} is the label")

    return Roles(
        kind="classifier",
        label=label,
        scores=scores,
        scale=scale,
        n_scores=given.shape[1],
        n_classes=max(2, given.shape[1]),
        classes=classes,
        reasons=tuple(reasons),
    )


def _sort_out(
    foreign: ForeignGraph, answers: Answers, stated: StatedRoles
) -> _Candidates:
    """Returns the outputs that have one row for each row, by their shape and type."""
    known = [each.name for each in foreign.outputs]
    for name in stated.outputs:
        if name not in known:
            raise AdoptionError(
                f"--outputs {name}: {foreign.file_name} has no such output, only {shorten(known)}"
            )

    n_rows = max(len(each) for each in answers.values())
    found = _Candidates(labels=[], tables=[], columns=[])
    for tensor in foreign.outputs:
        values = answers[tensor.name]
        if stated.outputs and tensor.name not in stated.outputs:
            continue
        if len(values) != n_rows or values.ndim > 2:
            continue

        is_column = values.size == n_rows
        if tensor.element in (TEXT, *WHOLE) and is_column:
            found.labels.append(tensor.name)
        elif tensor.element in FLOATS:
            (found.columns if is_column else found.tables).append(tensor.name)

    return found


def _find_kind(found: _Candidates, *, target_is_class: bool) -> str:
    """Returns the kind, which of one column of numbers is what the target says."""
    if found.tables or (found.labels and not found.columns):
        return "classifier"
    if found.columns:
        return "classifier" if target_is_class or found.labels else "regressor"

    return "classifier"


def _decide_regressor(foreign: ForeignGraph, found: _Candidates) -> Roles:
    if len(found.columns) != 1:
        has = shorten(found.columns) or "none"
        raise AdoptionError(
            f"{foreign.file_name}: expected one output of one number a row, got {has}: choose it with --outputs NAME, "
            "and export a model of several targets once for each"
        )

    name = found.columns[0]

    return Roles(
        kind="regressor",
        value=name,
        reasons=(f"{name!r} is the value, one number a row",),
    )


def _choose_label(foreign: ForeignGraph, found: _Candidates) -> str | None:
    if len(found.labels) > 1:
        raise AdoptionError(
            f"{foreign.file_name}: {shorten(found.labels)} may each be the label: choose with --outputs LABEL SCORES"
        )
    return found.labels[0] if found.labels else None


def _choose_scores(
    foreign: ForeignGraph, answers: Answers, found: _Candidates, stated: StatedRoles
) -> str | None:
    candidates = found.tables or found.columns
    if stated.scores == "votes" or not candidates:
        return None

    if len(candidates) > 1:
        likely = [each for each in candidates if _are_probabilities(answers[each])]
        one_each = [answers[each] for each in found.columns]
        if candidates is found.columns and _sum_to_one(one_each):
            raise AdoptionError(
                f"{foreign.file_name}: {shorten(candidates)} hold the probability of one class each, expected one "
                "output with a column for each class: export it with one, with skl2onnx by zipmap=False in place "
                "of zipmap='columns'"
            )
        if len(likely) != 1:
            raise AdoptionError(
                f"{foreign.file_name}: {shorten(candidates)} may each be the scores: choose with --outputs NAME, with "
                "the label's name beside it where there is one"
            )
        return likely[0]

    return candidates[0]


def _decide_votes(
    foreign: ForeignGraph, answers: Answers, label: str | None, stated: StatedRoles
) -> Roles:
    """Returns the roles where each label is a vote, which a person has to wish for."""
    if label is None:
        raise AdoptionError(
            f"{foreign.file_name}: none of its outputs is a label, a column for each class or one number a row: it "
            f"answers {shorten([str(each) for each in foreign.outputs])}, and a card needs one of these"
        )

    if stated.scores != "votes":
        raise AdoptionError(
            f"{foreign.file_name}: it answers the label {label!r} and no probabilities: export it with them, or say "
            "--scores votes, which gives each label the probability 1"
        )

    classes = find_classes(foreign, [label])
    names = tuple(stated.classes) or classes
    if names is None:
        raise AdoptionError(
            f"{foreign.file_name}: nothing in it names the classes of {label!r}: say --classes NAMES, in the order of "
            "their numbers"
        )

    return Roles(
        kind="classifier",
        label=label,
        scale="votes",
        n_classes=len(names),
        classes=classes,
        reasons=(
            f"{label!r} is the label, a vote with the probability 1 (as you say)",
        ),
    )


def _are_probabilities(values: NDArray[np.generic]) -> bool:
    given = values.reshape(len(values), -1).astype(np.float64)
    if given.min() < -1e-6 or given.max() > 1 + SUM_TOLERANCE:
        return False
    return bool(
        given.shape[1] == 1 or (abs(given.sum(axis=1) - 1) <= SUM_TOLERANCE).all()
    )


def _sum_to_one(columns: list[NDArray[np.generic]]) -> bool:
    """Tells whether columns, one number a row each, are probabilities that sum to 1 in each row."""
    given = np.stack([each.ravel() for each in columns], axis=1)
    return _are_probabilities(given) if given.shape[1] > 1 else False


def _find_scale(
    foreign: ForeignGraph,
    name: str,
    given: NDArray[np.float64],
    stated: StatedRoles,
    *,
    has_label: bool,
) -> tuple[str, str]:
    """Returns what scores `(n_rows, n_scores)` are, and the reason."""
    is_single = given.shape[1] == 1
    columns = (
        "one column, that of the second class," if is_single else "a column a class,"
    )
    if stated.scores == "logits":
        return "logits", f"has {columns} logits (as you say)"

    if _are_probabilities(given):
        sums = "" if is_single else ", rows sum to 1"
        return "probabilities", f"has {columns} probabilities (in 0..1{sums})"

    how = "sigmoid" if is_single else "softmax"
    _check_logits(foreign, name, given, stated, how, has_label=has_label)
    if bounded := foreign.find_bound(name):
        raise AdoptionError(
            f"{foreign.file_name}: its output {name!r} comes from {bounded}, whose values {given.min():.3g} to "
            f"{given.max():.3g} are no logits: export what is ahead of that; --scores logits takes it for such"
        )
    span = f"from {given.min():.3g} to {given.max():.3g}"

    return "logits", f"has {columns} logits ({span}: {how} is put behind them)"


def _check_logits(
    foreign: ForeignGraph,
    name: str,
    given: NDArray[np.float64],
    stated: StatedRoles,
    how: str,
    *,
    has_label: bool,
) -> None:
    """Raises AdoptionError for scores that are no probabilities and that nothing shows to be logits."""
    low, high = given.min(), given.max()
    span = f"from {low:.3g} to {high:.3g}"
    where = f"{foreign.file_name}: its output {name!r}"
    if stated.scores == "probabilities":
        raise AdoptionError(
            f"{where} has no probabilities, which lie in 0..1 and sum to 1 in each row, but values {span}: "
            f"--scores logits has them made by {how}"
        )

    if low >= -1e-6 and high <= 1 + 1e-6:
        sums = given.sum(axis=1)
        raise AdoptionError(
            f"{where} has rows that sum to between {sums.min():.3g} and {sums.max():.3g}, as where several classes "
            "hold at once: a card needs classes of which one holds; --scores logits has softmax make them so"
        )

    total = float(given[0].sum())
    if low >= 0 and min(given.shape) > 1 and np.allclose(given.sum(axis=1), total):
        raise AdoptionError(
            f"{where} has rows that sum to {total:.6g} each, as percentages and counts of votes do: export them "
            "divided by that; --scores logits takes them for logits"
        )

    if has_label:
        raise AdoptionError(
            f"{where} has margins {span} and no probabilities: export it with calibrated ones "
            "(CalibratedClassifierCV), or say --scores logits or --scores votes"
        )
