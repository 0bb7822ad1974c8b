"""The latest predictions of a task are read back from the journal: which model answered what, and what was true."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.live.journal.challenger_counts import ACCURACY, HISTORY_DTYPE
from service.live.journal.ids import ID_CHARACTERS, find_age_s
from service.live.journal.reading.window import (
    UNLABELLED,
    Example,
    Gains,
    GroupCounts,
    History,
    HitBlocks,
    Means,
    ModelVersion,
    PairCounts,
    PredictionWindow,
)
from service.live.journal.records import (
    CONFIDENCE_DTYPE,
    COUNT_DTYPE,
    GROUP_DTYPE,
    LABEL_DTYPE,
    MAX_CONFIDENCE,
    NO_ANSWER,
    GroupKeys,
    Labels,
)
from service.live.journal.storage import schema

MAX_EXAMPLES = 20

_READ_PREDICTIONS = (
    "SELECT seq, model, n_rows, predictions.labels, group_keys, lineup, shadows.labels FROM predictions "
    "LEFT JOIN shadows USING (seq) WHERE task = ? ORDER BY seq DESC"
)
_READ_EXAMPLES = (
    "SELECT id, row, n_rows, inputs, model, predictions.labels, lineup, shadows.labels, truths.label "
    "FROM examples JOIN predictions USING (seq) JOIN shadows USING (seq) LEFT JOIN truths USING (seq, row) "
    "WHERE examples.task = ? ORDER BY seq DESC, row LIMIT ?"
)
_READ_UNLABELLED = (
    "SELECT id, row, n_rows, inputs, model, predictions.labels, lineup, shadows.labels, NULL "
    "FROM examples JOIN predictions USING (seq) JOIN shadows USING (seq) "
    "WHERE examples.task = ? AND NOT EXISTS "
    "(SELECT 1 FROM truths WHERE truths.seq = examples.seq AND truths.row = examples.row) "
    "ORDER BY seq DESC, row LIMIT ?"
)
_READ_PAIRS = (
    "SELECT champion, challenger, better, equal, worse, alpha FROM pairs WHERE task = ?"
)
_READ_MEANS = (
    "SELECT champion, challenger, mean, n_groups FROM means JOIN pairs USING (champion, challenger) "
    "WHERE task = ? AND metric = ? AND n_groups > 0"
)
_READ_HISTORY = (
    "SELECT champion, challenger, n_rows, means FROM history JOIN pairs USING (champion, challenger) "
    "WHERE task = ? AND metric = ? ORDER BY n_rows"
)
_READ_HIT_MEANS = (
    "SELECT model, block, mean, n_groups FROM hit_means WHERE model IN "
    "(SELECT models.number FROM models JOIN tasks ON tasks.number = task WHERE tasks.name = ?) "
    "AND n_groups > 0 ORDER BY model, block, mean"
)
_READ_CONFIDENCES = "SELECT seq, lineup, confidences FROM confidences WHERE seq >= ?"
_READ_FEATURE_COUNTS = (
    "SELECT spreads.number, n_rows, counts FROM spreads JOIN tasks ON tasks.number = spreads.task "
    "WHERE tasks.name = ? AND basis = ? ORDER BY spreads.number DESC"
)


class _Prediction(NamedTuple):
    """A row of the query; the last two are None where the prediction has no shadow."""

    seq: int
    model: int
    n_rows: int
    labels: bytes
    group_keys: bytes | None
    challenger_set: int | None
    shadow_labels: bytes | None


def read_window(
    path: Path,
    task: str,
    *,
    max_rows: int,
    metrics: Sequence[str] = (),
    has_histories: bool = False,
) -> PredictionWindow:
    """Reads one state of the file, whoever writes meanwhile; raises sqlite3.Error.

    Of tests by other metrics than accuracy it reads those of `metrics`, as the file names them, and with
    `has_histories` what those had come to after fewer labelled rows.
    """
    with closing(schema.connect_to_read(path)) as connection, _explaining_damage():
        connection.execute("BEGIN")
        found = _TaskReader(connection, task)
        window = found.read_window(max_rows, metrics)
        return replace(
            window, histories=found.read_histories(metrics) if has_histories else None
        )


def read_unlabelled(path: Path, task: str, *, max_rows: int) -> list[Example]:
    """Reads the latest rows on which models disagree, and that nobody has labelled; raises sqlite3.Error."""
    with closing(schema.connect_to_read(path)) as connection, _explaining_damage():
        connection.execute("BEGIN")
        return _TaskReader(connection, task).read_unlabelled(max_rows)


def read_feature_counts(
    path: Path, task: str, *, basis: str, max_rows: int
) -> tuple[int, NDArray[np.int64]] | None:
    """Sums the latest counts of rows by cell, `(n_counts,)`, until they are of `max_rows` rows.

    It returns with them the number of the latest ones, from 1, or None where there are no counts of this basis; raises
    sqlite3.Error.
    """
    with closing(schema.connect_to_read(path)) as connection, _explaining_damage():
        found = []
        n_found = 0

        latest = 0
        for number, n_rows, counts in connection.execute(
            _READ_FEATURE_COUNTS, (task, basis)
        ):
            latest = latest or number
            found.append(np.frombuffer(counts, COUNT_DTYPE))
            n_found += n_rows
            if n_found >= max_rows:
                break

        return (latest, np.sum(found, axis=0, dtype=np.int64)) if found else None


def read_group_counts(
    path: Path, task: str, metrics: Sequence[str] = ()
) -> GroupCounts:
    """Reads what tests and alarms follow from, without the rows; raises sqlite3.Error.

    Of tests by other metrics than accuracy it reads those of `metrics`, as the file names them.
    """
    with closing(schema.connect_to_read(path)) as connection, _explaining_damage():
        connection.execute("BEGIN")
        found = _TaskReader(connection, task)
        return GroupCounts(
            found.read_pairs(), found.read_hits(), found.read_gains(metrics)
        )


@contextmanager
def _explaining_damage() -> Iterator[None]:
    """Raises sqlite3.DatabaseError where rows are not as the journal writes them: the file is damaged, not the code."""
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise sqlite3.DatabaseError("its rows do not fit together") from error


class _TaskReader:
    """Reads what belongs to one task within the transaction that the connection is in."""

    def __init__(self, connection: sqlite3.Connection, task: str) -> None:
        self._execute = connection.execute
        self._name = task
        self._task: int | None = None
        self._n_shed = 0
        self._n_dropped = 0
        found = self._execute(
            "SELECT number, shed, dropped FROM tasks WHERE name = ?", (task,)
        ).fetchone()
        if found is not None:
            self._task, self._n_shed, self._n_dropped = found

        models = self._execute(
            "SELECT number, name, version, classes FROM models WHERE task = ?",
            (self._task,),
        ).fetchall()
        self._models = {key: ModelVersion(*names) for key, *names, _ in models}
        self._n_classes = {key: len(json.loads(classes)) for key, *_, classes in models}
        challenger_sets = self._execute("SELECT number, models FROM lineups")
        self._challenger_sets: dict[int, list[int]] = {
            key: json.loads(models) for key, models in challenger_sets
        }

    def read_window(self, max_rows: int, metrics: Sequence[str]) -> PredictionWindow:
        predictions = self._read_predictions(max_rows)
        labels = self._tabulate_labels(predictions)
        true_labels, groups = self._read_true_labels(predictions)
        (n_lineups,) = self._execute(
            "SELECT coalesce(max(lineup), 0) FROM pairs WHERE task = ?", (self._task,)
        ).fetchone()

        return PredictionWindow(
            labels={
                model: column[:max_rows]
                for model, column in zip(self._models.values(), labels, strict=True)
            },
            true_labels=true_labels[:max_rows],
            groups=groups[:max_rows],
            examples=self._read_examples(),
            pairs=self.read_pairs(),
            n_shed=self._n_shed,
            n_dropped=self._n_dropped,
            n_lineups=n_lineups,
            age_s=self._read_age_s(predictions),
            confidences=self._tabulate_confidences(predictions, max_rows),
            hits=self.read_hits(),
            gains=self.read_gains(metrics),
        )

    def _read_predictions(self, max_rows: int) -> list[_Prediction]:
        """Returns the latest predictions, as few as have `max_rows` rows together."""
        predictions = []
        n_rows = 0

        for found in self._execute(_READ_PREDICTIONS, (self._task,)):
            prediction = _Prediction(*found)
            predictions.append(prediction)
            n_rows += prediction.n_rows
            if n_rows >= max_rows:
                break

        return predictions

    def _tabulate_labels(self, predictions: list[_Prediction]) -> Labels:
        """Returns the labels of all models of the task, `(n_models, n_rows)`."""
        n_rows = sum(each.n_rows for each in predictions)
        table = np.full((len(self._models), n_rows), NO_ANSWER, dtype=np.int64)
        places = {key: place for place, key in enumerate(self._models)}
        start = 0

        for each in predictions:
            rows = slice(start, start + each.n_rows)
            table[places[each.model], rows] = np.frombuffer(each.labels, LABEL_DTYPE)

            if each.challenger_set is not None:
                challengers = self._challenger_sets[each.challenger_set]
                labels = np.frombuffer(each.shadow_labels or b"", LABEL_DTYPE)
                table[[places[key] for key in challengers], rows] = labels.reshape(
                    -1, each.n_rows
                )

            start += each.n_rows

        for key, place in places.items():
            self._check_labels(table[place], self._n_classes[key])

        return table

    def _tabulate_confidences(
        self, predictions: list[_Prediction], max_rows: int
    ) -> dict[ModelVersion, NDArray[np.float64]]:
        """Returns the confidences of each model `(n_rows,)` from 0 to 1, NaN where the file has none."""
        n_rows = sum(each.n_rows for each in predictions)
        table = np.full((len(self._models), n_rows), np.nan)
        places = {key: place for place, key in enumerate(self._models)}
        by_seq = {}
        start = 0
        for each in predictions:
            by_seq[each.seq] = each, slice(start, start + each.n_rows)
            start += each.n_rows

        oldest = min(by_seq, default=0)
        for seq, lineup, stored in self._execute(_READ_CONFIDENCES, (oldest,)):
            if seq not in by_seq:  # it is of another task
                continue

            prediction, rows = by_seq[seq]
            keys = self._challenger_sets[lineup] if lineup else [prediction.model]
            values = np.frombuffer(stored, CONFIDENCE_DTYPE) / MAX_CONFIDENCE
            table[[places[key] for key in keys], rows] = values.reshape(len(keys), -1)

        return {
            model: column[:max_rows]
            for model, column in zip(self._models.values(), table, strict=True)
        }

    def read_hits(self) -> dict[ModelVersion, HitBlocks]:
        hits: dict[ModelVersion, HitBlocks] = {}
        for model, block, mean, n_groups in self._execute(
            _READ_HIT_MEANS, (self._name,)
        ):
            of_model = hits.setdefault(self._models[model], {})
            of_model.setdefault(block, {})[mean] = n_groups

        return hits

    def _check_labels(self, labels: Labels, n_classes: int) -> None:
        """Raises ValueError where a label is no class, and not -1 either."""
        if len(labels) and not -1 <= labels.min() <= labels.max() < n_classes:
            raise ValueError

    def _read_true_labels(
        self, predictions: list[_Prediction]
    ) -> tuple[Labels, GroupKeys]:
        """Returns the true labels and the groups of the rows of these predictions, `(n_rows,)` each."""
        groups = np.concatenate(
            [np.empty(0, np.int64), *(_tabulate_groups(each) for each in predictions)]
        )
        starts: dict[int, int] = {}
        n_rows = 0
        for each in predictions:
            starts[each.seq] = n_rows
            n_rows += each.n_rows

        true_labels = np.full(n_rows, UNLABELLED, dtype=np.int64)
        oldest = min(starts, default=0)

        for seq, row, label, group_key in self._execute(
            "SELECT seq, row, label, group_key FROM truths WHERE seq >= ?", (oldest,)
        ):
            if seq in starts:  # else of another task
                true_labels[starts[seq] + row] = label
                if group_key is not None:
                    groups[starts[seq] + row] = group_key

        self._check_labels(true_labels, max(self._n_classes.values(), default=0))
        return true_labels, groups

    def _read_age_s(self, predictions: list[_Prediction]) -> int:
        """Returns the age of the oldest of these predictions, 0 without any."""
        if not predictions:
            return 0

        (oldest,) = self._execute(
            "SELECT id FROM predictions WHERE seq = ?", (predictions[-1].seq,)
        ).fetchone()
        return find_age_s(oldest) if len(oldest) == ID_CHARACTERS else 0

    def read_unlabelled(self, max_rows: int) -> list[Example]:
        found = self._execute(_READ_UNLABELLED, (self._task, max_rows))
        return [self._make_example(*each) for each in found]

    def _read_examples(self) -> list[Example]:
        found = self._execute(_READ_EXAMPLES, (self._task, MAX_EXAMPLES))
        return [self._make_example(*each) for each in found]

    def _make_example(
        self,
        prediction_id: str,
        row: int,
        n_rows: int,
        inputs: str,
        model: int,
        stored_labels: bytes,
        challenger_set: int,
        shadow_labels: bytes,
        true_label: int | None,
    ) -> Example:
        champion_label = int(np.frombuffer(stored_labels, LABEL_DTYPE)[row])
        table = np.frombuffer(shadow_labels, LABEL_DTYPE).reshape(-1, n_rows)
        challengers = self._challenger_sets[challenger_set]

        labels = {self._models[model]: champion_label}
        for key, label in zip(challengers, table[:, row].tolist(), strict=True):
            labels[self._models[key]] = label

        n_classes = min(self._n_classes[key] for key in (model, *challengers))
        self._check_labels(np.array([*labels.values(), true_label or 0]), n_classes)

        return Example(
            row_id=prediction_id if n_rows == 1 else f"{prediction_id}/{row}",
            inputs=json.loads(inputs),
            labels=labels,
            true_label=UNLABELLED if true_label is None else true_label,
        )

    def read_pairs(self) -> list[PairCounts]:
        means = self._read_means(ACCURACY)
        return [
            PairCounts(
                self._models[champion],
                self._models[challenger],
                (better, equal, worse),
                means.get((champion, challenger), {}),
                alpha,
            )
            for champion, challenger, better, equal, worse, alpha in self._execute(
                _READ_PAIRS, (self._task,)
            )
        ]

    def read_gains(self, metrics: Sequence[str]) -> Gains:
        return {
            metric: {
                (self._models[champion], self._models[challenger]): means
                for (champion, challenger), means in self._read_means(metric).items()
            }
            for metric in metrics
        }

    def read_histories(
        self, metrics: Sequence[str]
    ) -> dict[tuple[ModelVersion, ModelVersion], History]:
        found: dict[tuple[ModelVersion, ModelVersion], History] = {}
        for metric in metrics:
            for champion, challenger, n_rows, stored in self._execute(
                _READ_HISTORY, (self._task, metric)
            ):
                pair = self._models[champion], self._models[challenger]
                means, n_groups = (
                    np.frombuffer(stored, HISTORY_DTYPE).reshape(-1, 2).T.tolist()
                )
                of_pair = found.setdefault(pair, {})
                of_pair.setdefault(n_rows, {})[metric] = dict(
                    zip(means, n_groups, strict=True)
                )

        return found

    def _read_means(self, metric: str) -> dict[tuple[int, int], Means]:
        """Returns the means of each pair's groups by a metric."""
        means: dict[tuple[int, int], Means] = {}
        for champion, challenger, mean, n_groups in self._execute(
            _READ_MEANS, (self._task, metric)
        ):
            means.setdefault((champion, challenger), {})[mean] = n_groups

        return means


def _tabulate_groups(prediction: _Prediction) -> GroupKeys:
    """Returns the group of each row of a prediction, `(n_rows,)`."""
    if prediction.group_keys is None:
        return np.full(prediction.n_rows, prediction.seq)

    keys = np.frombuffer(prediction.group_keys, GROUP_DTYPE)
    return np.broadcast_to(keys, prediction.n_rows)
