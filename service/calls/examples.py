"""Examples are held-out rows or images with their truth, from a file beside the models whose files answer for it.

`TASK.held_out.csv` has a column for each feature, in the cards' order, and the class last; `TASK.held_out.json` has
images (`held_out_images`). It is believed where its rows are those that the files of the task keep answers to, by the
hash that stands in them.
"""

from __future__ import annotations

import csv
import io
from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_card import FeatureInput
from row_records import HeldOut, fingerprint_held_out, hash_rows
from service.calls.held_out_images import SUFFIX as IMAGES_SUFFIX
from service.calls.held_out_images import read_images
from service.calls.held_out_verdict import Judged, select_judged
from service.contract.answers import Examples as ExamplesAnswer
from service.contract.codec import read_switch
from service.contract.requests import Row, Value
from service.errors import InvalidRequest, ModelRefused
from service.models.model import Model
from service.models.regular_files import read_file

SUFFIX = ".held_out.csv"
MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_EXAMPLES = 1000
N_EXAMPLES = 10
"""So many are given where nobody says how many."""
MAX_KEPT = 16


class NoHeldOutTable(Exception):
    """A task has no table of held-out rows, for the reason that this says."""


class HeldOutTable(NamedTuple):
    """A table has rows as clients send them, by their number among the held-out ones, and what is known of all those.

    `truth` and each model's `labels` have the class of each held-out row. `hard` has the numbers of the rows here that
    not all models give one class, those first on which they are most divided.
    """

    rows: dict[int, Row]
    truth: list[str]
    labels: dict[str, list[str]]
    hard: list[int]
    reason: str | None = None


