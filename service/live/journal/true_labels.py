"""True labels of predicted rows go into the journal's file, the first one of each row for good."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

import numpy as np

from service.errors import InvalidRequest, NotFound, hint_at_form
from service.live.journal import group_keys
from service.live.journal.outcomes import Outcomes
from service.live.journal.records import (
    CONFIDENCE_DTYPE,
    LABEL_DTYPE,
    FeedbackRecord,
    StoredProbabilities,
)
from service.live.journal.surrogate_keys import SurrogateKeys

_READ_PREDICTION = (
    "SELECT seq, model, n_rows, predictions.labels, group_keys, lineup, shadows.labels, probabilities "
    "FROM predictions LEFT JOIN shadows USING (seq) LEFT JOIN probabilities USING (seq) WHERE id = ?"
)


class _StoredPrediction(NamedTuple):
    """A prediction as the file has it; the last three are None where it has no shadow."""

    seq: int
    model: int
    n_rows: int
    labels: bytes
    group_keys: bytes | None
    challenger_set: int | None
    shadow_labels: bytes | None
    probabilities: bytes | None

    def read_label(self, row: int) -> int:
        return int(np.frombuffer(self.labels, LABEL_DTYPE)[row])

    def read_shadow_labels(self, row: int) -> list[int]:
        """Returns one label for each challenger."""
        assert self.shadow_labels is not None
        table = np.frombuffer(self.shadow_labels, LABEL_DTYPE).reshape(-1, self.n_rows)
        found: list[int] = table[:, row].tolist()
        return found

    def read_probabilities(self, row: int) -> StoredProbabilities | None:
        """Returns those of the champion and of each challenger, `(1 + n_challengers, n_classes)`, if they are kept."""
        if self.probabilities is None:
            return None

        n_models = 1 + len(self.shadow_labels or b"") // len(self.labels)
        found = np.frombuffer(self.probabilities, CONFIDENCE_DTYPE)
        return found.reshape(n_models, self.n_rows, -1)[:, row]


class TrueLabels:
    """Writes feedback within the transaction that the connection is in, and counts what follows from it."""

    def __init__(
        self, connection: sqlite3.Connection, keys: SurrogateKeys, outcomes: Outcomes
    ) -> None:
        self._execute = connection.execute
        self._keys = keys
        self._outcomes = outcomes

    def write(self, record: FeedbackRecord) -> bool:
        """Returns True where the label is new; raises NotFound or InvalidRequest where it is refused."""
        prediction = self._read_prediction(record.prediction_id)
        row = _find_row(record, prediction.n_rows)
        true_label = self._find_class(record.label, prediction.model)

        named = group_keys.read_named(prediction.group_keys, row)
        told = None
        if record.group is not None:
            told = group_keys.hash_name(
                self._keys.read_task(prediction.model), record.group
            )
            _check_group(record.group, told=told, named=named)

        if not self._insert_true_label(prediction, row, true_label, told):
            if record.group is not None and told != named:
                self._check_first_group(prediction.seq, row, record.group, told=told)
            return False

        label = prediction.read_label(row)
        hit = label == true_label
        seq = prediction.seq
        named = named if told is None else told
        group_key = group_keys.find_key(seq, n_rows=prediction.n_rows, named=named)
        self._outcomes.count(prediction.model, hit=hit, group_key=group_key, seq=seq)
        if prediction.challenger_set is not None:
            self._outcomes.count_shadows(
                seq=seq,
                group_key=group_key,
                champion=prediction.model,
                champion_label=label,
                challengers=self._keys.read_challenger_set(prediction.challenger_set),
                challenger_labels=prediction.read_shadow_labels(row),
                probabilities=prediction.read_probabilities(row),
                true_label=true_label,
            )

        return True

    def _read_prediction(self, prediction_id: str) -> _StoredPrediction:
        found = self._execute(_READ_PREDICTION, (prediction_id,)).fetchone()
        if found is None:
            raise NotFound(
                f"unknown id {prediction_id!r}: no prediction of it is kept; the oldest go first"
            )
        return _StoredPrediction(*found)

    def _find_class(self, label: str, model: int) -> int:
        """Returns the index of a class of the model; raises InvalidRequest for another."""
        classes = self._keys.read_classes(model)
        if label not in classes:
            hint = hint_at_form(label, classes)
            raise InvalidRequest(
                f"label: unknown class {label[:200]!r}{hint}; classes: {', '.join(classes)}"
            )
        return classes.index(label)

    def _insert_true_label(
        self,
        prediction: _StoredPrediction,
        row: int,
        true_label: int,
        group_key: int | None,
    ) -> bool:
        """Returns False where the same label is there; raises InvalidRequest where another is, which stands."""
        inserted = self._execute(
            "INSERT OR IGNORE INTO truths VALUES (?, ?, ?, ?)",
            (prediction.seq, row, true_label, group_key),
        ).rowcount
        if inserted:
            return True

        (first,) = self._execute(
            "SELECT label FROM truths WHERE seq = ? AND row = ?", (prediction.seq, row)
        ).fetchone()
        if first != true_label:
            classes = self._keys.read_classes(prediction.model)
            raise InvalidRequest(
                f"label: the row of this id was labelled {classes[first]!r} before, and the first label stands, "
                f"since comparisons have counted it; got {classes[true_label]!r}"
            )

        return False

    def _check_first_group(
        self, seq: int, row: int, name: str, *, told: int | None
    ) -> None:
        """Raises InvalidRequest where the row was labelled in another group before, or in none."""
        (first,) = self._execute(
            "SELECT group_key FROM truths WHERE seq = ? AND row = ?", (seq, row)
        ).fetchone()
        if first != told:
            raise InvalidRequest(
                f"group: the row of this id was labelled before, in another group than {name[:100]!r} or in none, and "
                "that stands, since comparisons have counted it: leave group out"
            )


def _find_row(record: FeedbackRecord, n_rows: int) -> int:
    """Returns the row within the prediction; raises InvalidRequest where none is named, NotFound beyond its rows."""
    prediction_id = record.prediction_id
    if record.row is None and n_rows > 1:
        last = f"{prediction_id}/{n_rows - 1}"
        raise InvalidRequest(
            f"id: the answer had {n_rows} rows: name one of them, {prediction_id + '/0'!r} to {last!r}"
        )

    row = record.row or 0
    if row >= n_rows:
        unknown = f"{prediction_id}/{row}"
        raise NotFound(
            f"unknown id {unknown!r}: the rows of its answer are 0 to {n_rows - 1}"
        )

    return row


def _check_group(name: str, *, told: int, named: int | None) -> None:
    """Raises InvalidRequest where feedback puts a row into another group than its request did."""
    if named is not None and named != told:
        raise InvalidRequest(
            f"group: the request of this id put the row into another group than {name[:100]!r}, and that stands: "
            "leave group out"
        )
