"""The counts of a journal are read from its file, and counted again from its rows."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from fractions import Fraction

import numpy as np

from service.live.journal.challenger_counts import MEAN_SCALE, scale_mean
from service.live.journal.records import GROUP_DTYPE, LABEL_DTYPE, NO_ANSWER


def count_again(
    connection: sqlite3.Connection,
) -> tuple[dict[str, tuple[int, int]], Counter[tuple[str, str, int]]]:
    """Returns right and wrong of each model, and differences of each pair, from the rows themselves."""
    names = dict(connection.execute("SELECT number, name FROM models"))
    lineups = {
        number: json.loads(text)
        for number, text in connection.execute("SELECT * FROM lineups")
    }
    outcomes = {name: [0, 0] for name in names.values()}
    pairs: Counter[tuple[str, str, int]] = Counter()
    rows = connection.execute(
        "SELECT row, label, model, n_rows, predictions.labels, lineup, shadows.labels FROM truths "
        "JOIN predictions USING (seq) LEFT JOIN shadows USING (seq)"
    )

    for row, truth, model, n_rows, labels, lineup, shadows in rows:
        is_right = int(np.frombuffer(labels, LABEL_DTYPE)[row]) == truth
        outcomes[names[model]][not is_right] += 1
        if lineup is not None:
            table = np.frombuffer(shadows, LABEL_DTYPE).reshape(-1, n_rows)
            for other, label in zip(
                lineups[lineup], table[:, row].tolist(), strict=True
            ):
                if label != NO_ANSWER:
                    outcomes[names[other]][label != truth] += 1
                    pairs[
                        names[model], names[other], int(label == truth) - int(is_right)
                    ] += 1

    return {name: (right, wrong) for name, (right, wrong) in outcomes.items()}, pairs


def read_counts(
    connection: sqlite3.Connection,
) -> tuple[dict[str, tuple[int, int]], Counter[tuple[str, str, int]]]:
    """Returns right and wrong of each model, and differences of each pair, as the file has counted them."""
    outcomes = {
        name: (right, wrong)
        for name, right, wrong in connection.execute(
            "SELECT name, right, wrong FROM models"
        )
    }
    pairs: Counter[tuple[str, str, int]] = Counter()

    for champion, challenger, *counts in connection.execute(
        "SELECT a.name, b.name, better, equal, worse FROM pairs JOIN models a ON champion = a.number "
        "JOIN models b ON challenger = b.number"
    ):
        pairs.update(
            {
                (champion, challenger, each): count
                for each, count in zip((1, 0, -1), counts, strict=True)
                if count
            }
        )

    return outcomes, pairs


def count_groups_again(
    connection: sqlite3.Connection,
) -> Counter[tuple[str, str, Fraction]]:
    """Returns how many groups of each pair have each mean difference, from the rows themselves."""
    names = dict(connection.execute("SELECT number, name FROM models"))
    lineups = {
        number: json.loads(text)
        for number, text in connection.execute("SELECT * FROM lineups")
    }
    rows = connection.execute(
        "SELECT seq, row, label, group_key, model, n_rows, predictions.labels, group_keys, lineup, shadows.labels "
        "FROM truths JOIN predictions USING (seq) JOIN shadows USING (seq)"
    )
    differences: dict[tuple[str, str, int], list[int]] = {}

    for seq, row, truth, told, model, n_rows, labels, keys, lineup, shadows in rows:
        is_right = int(np.frombuffer(labels, LABEL_DTYPE)[row]) == truth
        group = seq
        if keys is not None:
            named = np.frombuffer(keys, GROUP_DTYPE).tolist()
            group = named[row] if len(named) > 1 else named[0]
        if told is not None:
            group = told

        table = np.frombuffer(shadows, LABEL_DTYPE).reshape(-1, n_rows)
        for other, label in zip(lineups[lineup], table[:, row].tolist(), strict=True):
            if label != NO_ANSWER:
                key = names[model], names[other], group
                difference = int(label == truth) - int(is_right)
                differences.setdefault(key, []).append(difference)

    return Counter(
        (champion, challenger, Fraction(scale_mean(len(each), sum(each)), MEAN_SCALE))
        for (champion, challenger, _), each in differences.items()
    )


def read_groups(
    connection: sqlite3.Connection,
) -> Counter[tuple[str, str, Fraction]]:
    """Returns how many groups of each pair have each mean difference, as the file has counted them."""
    found = connection.execute(
        "SELECT a.name, b.name, mean, n_groups FROM means JOIN models a ON champion = a.number "
        "JOIN models b ON challenger = b.number WHERE n_groups <> 0 AND metric = 'accuracy'"
    )
    return Counter(
        {
            (champion, challenger, Fraction(mean, MEAN_SCALE)): n_groups
            for champion, challenger, mean, n_groups in found
        }
    )
