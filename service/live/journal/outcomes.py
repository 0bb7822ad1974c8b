"""The transaction counts how often each model was right, and how each challenger fared against its champion."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping

from service.live.journal.challenger_counts import (
    ROW_SCALE,
    ChallengerCounts,
    find_gains,
    name_recall,
)
from service.live.journal.hits import Hits
from service.live.journal.records import NO_ANSWER, Costs, StoredProbabilities
from service.live.journal.surrogate_keys import SurrogateKeys


class Outcomes:
    """Counts labelled rows within the transaction that the connection is in; `write` brings the counts into the file.

    Tests are also by the `costs` of a task.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        keys: SurrogateKeys,
        costs: Mapping[str, Costs] | None = None,
    ) -> None:
        self._execute = connection.execute
        self._keys = keys
        self._costs = costs or {}
        self._challenger_counts = ChallengerCounts(connection)
        self._hits = Hits(connection)
        self.forget()

    def forget(self) -> None:
        """Forgets what is not in the file, as a transaction that fails must."""
        self._new_outcomes = Counter[tuple[int, bool]]()
        self._challenger_counts.forget()
        self._hits.forget()

    def count(self, model: int, *, hit: bool, group_key: int, seq: int) -> None:
        """Counts a labelled row that the model answered in the prediction `seq`."""
        self._new_outcomes[model, hit] += 1
        self._hits.count(model, hit=hit, group_key=group_key, seq=seq)

    def count_shadows(
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
        costs = self._costs.get(self._keys.read_task(model)) if self._costs else None
        if costs and list(costs.classes) == self._keys.read_classes(model):
            return costs
        return None

    def write(self) -> None:
        """Adds what this batch has counted to the counts in the file."""
        for (model, hit), count in self._new_outcomes.items():
            column = "right" if hit else "wrong"
            self._execute(
                f"UPDATE models SET {column} = {column} + ? WHERE number = ?",
                (count, model),
            )

        self._challenger_counts.write()
        self._hits.write()
        self._new_outcomes.clear()

    def delete_oldest(self, last: int) -> None:
        """Deletes sums of groups without a labelled row after the prediction `last`; they stay counted."""
        self._challenger_counts.delete_oldest(last)
        self._hits.delete_oldest(last)
