"""Columns that tell the target, by themselves, by their gaps or together, are named before anything is learnt."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest

from tests.support.described_columns import N_ROWS, describe, write
from training.data.column_descriptions import describe_columns

TELLS = "it tells the target by itself in every row: --exclude c unless it is known beforehand"
UNIT = "it is the target in another unit, but for its rounding: --exclude c unless it is known beforehand"


def test_a_column_that_tells_the_target_is_named(
    tmp_path: Path, chance: random.Random, classes: list[object]
) -> None:
    """A copy, a code, a threshold and a multiple of the target are found; a column that is nearly one is not."""
    codes: list[object] = [int(each == "yes") for each in classes]
    numbers: list[object] = [
        round(chance.gauss(10 * (each == "yes"), 1), 3) for each in classes
    ]
    prices: list[object] = [round(chance.lognormvariate(5, 1), 2) for _ in classes]
    taxed: list[object] = [float(str(each)) * 1.21 for each in prices]

    assert TELLS in describe(tmp_path, codes, classes)
    assert TELLS in describe(tmp_path, numbers, classes)
    assert TELLS in describe(tmp_path, taxed, prices)
    one_off = [1 - int(str(codes[0])), *codes[1:]]
    assert describe(tmp_path, one_off, classes) == "a number"
    assert describe(tmp_path, [*taxed[:-1], 1.0], prices) == "a number"


@pytest.mark.parametrize("is_date", [False, True])
def test_a_value_that_only_one_class_has_is_named(
    tmp_path: Path, chance: random.Random, classes: list[object], *, is_date: bool
) -> None:
    """The day of a cancellation stands where there was one, and says so by being there; chance gaps say nothing."""

    def make() -> object:
        day = chance.randint(1, 28)
        return f"2024-05-{day:02d}" if is_date else day + chance.random()

    filled = [make() if each == "yes" else None for each in classes]
    known = sum(each is not None for each in filled)
    assert (
        f"it has a value only where the target is 'yes', in {known} rows: --exclude c unless it is known beforehand"
        in describe(tmp_path, filled, classes)
    )

    some = [each if chance.random() < 0.5 else None for each in filled]
    assert "it has a value only where the target is 'yes'" in (
        describe(tmp_path, some, classes)
    )
    emptied = [None if each is not None else make() for each in filled]
    assert "it has a value only where the target is 'no'" in (
        describe(tmp_path, emptied, classes)
    )
    by_chance = [make() if chance.random() < 0.5 else None for _ in classes]
    assert "only where the target" not in describe(tmp_path, by_chance, classes)


def test_a_target_in_another_unit_is_named(
    tmp_path: Path, chance: random.Random
) -> None:
    """Rounded pounds tell kilograms, as their squares and logarithms do; pounds of another scale do not."""
    kilograms = [round(chance.gauss(70, 12), 1) for _ in range(N_ROWS)]
    pounds = [round(2.20462 * each) for each in kilograms]
    assert UNIT in describe(tmp_path, pounds, kilograms)
    assert TELLS in describe(tmp_path, [each**2 for each in kilograms], kilograms)
    assert TELLS in describe(tmp_path, [*map(math.log, kilograms)], kilograms)

    weighed = [each + chance.choice([-2, 0, 2]) for each in pounds]
    assert describe(tmp_path, weighed, kilograms) == "a number"


def test_columns_that_make_up_the_target_together_are_named(
    tmp_path: Path, chance: random.Random
) -> None:
    """Riders are the casual and the registered ones, and a bill is the quantity times the price."""
    riders = [(chance.randint(0, 99), chance.randint(0, 300)) for _ in range(N_ROWS)]
    bills = [(chance.randint(1, 9), chance.randint(99, 3000) / 100) for _ in riders]
    other = [chance.random() for _ in riders]
    said = (
        "'a', 'b' tell the target together in every row, as its parts do: --exclude a b unless they are known "
        "beforehand"
    )
    for parts, target in (
        (riders, [a + b for a, b in riders]),
        (bills, [round(a * b, 2) for a, b in bills]),
    ):
        first, second = zip(*parts, strict=True)
        columns = {"a": first, "b": second, "other": other, "y": target}
        assert said in describe_columns(write(tmp_path, columns), target="y")

        columns["y"] = [each + chance.choice([-9, 9]) for each in target]
        assert not any(
            "together" in line
            for line in describe_columns(write(tmp_path, columns), target="y")
        )


def test_a_measurement_of_two_classes_is_no_other_unit_of_them(
    tmp_path: Path, chance: random.Random
) -> None:
    """Any narrow column is near a line through 0 and 1, as a temperature of active and of resting animals."""
    active = [chance.randint(0, 1) for _ in range(N_ROWS)]
    warmth = [round(37 + 0.7 * each + chance.uniform(-0.4, 0.4), 2) for each in active]
    assert describe(tmp_path, [*warmth], [*active]) == "a number"
