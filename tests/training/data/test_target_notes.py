"""A target that is odd is told so before it is learnt."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from training.data.column_descriptions import describe_columns

N_ROWS = 200


def write(folder: Path, columns: Mapping[str, Sequence[object]]) -> Path:
    path = folder / "my.csv"
    pl.DataFrame(columns, strict=False).write_csv(path)
    return path


@pytest.mark.parametrize(
    ("answers", "note"),
    [
        (["yes", "no", "N.A."], "'N.A.' is learnt as an answer: empty these cells"),
        (["0", "1", "-9"], "-9 is learnt as an answer: empty these cells"),
        (["1", "2", "99"], "99 is learnt as an answer: empty these cells"),
        (["7", "8", "9"], ""),
        (
            ["cat", "dog", "cat;dog", "bird;dog"],
            "each list is a class by itself, though they look like several values in a cell",
        ),
    ],
)
def test_classes_that_may_be_no_answer_or_several_are_named(
    tmp_path: Path, chance: random.Random, answers: list[str], note: str
) -> None:
    """A class for a gap, or for a list of classes, is learnt and said beside the target."""
    target = [chance.choice(answers) for _ in range(N_ROWS)]
    columns = {"c": [chance.random() for _ in target], "y": target}
    said = describe_columns(write(tmp_path, columns), target="y")[1]
    assert said.startswith("y: the target")
    assert note in said
    assert bool(note) is ("learnt as an answer" in said or "each list" in said)


def test_a_target_over_many_orders_is_named(
    tmp_path: Path, chance: random.Random
) -> None:
    """Prices from cents to millions are learnt, and what decides the error is said; prices of one kind are not."""
    feature = [chance.random() for _ in range(N_ROWS)]
    wide = [10 ** (6 * each) for each in feature]
    narrow = [10 + each for each in feature]
    for target, is_said in ((wide, True), (narrow, False)):
        path = write(tmp_path, {"c": feature, "y": target})
        said = describe_columns(path, target="y")[1]
        assert ("orders of magnitude" in said) is is_said


@pytest.mark.parametrize("kind", [pl.Int8, pl.UInt8, pl.Int16, pl.UInt32, pl.UInt64])
def test_a_target_of_a_narrow_type_is_described(
    tmp_path: Path, chance: random.Random, kind: type[pl.DataType]
) -> None:
    """Classes of eight bits, as data frames of little memory have them in Parquet, are looked at as any others."""
    path = tmp_path / "my.parquet"
    answers = [chance.choice([1, 2, 3, 99]) for _ in range(N_ROWS)]
    columns = {"a": range(N_ROWS), "y": pl.Series(answers, dtype=kind)}
    pl.DataFrame(columns).write_parquet(path)
    said = describe_columns(path, target="y")[1]
    assert (
        said
        == "y: the target (99 is learnt as an answer: empty these cells if it marks a gap)"
    )
