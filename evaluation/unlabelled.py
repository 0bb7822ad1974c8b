"""Rows without labels, of which the few are found whose labels say most, and labels of those read back."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cli.places import write_file
from evaluation.feature_table import note_readings, read_asked, read_feature_table
from evaluation.image_folders import ENDINGS
from evaluation.image_hashes import hash_images
from model_card import Card, FeatureInput
from service.errors import EvaluationError
from service.judging.labelled_rows import (
    LabelledData,
    Value,
    find_fit_images,
    find_unlearnt,
    fingerprint_images,
)
from service.judging.row_hashes import NOTHING, Hashes, hash_feature_rows
from service.models.row_columns import choose_columns, describe_missing, find_dates
from stats.labelling.plan import split_budget
from tables.csv_text import UnreadableTableError, read_csv_text
from tables.date_columns import DATE_PARTS, DAYS, find_day

Labels = NDArray[np.int64]

PLACE = "row"
INCLUSION = "inclusion"
SEED = 0
"""Rows are drawn from this seed: the same rows are asked for."""
UNKNOWN = -1


class Choice(NamedTuple):
    """A Choice has the indices of the rows to be labelled, in random order, and the probability of choosing each."""

    rows: list[int]
    inclusion: list[float]


def read_unlabelled(
    path: Path, card: Card, *, learnt: Hashes = NOTHING
) -> LabelledData:
    """Returns the rows of a table, or the images of a folder, that models with such a card can be asked for.

    Rows that models were learnt from are left out, and so are repeats: each row counts once. It raises EvaluationError,
    which says what would work.
    """
    if not path.exists():
        raise EvaluationError(f"{path}: there is no such file or folder")

    takes_rows = isinstance(card.input, FeatureInput)
    if path.is_dir() == takes_rows:
        expected = "a table, CSV or Parquet" if takes_rows else "a folder of images"
        raise EvaluationError(f"{path.name}: {card.task} takes {expected}")

    if takes_rows:
        return _read_rows(path, card, learnt)

    return _read_images(path, card, learnt)


def choose(labels: Labels, n_labels: int | None) -> Choice:
    """Returns which rows of labels `(n_rows, n_models)` to label.

    Without a number it is all on which any models disagree, and for each four of them one on which all agree.
    """
    disagree = (labels != labels[:, :1]).any(axis=1)
    divided = np.flatnonzero(disagree)
    others = np.flatnonzero(~disagree)
    if n_labels is None:
        n_labels = len(divided) + math.ceil(len(divided) / 4)

    counts = split_budget(n_labels, n_disagree=len(divided), n_agree=len(others))
    generator = np.random.default_rng(SEED)
    chosen = []
    shares = []
    for rows, count in zip((divided, others), counts, strict=True):
        share = count / max(1, len(rows))
        chosen.append(generator.choice(rows, size=count, replace=False))
        shares.append(np.full(count, share))
    order = generator.permutation(sum(counts))

    return Choice(
        rows=np.concatenate(chosen)[order].tolist(),
        inclusion=np.concatenate(shares)[order].tolist(),
    )


def write_choice(path: Path, data: LabelledData, choice: Choice, label: str) -> None:
    """Writes the chosen rows as CSV: their places, an empty column for the label, the inclusion, and their values.

    Parts of dates are written as the date that they are of.
    """
    rows = []
    if data.rows:
        rows = [_join_dates(data.rows[each], data.dates) for each in choice.rows]
    names = list(rows[0]) if rows else []
    clash = sorted({PLACE, INCLUSION, label} & set(names))
    if clash:
        raise EvaluationError(
            f"--to-label: expected no feature called {clash[0]!r}, which is a column of its own there: name "
            "another with --label, or rename the feature"
        )

    _keep_labels(path, label)
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([PLACE, label, INCLUSION, *names])
    chosen = zip(choice.rows, choice.inclusion, strict=True)
    for at, (row, inclusion) in enumerate(chosen):
        values = rows[at].values() if rows else ()
        writer.writerow([data.places[row], "", f"{inclusion:.9g}", *values])
    write_file(path, file.getvalue().encode())


def _keep_labels(path: Path, label: str) -> None:
    """Raises EvaluationError where the file is there and somebody has written labels into it."""
    if not path.is_file():
        return

    try:
        names, rows = _read_texts(path)
    except EvaluationError:
        return
    at = names.index(label) if {PLACE, label} <= set(names) else None
    if at is not None and any(row[at].strip() for row in rows):
        raise EvaluationError(
            f"--to-label {path}: it has labels already, which would be lost: judge by them with --labelled, or name "
            "another file"
        )


def _read_texts(path: Path) -> tuple[list[str], list[list[str]]]:
    """Returns names and rows of a table of texts, whatever program has saved it; raises EvaluationError, or OSError."""
    try:
        text = read_csv_text(path.name, path.read_bytes())
    except UnreadableTableError as error:
        raise EvaluationError(str(error)) from None

    return text.names, text.rows


def _join_dates(row: Mapping[str, Value], dates: Sequence[str]) -> dict[str, Value]:
    """Returns a row with its dates, empty ones where they are missing, in the place of their parts."""
    date_of = {f"{date}_{part}": date for date in dates for part in DATE_PARTS}
    joined: dict[str, Value] = {}
    for name, value in row.items():
        date = date_of.get(name)
        if date is None:
            joined[name] = value
        elif date not in joined:
            days = row[f"{date}_{DAYS}"]
            joined[date] = None if days is None else str(find_day(float(days)))

    return joined


def read_labels(
    path: Path, places: Sequence[str], classes: Sequence[str], label: str
) -> Labels:
    """Returns the class of each of these rows, `(n_rows,)`, -1 where the file has none; raises EvaluationError."""
    columns, lines = _read_texts(path)
    if PLACE not in columns or label not in columns:
        raise EvaluationError(
            f"{path.name}: expected the columns {PLACE!r} and {label!r}, as --to-label writes them, got "
            f"{', '.join(map(repr, columns)) or 'none'}"
        )

    row_of = {place: row for row, place in enumerate(places)}
    class_of = {name: number for number, name in enumerate(classes)}
    truth = np.full(len(places), UNKNOWN, dtype=np.int64)
    for line in lines:
        place = line[columns.index(PLACE)].strip()
        name = line[columns.index(label)].strip()
        if not name:
            continue

        if place not in row_of:
            raise EvaluationError(
                f"{path.name}: {place!r} is no row that was asked for: give the --unlabelled that it was made from"
            )
        if name not in class_of:
            raise EvaluationError(
                f"{path.name}, {place}: expected a class, {', '.join(classes[:20])}, got {name!r}"
            )
        truth[row_of[place]] = class_of[name]

    if (truth == UNKNOWN).all():
        raise EvaluationError(
            f"{path.name}: expected labels in the column {label!r}, got none"
        )

    return truth


def _read_rows(path: Path, card: Card, learnt: Hashes) -> LabelledData:
    assert isinstance(card.input, FeatureInput)
    table = read_feature_table(path, card.input.features)
    features = choose_columns(card.input.features, table.frame.columns)
    names = [each.name for each in features]
    missing = [name for name in names if name not in table.frame.columns]
    if missing:
        shown = describe_missing(missing, table.frame.columns)
        raise EvaluationError(
            f"{path.name}: expected a column for each feature, missing: {shown}"
        )

    rows, notes = read_asked(table, features, None, [], path.name)
    asked = rows.name_values(names)
    hashes = hash_feature_rows(asked, card)
    kept, more = _find_distinct(hashes, learnt, path.name)

    date_columns = find_dates(card.input.features)
    dates = [each.name for each in date_columns if each.name in table.frame.columns]

    return LabelledData(
        source=path.name,
        fingerprint=f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
        places=[rows.places[each] for each in kept],
        truth=np.full(len(kept), UNKNOWN, dtype=np.int64),
        rows=[asked[each] for each in kept],
        dates=dates,
        notes=[*note_readings(table, card.input.features), *notes, *more],
        n_learnt=int(np.isin(hashes, learnt).sum()),
    )


def _read_images(path: Path, card: Card, learnt: Hashes) -> LabelledData:
    files = sorted(
        each
        for each in path.iterdir()
        if each.suffix.lower() in ENDINGS and not each.name.startswith(".")
    )
    if not files:
        raise EvaluationError(
            f"{path.name}: expected a folder of images of {card.task}, got no image"
        )

    hashes, unfit = hash_images(files)
    fit, notes = find_fit_images([each.name for each in files], unfit, path.name)
    hashes = hashes[fit]
    kept, more = _find_distinct(hashes, learnt, path.name)
    files = [files[fit[each]] for each in kept]
    places = [each.name for each in files]
    contents = [hashlib.sha256(each.read_bytes()).hexdigest() for each in files]

    return LabelledData(
        source=path.name,
        fingerprint=fingerprint_images(places, contents),
        places=places,
        truth=np.full(len(kept), UNKNOWN, dtype=np.int64),
        files=files,
        notes=[*notes, *more],
        n_learnt=int(np.isin(hashes, learnt).sum()),
    )


def _find_distinct(
    hashes: Hashes, learnt: Hashes, where: str
) -> tuple[list[int], list[str]]:
    """Returns the indices of the first of equal rows that no model was learnt from, and notes of the others."""
    new = find_unlearnt(hashes, learnt, where)
    _, first = np.unique(hashes[new], return_index=True)
    kept = sorted(new[each] for each in first.tolist())
    n_learnt = len(hashes) - len(new)
    n_repeated = len(new) - len(kept)

    notes = []
    if n_learnt:
        notes.append(f"rows that models were learnt from are left out: {n_learnt}")
    if n_repeated:
        notes.append(f"rows that repeat others are left out: {n_repeated}")

    return kept, notes
