"""This module leads from a foreign file and labelled rows to a file with a card."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_card import Card
from training.adopt import classes as naming
from training.adopt.card_description import describe_model
from training.adopt.doubts import note_doubts
from training.adopt.foreign import FLOATS, ForeignGraph, read_foreign
from training.adopt.original import Answers, OriginalModel
from training.adopt.placement import Placement, place_columns
from training.adopt.refusal import AdoptionError, shorten
from training.adopt.roles import Roles, StatedRoles, decide
from training.adopt.table import LabelledTable, read_labelled_table
from training.adopt.wrap import Outputs, wrap_table

MAX_WHOLE_CLASSES = 20
"""A target of whole numbers with more different ones is a measurement, unless the graph has as many scores."""


@dataclass(frozen=True, kw_only=True)
class Adoption:
    """An adoption is what came of it; `notes` say what each output is and what was left out."""

    path: Path
    card: Card
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _AnsweredRows:
    """The original has answered these rows; `notes` say which were set aside."""

    table: LabelledTable
    placement: Placement
    answers: Answers
    notes: tuple[str, ...]


def adopt_for_rows(options: argparse.Namespace) -> Adoption:
    """Adopts a model of rows of a table; raises AdoptionError, and then nothing was written."""
    foreign = read_foreign(options.model)
    table = read_labelled_table(
        options.data,
        target=options.target,
        exclude=options.exclude,
        features=options.features,
    )
    placement = place_columns(foreign, table, dict(options.codes))
    answered = _ask(OriginalModel(options.model, foreign), foreign, table, placement)
    roles = decide(
        foreign,
        answered.answers,
        read_stated_roles(options),
        target_is_class=naming.is_binary(answered.table.target),
    )
    classes = _match(options, foreign, roles, answered.table)

    return _finish(options, foreign, answered, roles, classes)


def read_stated_roles(options: argparse.Namespace) -> StatedRoles:
    """Returns what the options say of the outputs."""
    return StatedRoles(
        kind=options.kind,
        outputs=options.outputs,
        scores=options.scores,
        classes=options.classes,
    )


def _ask(
    original: OriginalModel,
    foreign: ForeignGraph,
    table: LabelledTable,
    placement: Placement,
) -> _AnsweredRows:
    """Returns the answers to all rows that the original can answer; others lack a value that it needs."""
    missing = np.isnan(placement.features)
    kept = _find_answerable(original, placement, missing)
    if not kept.any():
        raise AdoptionError(
            f"{foreign.file_name} answers no row of {table.file_name}: each lacks a value that it needs"
        )

    has_gaps: NDArray[np.bool_] = np.logical_or.reduce(missing[kept], axis=0)
    placement = placement.take(kept).mark_imputed(has_gaps)

    return _AnsweredRows(
        table=table.take(kept),
        placement=placement,
        answers=original.ask(placement.feed()),
        notes=_note_rows(table, placement, n_aside=int((~kept).sum())),
    )


def _find_answerable(
    original: OriginalModel, placement: Placement, missing: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Tells which rows lack no value, or only numbers that the original answers without."""
    takes_missing = np.zeros(len(placement.columns), dtype=bool)
    for tensor, numbers in placement.inputs:
        takes_missing[list(numbers)] = tensor.element in FLOATS

    aside: NDArray[np.bool_] = np.logical_or.reduce(missing & ~takes_missing, axis=1)
    gaps: NDArray[np.bool_] = np.logical_or.reduce(missing, axis=1) & ~aside
    if gaps.any() and not original.can_answer(placement.take(gaps).feed()):
        aside |= gaps

    kept: NDArray[np.bool_] = ~aside

    return kept


