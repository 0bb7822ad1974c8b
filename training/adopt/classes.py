"""This module names the classes of a foreign classifier, and finds each row's true one among them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tables.reader import name_values
from training.adopt.categories import name_as_read
from training.adopt.foreign import as_texts
from training.adopt.refusal import AdoptionError, shorten
from training.adopt.roles import Roles

BOOLEANS = ("false", "true")


@dataclass(frozen=True, kw_only=True)
class Classes:
    """`names` are those of the card, `order` says which score of the graph each of them has.

    `target` `(n_rows,)` is each row's true class, an index into `names`, and `labels` are the graph's own in the order
    of `names`.
    """

    names: tuple[str, ...]
    order: tuple[int, ...]
    labels: tuple[str | int, ...]
    target: NDArray[np.int64]


def is_binary(target: pl.Series) -> bool:
    """Tells if a target has two values at most, which one column of scores can tell apart, and is no measurement."""
    return target.n_unique() <= 2 and (
        not target.dtype.is_numeric() or ((target == 0) | (target == 1)).all()
    )


def name_classes(
    roles: Roles, file_name: str, truth: Sequence[str], *, given: Sequence[str] = ()
) -> tuple[str, ...]:
    """Returns the names of the classes in the graph's order: those given, its own, or what booleans are called."""
    labels = list_labels(roles)
    if len(labels) != roles.n_classes:
        raise AdoptionError(
            f"{file_name}: it has scores of {roles.n_classes} classes and names {len(labels)} "
            f"({shorten([str(each) for each in labels])}): export it anew with one score for each"
        )

    if given and len(given) != roles.n_classes:
        raise AdoptionError(
            f"--classes: {file_name} has {roles.n_classes} classes, got {len(given)} names ({shorten(list(given))})"
        )

    if given:
        return tuple(given)
    if set(truth) <= set(BOOLEANS) and set(map(str, labels)) == {"0", "1"}:
        return tuple(BOOLEANS[int(each)] for each in labels)

    names = as_texts(np.array(labels, dtype=np.object_)).tolist()
    return name_as_read(names, set(truth))


def list_labels(roles: Roles) -> tuple[str | int, ...]:
    """Returns what the graph calls its classes, numbers from 0 where nothing in it names them."""
    return tuple(range(roles.n_classes)) if roles.classes is None else roles.classes


def match_classes(
    roles: Roles,
    file_name: str,
    truth: Sequence[str],
    places: Sequence[str],
    *,
    given: Sequence[str] = (),
    wanted: tuple[str, ...] | None = None,
) -> Classes:
    """Returns the classes of a card, in the order `wanted` or in that of training, and each row's true one.

    It raises AdoptionError for a row whose class the graph does not know.
    """
    names = name_classes(roles, file_name, truth, given=given)
    _check_known(roles, file_name, names, truth, places)
    ordered = wanted if wanted and set(wanted) == set(names) else _sort(names)
    order = tuple(names.index(name) for name in ordered)
    labels = list_labels(roles)
    code = {name: index for index, name in enumerate(ordered)}

    return Classes(
        names=tuple(ordered),
        order=order,
        labels=tuple(labels[index] for index in order),
        target=np.array([code[each] for each in truth], dtype=np.int64),
    )


def read_truth(target: pl.Series) -> list[str]:
    """Returns the target's classes by the names that training gives them."""
    return [name or "" for name in name_values(target)]


def _check_known(
    roles: Roles,
    file_name: str,
    names: Sequence[str],
    truth: Sequence[str],
    places: Sequence[str],
) -> None:
    unknown = [
        (name, place)
        for name, place in zip(truth, places, strict=True)
        if name not in names
    ]
    if not unknown:
        return

    name, place = unknown[0]
    seen = sorted(set(truth))
    more = f" and {len(unknown) - 1} more rows" if len(unknown) > 1 else ""
    hint = "leave these rows out, or take the data of the classes that it has learnt"
    if len(seen) == roles.n_classes:
        like = {each.casefold(): each for each in seen}
        if set(like) == {each.casefold() for each in names}:
            seen = [like[each.casefold()] for each in names]
        hint = f"--classes {shlex.join(seen)} names them, in the order of its scores"

    raise AdoptionError(
        f"{file_name} does not know the class {name!r} ({place}{more}), only {shorten(list(names))}: {hint}"
    )


def _sort(names: Sequence[str]) -> tuple[str, ...]:
    """Returns names in the order of training: whole numbers by their value, all others as texts."""
    are_whole = all(name.removeprefix("-").isdecimal() for name in names)
    return tuple(sorted(names, key=int if are_whole else None))


def reorder(classes: Classes, wanted: Sequence[str]) -> Classes:
    """Returns the same classes in the order of another card, or as they are where it has others."""
    if set(wanted) != set(classes.names) or tuple(wanted) == classes.names:
        return classes

    places = [classes.names.index(name) for name in wanted]
    moved = np.argsort(places)

    return Classes(
        names=tuple(wanted),
        order=tuple(classes.order[place] for place in places),
        labels=tuple(classes.labels[place] for place in places),
        target=moved[classes.target].astype(np.int64),
    )
