"""Nested lists of numbers become the arrays that numpy would make of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.contract.arrays import to_vector
from service.contract.codec import to_matrix

NUMBERS = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53)


@given(st.lists(NUMBERS))
def test_a_vector_is_numpys(values: list[float]) -> None:
    """A list of numbers, also an empty one, becomes numpy's vector."""
    assert np.array_equal(to_vector(values), np.array(values, dtype=np.float64))


@given(
    st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(NUMBERS, min_size=n, max_size=n), min_size=1)
    )
)
def test_a_matrix_is_numpys(rows: list[list[float]]) -> None:
    """A list of equally long lists becomes numpy's matrix, row by row."""
    assert np.array_equal(to_matrix(rows), np.array(rows, dtype=np.float64))


@pytest.mark.parametrize("rows", [[], [[]], [[], []], [[1.0], [1.0, 2.0]], [[1.0], []]])
def test_rows_of_no_matrix_are_none(rows: list[list[float]]) -> None:
    """Rows that make no matrix give None: they stay lists, and the model refuses them with words."""
    assert to_matrix(rows) is None