def _note_rows(
    table: LabelledTable, placement: Placement, *, n_aside: int
) -> tuple[str, ...]:
    notes = []
    unused = set(table.frame.columns) - {each.name for each in placement.columns}
    if unused:
        notes.append(f"columns that no input takes: {shorten(sorted(unused))}")
    if table.n_without_target:
        notes.append(
            f"rows without a {table.target.name!r} are left out: {table.n_without_target}"
        )
    if n_aside:
        notes.append(f"rows without a value that it needs are set aside: {n_aside}")

    notes += [
        f"{each.name}: its encoder does not know {shorten(list(each.unknown))}"
        for each in placement.columns
        if each.unknown
    ]
    gaps = [each.name for each in placement.columns if each.is_imputed]
    if gaps:
        notes.append(f"missing values go into the graph as NaN: {shorten(gaps)}")

    return tuple(notes)


def _match(
    options: argparse.Namespace,
    foreign: ForeignGraph,
    roles: Roles,
    table: LabelledTable,
) -> naming.Classes | None:
    if roles.kind == "regressor":
        if not table.target.dtype.is_numeric():
            raise AdoptionError(
                f"{foreign.file_name} answers one number a row, and the target {table.target.name!r} has texts: "
                "--target names the column of the numbers, --kind classifier takes it for a score"
            )
        return None

    if options.kind is None and roles.classes is None and not options.classes:
        _check_is_class(foreign, roles, table)

    return naming.match_classes(
        roles,
        foreign.file_name,
        naming.read_truth(table.target),
        table.places,
        given=options.classes,
    )


def _check_is_class(foreign: ForeignGraph, roles: Roles, table: LabelledTable) -> None:
    """Raises AdoptionError where several numbers a row stand beside a target that is a measurement."""
    if roles.label is not None or not table.target.dtype.is_numeric():
        return

    n_different = table.target.n_unique()
    has_fractions = table.target.dtype.is_float()
    if has_fractions or n_different > max(MAX_WHOLE_CLASSES, roles.n_classes):
        what = "fractions" if has_fractions else f"{n_different} different values"
        raise AdoptionError(
            f"{foreign.file_name} answers {roles.n_scores} numbers a row, and the target {table.target.name!r} is a "
            f"number with {what}: export a model of several targets once for each; --kind classifier takes them for "
            "scores"
        )


def _finish(
    options: argparse.Namespace,
    foreign: ForeignGraph,
    answered: _AnsweredRows,
    roles: Roles,
    classes: naming.Classes | None,
) -> Adoption:
    """Wraps, measures and writes; what is slow to import is imported once little else can be refused."""
    from training.adopt import measure, same_task

    name = f"{options.task}-{options.family}"
    other = same_task.find_other_model(options.output, options.task, name)
    if other is not None:
        answered = replace(
            answered, placement=same_task.align(answered.placement, other)
        )
        if classes is not None and other.classes:
            classes = naming.reorder(classes, other.classes)

    order, labels = (classes.order, classes.labels) if classes else ((), ())
    outputs = Outputs(roles=roles, order=order, labels=labels)
    described = describe_model(
        options, foreign, answered.table, answered.placement, classes
    )
    if other is not None:
        same_task.check_same_features(described, other)

    path, card = measure.publish(
        options,
        foreign,
        wrap_table(foreign, answered.placement, outputs),
        described,
        answered.answers,
        outputs,
    )
    source = measure.read_source(foreign, answered.answers, outputs)
    doubts = note_doubts(described, card, source) if roles.scale != "votes" else ()
    said = (*_say_columns(answered, card, roles), *doubts)

    return Adoption(path=path, card=card, notes=(foreign.describe(), *said))


def _say_columns(answered: _AnsweredRows, card: Card, roles: Roles) -> tuple[str, ...]:
    """Returns which columns and classes a model has, and what its outputs were taken for."""
    names = [each.name for each in answered.placement.columns]
    features = f"features: {shorten(names, 30)}"
    classes = [f"classes: {shorten(list(card.classes), 30)}"] if card.classes else []

    return (features, *roles.reasons, *classes, *answered.notes)
