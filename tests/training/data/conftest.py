"""Values of small tables are drawn at random, from a seed, for the tests of what is said of their columns."""

from __future__ import annotations

import random

import pytest

from tests.support.described_columns import N_ROWS


@pytest.fixture
def chance() -> random.Random:
    """The draws begin anew with each test."""
    return random.Random(0)


@pytest.fixture
def classes(chance: random.Random) -> list[object]:
    """A target of two classes is drawn ahead of a test's other columns."""
    return [chance.choice(["no", "yes"]) for _ in range(N_ROWS)]
