"""Rows belong together here where a column says so, or where they are equal."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stats.groups import join_groups, number_groups

Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """`groups` `(n_rows,)` are numbers of groups from 0, None where each row is by itself.

    `column` is the one that says so, None where only equal rows are in a group; `n_equal` rows repeat others.
    """

    groups: Numbers | None
    column: str | None
    n_equal: int


EACH_BY_ITSELF = Grouping(groups=None, column=None, n_equal=0)


def find_groups(
    contents: Sequence[Hashable],
    *,
    column: str | None = None,
    values: Sequence[str | None] | None = None,
    joins_equal: bool = True,
) -> Grouping:
    """Returns the groups of rows with these contents, and with these values of the column where there is one.

    Equal rows are in one group, also where the column parts them, unless they are draws of their own that happen to be
    equal, as rows of a few categories are. A row without a value is by itself.
    """
    equal = _number(contents if joins_equal else range(len(contents)))
    n_equal = len(equal) - int(equal.max()) - 1
    groups = equal
    if values is not None:
        keys = [(value is None, value or row) for row, value in enumerate(values)]
        groups = join_groups(_number(keys), equal)

    if int(groups.max()) + 1 == len(groups):
        return Grouping(groups=None, column=column, n_equal=0)

    return Grouping(groups=groups, column=column, n_equal=n_equal)


def write_grouping(grouping: Grouping) -> dict[str, Any]:
    """Returns the grouping as evidence keeps it."""
    return {
        "column": grouping.column,
        "n_equal": grouping.n_equal,
        "groups": grouping.groups,
    }


def read_grouping(written: dict[str, Any]) -> Grouping:
    """Returns the grouping that evidence keeps; raises KeyError, TypeError or ValueError for what is none."""
    groups = written["groups"]
    numbers = None
    if groups is not None:
        numbers = number_groups(np.array(groups, dtype=np.int64))

    return Grouping(
        groups=numbers, column=written["column"], n_equal=written["n_equal"]
    )


def _number(keys: Sequence[Hashable]) -> Numbers:
    """Returns a number for each key, in the order in which they first occur."""
    numbers: dict[Hashable, int] = {}
    found = [numbers.setdefault(key, len(numbers)) for key in keys]

    return np.array(found, dtype=np.int64)