class Examples:
    """Examples are read once for the versions of a task's models; any thread may ask."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: OrderedDict[tuple[str, ...], HeldOutTable] = OrderedDict()
        self._encoded: dict[tuple[str, ...], NDArray[np.float32]] = {}
        self._lock = Lock()

    def select(
        self, models: list[Model], *, n: str = "", hard: str = ""
    ) -> ExamplesAnswer:
        """Returns the first `n` held-out rows of a task, or of those that its models disagree on where `hard` is 1.

        Where there is no table the answer says why. It raises InvalidRequest for other words, and for a table of other
        rows.
        """
        count = _read_count(n)
        is_hard = read_switch("hard", hard)

        table = self._find(models)
        numbers = table.hard if is_hard else list(table.rows)
        chosen = numbers[:count]
        labels = {
            name: [given[number] for number in chosen]
            for name, given in table.labels.items()
        }

        answer: ExamplesAnswer = {
            "task": models[0].card.task,
            "classes": [*models[0].classes],
            "held_out": len(table.rows),
            "hard": len(table.hard),
            "rows": [*chosen],
            "inputs": [table.rows[number] for number in chosen],
            "labels": [table.truth[number] for number in chosen],
            "predictions": labels,
        }
        if table.reason is not None:
            answer["reason"] = table.reason

        return answer

    def list_rows(self, models: list[Model]) -> list[Row]:
        """Returns all held-out rows of a task, none where there is no table; raises InvalidRequest for a broken one."""
        if not isinstance(models[0].card.input, FeatureInput):
            return []

        return list(self._find(models).rows.values())

    def encode(self, models: list[Model]) -> NDArray[np.float32] | None:
        """Returns the held-out rows `(n_rows, n_features)` as the graph takes them; None where there is no table."""
        key = tuple(model.version for model in models)
        with self._lock:
            if key in self._encoded:
                return self._encoded[key]

        rows = self.list_rows(models)
        if not rows:
            return None

        encoded = np.asarray(models[0].encode(rows), dtype=np.float32)
        with self._lock:
            before = list(self._encoded.items())[:MAX_KEPT]
            self._encoded = {key: encoded, **dict(before)}

        return encoded

    def _find(self, models: list[Model]) -> HeldOutTable:
        key = tuple(model.version for model in models)
        with self._lock:
            found = self._kept.get(key)
        if found is not None:
            return found

        found = _make_table(self._folder, models)
        # A table may come later to a folder that has none.
        if found.reason is not None:
            return found

        with self._lock:
            self._kept[key] = found
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)

        return found


def _read_count(text: str) -> int:
    if not text:
        return N_EXAMPLES

    is_number = text.isascii() and text.isdecimal() and len(text) < 7
    if not is_number or not 1 <= int(text) <= MAX_EXAMPLES:
        raise InvalidRequest(
            f"n: expected a whole number from 1 to {MAX_EXAMPLES}, got {text[:40]!r}"
        )

    return int(text)


def _make_table(folder: Path, models: list[Model]) -> HeldOutTable:
    """Returns the table of a task, once its rows are found to be those that the files answered; none is no error."""
    try:
        path = _find_path(folder, models[0])
    except NoHeldOutTable as error:
        return HeldOutTable({}, [], {}, [], str(error))

    judged, _ = select_judged(models)
    model, record = judged[0]
    if isinstance(model.card.input, FeatureInput):
        rows, truth = _read_table(path, model)
        _check_rows(rows, truth, model, record)
        numbered = dict(enumerate(rows))
    else:
        numbered = dict(read_images(path, record))
        truth = [model.classes[index] for index in record.truth]

    labels = {}
    for each, held_out in judged:
        labels[each.name] = [each.classes[index] for index in held_out.labels]
    hard = [row for row in _order_hard(judged, record) if row in numbered]

    return HeldOutTable(numbered, truth, labels, hard)


def _check_rows(
    rows: list[Row], truth: list[str], model: Model, record: HeldOut
) -> None:
    """Raises InvalidRequest where these are not the rows that the files of the task answered."""
    task = model.card.task
    indices = np.array([model.classes.index(each) for each in truth], dtype=np.int64)
    hashes = hash_rows(model.encode(rows))
    if fingerprint_held_out(hashes, indices) != record.rows:
        raise InvalidRequest(
            f"{task}{SUFFIX}: its rows are not the held-out rows that the files of {task!r} keep answers to; "
            "write it again by a training with --examples, or if it is bundled by: python -m training.held_out_tables"
        )


def _order_hard(judged: Judged, record: HeldOut) -> list[int]:
    """Returns the numbers of the rows on which the models disagree, the most divided first."""
    labels: NDArray[np.int64] = np.stack([each.labels for _, each in judged])
    n_classes = record.probabilities.shape[1]
    votes = [(labels == each).sum(axis=0) for each in range(n_classes)]
    majority = np.stack(votes).max(axis=0)
    most_divided_first = np.argsort(majority, kind="stable")

    return [int(row) for row in most_divided_first if majority[row] < len(judged)]


def _find_path(folder: Path, model: Model) -> Path:
    """Returns the path of a task's table; raises NoHeldOutTable where there is none."""
    has_features = isinstance(model.card.input, FeatureInput)
    suffix = SUFFIX if has_features else IMAGES_SUFFIX
    name = f"{model.card.task}{suffix}"
    path = folder / name
    try:
        is_there = Path(name).name == name and path.is_file()
    except OSError as error:
        raise NoHeldOutTable(f"{name} cannot be read: {error.strerror}") from error

    if not is_there:
        raise NoHeldOutTable(
            f"the folder of models has no {name}; a training with --examples writes it"
        )

    return path


def _read_table(path: Path, model: Model) -> tuple[list[Row], list[str]]:
    """Returns rows and classes; raises InvalidRequest for a table that is broken."""
    try:
        content = read_file(path, max_bytes=MAX_FILE_BYTES)
        reader = csv.reader(io.StringIO(content.decode()), strict=True)
        return _read_lines(list(reader), model)
    except (ModelRefused, OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidRequest(f"{path.name} cannot be read: {reason}") from None


def _read_lines(lines: list[list[str]], model: Model) -> tuple[list[Row], list[str]]:
    """Returns rows and classes; raises ValueError where a line is not what the header or the card says."""
    assert isinstance(model.card.input, FeatureInput)
    features = model.card.input.features
    names = [feature.name for feature in features]
    if not lines or lines[0][:-1] != names:
        raise ValueError(f"expected the columns {', '.join(names)}, and the class last")

    rows: list[Row] = []
    truth: list[str] = []
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(names) + 1 or line[-1] not in model.classes:
            raise ValueError(
                f"line {number}: expected {len(names)} values and a class of {', '.join(model.classes)}"
            )

        *texts, label = line
        row = [
            _read_value(text, is_number=feature.type == "number")
            for text, feature in zip(texts, features, strict=True)
        ]
        rows.append(row)
        truth.append(label)

    return rows, truth


def _read_value(text: str, *, is_number: bool) -> Value:
    if not text:
        return None

    return float(text) if is_number else text
