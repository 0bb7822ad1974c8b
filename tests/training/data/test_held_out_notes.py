"""Held-out rows that are no news are told so: those of known groups, of days in between, and of codes of classes."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from training.data.column_descriptions import describe_columns

N_ROWS = 200
GROUP = "rows of one value are learnt and held out alike"
TIME = "neighbours in time have alike targets"


def describe(folder: Path, columns: Mapping[str, Sequence[object]]) -> list[str]:
    """Returns what is said of a table of these columns, whose target is `y`."""
    path = folder / "my.csv"
    pl.DataFrame(columns, strict=False).write_csv(path)
    return describe_columns(path, target="y")


def test_groups_of_rows_with_one_target_are_named(
    tmp_path: Path, chance: random.Random
) -> None:
    """Forty farms of five rows, each of which has one class, are groups, and where rows differ they are none."""
    farms = [f"farm {at // 5}" for at in range(N_ROWS)]
    same = [("no", "yes")[at // 5 % 3 == 0] for at in range(N_ROWS)]
    mixed = [chance.choice(["no", "yes"]) for _ in range(N_ROWS)]

    (said, *_) = describe(tmp_path, {"place": farms, "y": same})
    assert GROUP in said
    assert "--exclude place, and keep" in said
    (said, *_) = describe(tmp_path, {"place": farms, "y": mixed})
    assert GROUP not in said


@pytest.mark.parametrize(
    ("name", "is_group"),
    [("patient_id", True), ("Patient", True), ("subject", True), ("age", False)],
)
def test_groups_are_told_by_their_name(
    tmp_path: Path, chance: random.Random, name: str, *, is_group: bool
) -> None:
    """Whole numbers with several rows each that are called so are groups, whatever their targets."""
    numbers = [20 + at // 4 for at in range(N_ROWS)]
    classes = [chance.choice(["no", "yes"]) for _ in range(N_ROWS)]
    (said, *_) = describe(tmp_path, {name: numbers, "y": classes})
    assert (GROUP in said) == is_group


def test_few_equal_targets_are_chance(tmp_path: Path, chance: random.Random) -> None:
    """Texts of which a few are there twice with one class, as most rows have, are no groups."""
    texts = [f"v{at % 180}" for at in range(N_ROWS)]
    classes = ["yes" if at == 90 else "no" for at in range(N_ROWS)]
    (said, *_) = describe(tmp_path, {"code": texts, "y": classes})
    assert GROUP not in said


@pytest.mark.parametrize("is_number", [True, False])
@pytest.mark.parametrize("is_alike", [True, False])
def test_targets_that_follow_time_are_named(
    tmp_path: Path, chance: random.Random, *, is_number: bool, is_alike: bool
) -> None:
    """A number that grows by the day, and a class of each season, are named, and those of chance are not."""
    days = [dt.date(2022, 1, 1) + dt.timedelta(days=2 * at) for at in range(N_ROWS)]
    numbers = [at + chance.gauss(0, 3) for at in range(N_ROWS)]
    targets: list[object] = [
        number if is_number else ("cold", "warm")[day.month in range(5, 10)]
        for day, number in zip(days, numbers, strict=True)
    ]
    if not is_alike:
        chance.shuffle(targets)
    order = chance.sample(range(N_ROWS), N_ROWS)
    columns = {"day": [days[at] for at in order], "y": [targets[at] for at in order]}

    (said, *_) = describe(tmp_path, columns)
    assert (TIME in said) == is_alike


def test_a_target_of_several_codes_is_told_by_the_others(
    tmp_path: Path, chance: random.Random
) -> None:
    """Two of three columns tell the third where one is 1 in each row; two that are not exclusive say nothing."""
    kinds = [chance.choice("abc") for _ in range(N_ROWS)]
    codes = {each: [int(kind == each) for kind in kinds] for each in "ab"}
    target = [int(kind == "c") for kind in kinds]
    other = [chance.randint(0, 1) for _ in kinds]
    said = (
        "of 'a', 'b' and the target one is set in each row, so that the others tell it: "
        "--exclude a b"
    )

    assert said in describe(tmp_path, {**codes, "other": other, "y": target})
    assert said not in describe(tmp_path, {"a": codes["a"], "b": other, "y": target})
