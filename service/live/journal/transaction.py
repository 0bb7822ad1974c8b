"""One batch of records goes into the journal's file in one transaction, with the counts that follow from it.

The transaction that accepts a true label also counts how often each model was right, and how each challenger fared
against its champion. So it is counted once, whoever else writes, whatever ends the process, and however many of the
rows are deleted later.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidRequest, NotFound, VeredictoError
from service.live.journal import group_keys
from service.live.journal.challenger_counts import (
    ROW_SCALE,
    ChallengerCounts,
    find_gains,
    name_recall,
)
from service.live.journal.hits import Hits
from service.live.journal.keys import SurrogateKeys
from service.live.journal.records import (
    CONFIDENCE_DTYPE,
    COUNT_DTYPE,
    GROUP_DTYPE,
    LABEL_DTYPE,
    NO_ANSWER,
    Costs,
    FeatureCounts,
    FeedbackRecord,
    Labels,
    LostRows,
    ModelKey,
    PredictionRecord,
    Probabilities,
    Record,
    ShadowRecord,
    StoredProbabilities,
    encode_probabilities,
)

MAX_ROWS_PER_INSERT = 128
"""A power of two: statements of a few sizes only are prepared."""
MAX_RECENT_PREDICTIONS = 20_000
"""So many predictions are remembered by their ids, since their shadows follow soon."""
MAX_MERGED_ROWS = 500
"""Feature counts of fewer rows are merged; any two that follow each other have more, so 64 hold a window of 10,000."""
MAX_FEATURE_COUNTS = 64
MAX_EXAMPLES = 100
"""The values of so many rows of a task, on which models disagree, are kept where nobody says otherwise."""

_READ_PREDICTION = (
    "SELECT seq, model, n_rows, predictions.labels, group_keys, lineup, shadows.labels, probabilities "
    "FROM predictions LEFT JOIN shadows USING (seq) LEFT JOIN probabilities USING (seq) WHERE id = ?"
)
_READ_EARLIER_FEEDBACK = (
    "SELECT seq, row, label, group_key, n_rows, labels, group_keys FROM truths "
    "JOIN predictions USING (seq) WHERE truths.seq BETWEEN ? AND ?"
)
_READ_LATEST_FEATURE_COUNTS = (
    "SELECT number, n_rows, counts FROM spreads WHERE task = ? AND basis = ? "
    "ORDER BY number DESC LIMIT 1"
)
_DELETE_OLD_FEATURE_COUNTS = (
    "DELETE FROM spreads WHERE task = ? AND number <= "
    "(SELECT number FROM spreads WHERE task = ? ORDER BY number DESC LIMIT 1 OFFSET ?)"
)
_DELETE_OLD_EXAMPLES = (
    "DELETE FROM examples WHERE task = ? AND seq < "
    "(SELECT seq FROM examples WHERE task = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)"
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


class Transactions:
    """Writes through one connection; the file keeps the latest `max_rows` predictions, counted by rows.

    With `fsync` a transaction that has feedback waits for the disk, which then also has all that was written before.
    Tests are also by the `costs` of a task.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        max_rows: int,
        fsync: bool = False,
        max_examples: int = MAX_EXAMPLES,
        costs: Mapping[str, Costs] | None = None,
    ) -> None:
        self._connection = connection
        self._costs = costs or {}
        self._max_examples = max_examples
        self._fsync = fsync
        self._waits_for_disk = False
        self._execute = connection.execute
        self._max_rows = max_rows
        self._keys = SurrogateKeys(connection)
        self._challenger_counts = ChallengerCounts(connection)
        self._hits = Hits(connection)
        self._forget_uncommitted()

    def write(self, records: Sequence[Record]) -> list[VeredictoError | bool]:
        """Writes all records or none; raises sqlite3.Error.

        It returns for each feedback True where its label is new, False where it was known, or the error that refuses
        it: NotFound where the prediction is not there, which may still come.
        """
        if self._fsync:
            self._wait_for_disk(records)

        try:
            with self._transaction():
                results = list(self._write_records(records))
                self._add_counts()
                self._delete_oldest()
        except BaseException:
            self._forget_uncommitted()
            raise

        return results

    def read_outcomes(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Returns how often each model has been right and wrong, by name and version."""
        found = self._execute("SELECT name, version, right, wrong FROM models")
        return {
            (name, version): (right, wrong)
            for name, version, right, wrong in found.fetchall()
        }

    def _wait_for_disk(self, records: Sequence[Record]) -> None:
        """Lets the next transaction wait for the disk where feedback is among its records."""
        has_feedback = any(isinstance(each, FeedbackRecord) for each in records)
        if has_feedback != self._waits_for_disk:
            level = "FULL" if has_feedback else "NORMAL"
            self._execute(f"PRAGMA synchronous = {level}")
            self._waits_for_disk = has_feedback

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
            raise

    def _write_records(
        self, records: Sequence[Record]
    ) -> Iterator[VeredictoError | bool]:
        """Writes in three rounds, since a shadow and a feedback belong to a prediction."""
        self._write_predictions(
            [record for record in records if isinstance(record, PredictionRecord)]
        )

        for record in records:
            if isinstance(record, ShadowRecord):
                self._write_shadows(record)
            elif isinstance(record, LostRows):
                self._write_lost_rows(record)
            elif isinstance(record, FeatureCounts):
                self._write_feature_counts(record)

        for record in records:
            if isinstance(record, FeedbackRecord):
                try:
                    yield self._write_feedback(record)
                except VeredictoError as error:
                    yield error

    def _write_predictions(self, records: list[PredictionRecord]) -> None:
        """Takes the next values of `seq`, which nobody else can take before the transaction ends."""
        (last,) = self._execute(
            "SELECT coalesce(max(seq), 0) FROM predictions"
        ).fetchone()
        rows = []

        for seq, record in enumerate(records, last + 1):
            prediction_id, model_key, labels, groups, _ = record
            task = self._keys.find_task(model_key.task)
            model = self._keys.find_model(model_key)
            stored = labels.astype(LABEL_DTYPE).tobytes()
            keys = None if groups is None else groups.astype(GROUP_DTYPE).tobytes()
            rows.append((seq, prediction_id, task, model, len(labels), stored, keys))
            self._recent_seqs[prediction_id] = seq
            self._new_rows[task] += len(labels)

        self._insert("predictions", rows)
        self._insert("confidences", _tabulate_confidences(records, last + 1))
        while len(self._recent_seqs) > MAX_RECENT_PREDICTIONS:
            self._recent_seqs.popitem(last=False)

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Inserts many rows with few statements: each hands Python's lock to the other threads and back."""
        start = 0
        while start < len(rows):
            largest_power = 1 << (len(rows) - start).bit_length() - 1
            size = min(MAX_ROWS_PER_INSERT, largest_power)
            row = f"({', '.join('?' * len(rows[0]))})"
            values = tuple(chain.from_iterable(rows[start : start + size]))
            self._execute(
                f"INSERT INTO {table} VALUES {', '.join([row] * size)}", values
            )
            start += size

    def _write_lost_rows(self, record: LostRows) -> None:
        task = self._keys.find_task(record.task)
        self._execute(
            "UPDATE tasks SET shed = shed + ?, dropped = dropped + ? WHERE number = ?",
            (record.n_shed, record.n_dropped, task),
        )

    def _write_shadows(self, record: ShadowRecord) -> None:
        """Writes the shadows of the predictions that were kept and are not deleted yet."""
        (oldest,) = self._execute(
            "SELECT coalesce(min(seq), 0) FROM predictions"
        ).fetchone()
        challengers = [self._keys.find_model(each) for each in record.challengers]
        challenger_set = self._keys.find_challenger_set(challengers)
        seqs = self._find_seqs(record, oldest)
        labels_by_seq = self._split_shadow(record.labels, record, seqs)

        rows = [
            (seq, challenger_set, labels.astype(LABEL_DTYPE).tobytes())
            for seq, labels in labels_by_seq.items()
        ]
        self._insert("shadows", rows)
        if record.confidences is not None:
            stored = encode_probabilities(record.confidences)
            by_seq = self._split_shadow(stored, record, seqs)
            self._insert(
                "confidences",
                [(seq, challenger_set, part.tobytes()) for seq, part in by_seq.items()],
            )
        kept: dict[int, StoredProbabilities] = {}
        if record.probabilities is not None:
            kept = self._split_shadow(record.probabilities, record, seqs)
            self._insert(
                "probabilities", [(seq, each.tobytes()) for seq, each in kept.items()]
            )
        self._write_examples(record, oldest)
        self._count_earlier_feedback(record.champion, challengers, labels_by_seq, kept)

    def _find_seqs(self, record: ShadowRecord, oldest: int) -> list[int]:
        """Returns the `seq` of each of these predictions, -1 of one that is not in the file."""
        found = [self._recent_seqs.pop(each, -1) for each in record.prediction_ids]
        return [seq if seq >= oldest else -1 for seq in found]

    def _split_shadow(
        self, values: NDArray[Any], record: ShadowRecord, seqs: list[int]
    ) -> dict[int, NDArray[Any]]:
        """Returns the values `(n_models, n_rows, ...)` of each prediction in the file, by its `seq`."""
        by_seq = {}
        start = 0

        for seq, n_rows in zip(seqs, record.row_counts, strict=True):
            if seq >= 0:
                by_seq[seq] = values[:, start : start + n_rows]
            start += n_rows

        return by_seq

    def _count_earlier_feedback(
        self,
        champion: ModelKey,
        challengers: list[int],
        labels_by_seq: dict[int, Labels],
        probabilities_by_seq: dict[int, StoredProbabilities],
    ) -> None:
        """Counts true labels that came before the shadows of their predictions."""
        first_seq = min(labels_by_seq, default=0)
        last_seq = max(labels_by_seq, default=-1)
        found = self._execute(_READ_EARLIER_FEEDBACK, (first_seq, last_seq))

        for seq, row, true_label, told, n_rows, labels, stored in found.fetchall():
            if seq in labels_by_seq:
                kept = probabilities_by_seq.get(seq)
                named = group_keys.read_named(stored, row) if told is None else told
                self._count_shadows(
                    seq=seq,
                    group_key=group_keys.find_key(seq, n_rows=n_rows, named=named),
                    champion=self._keys.find_model(champion),
                    champion_label=int(np.frombuffer(labels, LABEL_DTYPE)[row]),
                    challengers=challengers,
                    challenger_labels=labels_by_seq[seq][:, row].tolist(),
                    probabilities=None if kept is None else kept[:, row],
                    true_label=true_label,
                )

    def _write_examples(self, record: ShadowRecord, oldest: int) -> None:
        if not self._max_examples:
            return

        task = self._keys.find_task(record.champion.task)
        for prediction_id, row, inputs in record.examples:
            found = self._execute(
                "SELECT seq FROM predictions WHERE id = ?", (prediction_id,)
            ).fetchone()
            if found is not None and found[0] >= oldest:
                self._execute(
                    "INSERT INTO examples VALUES (?, ?, ?, ?)",
                    (found[0], row, task, inputs),
                )

        if record.examples:
            self._execute(_DELETE_OLD_EXAMPLES, (task, task, self._max_examples - 1))

    def _write_feature_counts(self, record: FeatureCounts) -> None:
        """Adds to the latest counts in the file, whoever wrote those, as long as both together are few rows."""
        task = self._keys.find_task(record.task)
        basis = record.basis
        latest = self._execute(_READ_LATEST_FEATURE_COUNTS, (task, basis)).fetchone()

        if latest is not None:
            key, n_rows, stored = latest
            n_merged = n_rows + record.n_rows
            if n_merged <= MAX_MERGED_ROWS:
                counts = np.frombuffer(stored, COUNT_DTYPE) + record.counts
                self._execute(
                    "UPDATE spreads SET n_rows = ?, counts = ? WHERE number = ?",
                    (n_merged, counts.astype(COUNT_DTYPE).tobytes(), key),
                )
                return

        self._execute(
            "INSERT INTO spreads (task, basis, n_rows, counts) VALUES (?, ?, ?, ?)",
            (task, basis, record.n_rows, record.counts.astype(COUNT_DTYPE).tobytes()),
        )
        self._execute(_DELETE_OLD_FEATURE_COUNTS, (task, task, MAX_FEATURE_COUNTS))

    def _write_feedback(self, record: FeedbackRecord) -> bool:
        """Returns True where the label is new; raises NotFound or InvalidRequest where it is refused."""
        prediction = self._read_prediction(record.prediction_id)
        row = _find_row(record, prediction.n_rows)
        true_label = self._find_class(record.label, prediction.model)

        named = group_keys.read_named(prediction.group_keys, row)
        told = None
        if record.group is not None:
            told = group_keys.hash_name(self._read_task(prediction.model), record.group)
            _check_group(record.group, told=told, named=named)

        if not self._insert_true_label(prediction, row, true_label, told):
            if record.group is not None and told != named:
                self._check_first_group(prediction.seq, row, record.group, told=told)
            return False

        label = prediction.read_label(row)
        hit = label == true_label
        self._new_outcomes[prediction.model, hit] += 1
        seq = prediction.seq
        named = named if told is None else told
        group_key = group_keys.find_key(seq, n_rows=prediction.n_rows, named=named)
        self._hits.count(prediction.model, hit=hit, group_key=group_key, seq=seq)
        if prediction.challenger_set is not None:
            self._count_shadows(
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

    def _read_task(self, model: int) -> str:
        """Returns the name of the task of a model."""
        (name,) = self._execute(
            "SELECT tasks.name FROM models JOIN tasks ON tasks.number = models.task WHERE models.number = ?",
            (model,),
        ).fetchone()
        return str(name)

    def _find_class(self, label: str, model: int) -> int:
        """Returns the index of a class of the model; raises InvalidRequest for another."""
        classes = self._keys.read_classes(model)
        if label not in classes:
            raise InvalidRequest(
                f"label: unknown class {label[:200]!r}; classes: {', '.join(classes)}"
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

    def _count_shadows(
        self,
        *,
        seq: int,
        group_key: int,
        champion: int,
        champion_label: int,
        challengers: list[int],
        challenger_labels: list[int],
        probabilities: StoredProbabilities | None,
        true_label: int,
    ) -> None:
        """Counts one labelled row for each challenger that answered it, and for its pair with the champion."""
        champion_hit = champion_label == true_label
        self._challenger_counts.begin(champion, challengers)
        gains: dict[str, list[int]] = {}
        if probabilities is not None:
            gains = find_gains(true_label, probabilities, self._find_costs(champion))

        for place, label in enumerate(challenger_labels):
            if label == NO_ANSWER:
                continue

            hit = label == true_label
            difference = int(hit) - int(champion_hit)
            self._new_outcomes[challengers[place], hit] += 1
            of_this = {metric: each[place] for metric, each in gains.items()}
            of_this[name_recall(true_label)] = difference * ROW_SCALE
            self._challenger_counts.count(
                (champion, challengers[place]),
                difference,
                of_this,
                group_key=group_key,
                seq=seq,
            )

    def _find_costs(self, model: int) -> Costs | None:
        """Returns the costs of a model's task, None where there are none for its classes."""
        costs = self._costs.get(self._read_task(model)) if self._costs else None
        if costs and list(costs.classes) == self._keys.read_classes(model):
            return costs
        return None

    def _add_counts(self) -> None:
        """Adds what this batch has counted to the counts in the file."""
        for task, n_rows in self._new_rows.items():
            self._execute(
                "UPDATE tasks SET kept = kept + ? WHERE number = ?", (n_rows, task)
            )

        for (model, hit), count in self._new_outcomes.items():
            column = "right" if hit else "wrong"
            self._execute(
                f"UPDATE models SET {column} = {column} + ? WHERE number = ?",
                (count, model),
            )

        self._challenger_counts.write()
        self._hits.write()
        self._new_rows.clear()
        self._new_outcomes.clear()

    def _delete_oldest(self) -> None:
        """Deletes whole predictions, the oldest first and never the newest, until there are not too many rows."""
        (n_kept,) = self._execute("SELECT sum(kept) FROM tasks").fetchone()
        n_excess = (n_kept or 0) - self._max_rows
        if n_excess <= 0:
            return

        (newest,) = self._execute("SELECT max(seq) FROM predictions").fetchone()
        deleted_rows = Counter[int]()
        last = None

        for seq, task, n_rows in self._execute(
            "SELECT seq, task, n_rows FROM predictions ORDER BY seq"
        ):
            if n_excess <= 0 or seq == newest:
                break
            n_excess -= n_rows
            deleted_rows[task] += n_rows
            last = seq

        for table in (
            "predictions",
            "shadows",
            "truths",
            "examples",
            "confidences",
            "probabilities",
        ):
            self._execute(f"DELETE FROM {table} WHERE seq <= ?", (last,))
        if last is not None:
            self._challenger_counts.delete_oldest(last)
            self._hits.delete_oldest(last)

        for task, n_rows in deleted_rows.items():
            self._execute(
                "UPDATE tasks SET kept = kept - ? WHERE number = ?", (n_rows, task)
            )

    def _forget_uncommitted(self) -> None:
        """Forgets keys and counts, as a transaction that fails must: what it added is not in the file."""
        self._keys.forget()
        self._recent_seqs: OrderedDict[str, int] = OrderedDict()
        self._new_rows = Counter[int]()
        self._new_outcomes = Counter[tuple[int, bool]]()
        self._challenger_counts.forget()
        self._hits.forget()


def _tabulate_confidences(
    records: list[PredictionRecord], first_seq: int
) -> list[tuple[int, int, bytes]]:
    """Returns the rows of the table `confidences` for predictions whose numbers begin with `first_seq`.

    Those of as many classes are looked through together, which takes a fifth of the time of one after the other.
    """
    by_classes: dict[int, list[tuple[int, Probabilities]]] = {}
    for seq, each in enumerate(records, first_seq):
        if each.probabilities is not None:
            n_classes = each.probabilities.shape[1]
            by_classes.setdefault(n_classes, []).append((seq, each.probabilities))

    rows = []
    for found in by_classes.values():
        table = np.concatenate([probabilities for _, probabilities in found])
        stored = encode_probabilities(table.max(axis=1)).tobytes()
        start = 0

        for seq, probabilities in found:
            end = start + CONFIDENCE_DTYPE.itemsize * len(probabilities)
            rows.append((seq, 0, stored[start:end]))
            start = end

    return rows


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
