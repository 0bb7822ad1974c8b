"""A card counts the training rows in bins that fit the values."""

from __future__ import annotations

import numpy as np
import pytest

from model_card import Distribution
from training.export.distribution import describe_distribution, find_edges


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_many_different_values_fall_into_ten_equal_bins(
    generator: np.random.Generator,
) -> None:
    """The edges are as near to numpy's deciles as the values lie to each other."""
    values = generator.normal(size=1000).astype(np.float32)
    distribution = describe_distribution(values, None)
    assert distribution.counts == (100,) * 10
    assert distribution.edges == pytest.approx(
        np.quantile(values, np.arange(1, 10) / 10), abs=0.01
    )


def test_counts_are_those_of_numpys_histogram(generator: np.random.Generator) -> None:
    """The counts are numpy's over the edges as the card has them, in decimal."""
    values = generator.poisson(2, size=500).astype(np.float32)
    distribution = describe_distribution(values, None)
    counts, _ = np.histogram(values, bins=[-np.inf, *distribution.edges, np.inf])
    assert distribution.counts == tuple(counts)
    assert list(distribution.edges) == [0.5, 1.5, 2.5, 3.5, 4.5]


def test_a_value_that_most_rows_share_has_a_bin_of_its_own() -> None:
    """The lowest or highest value that most rows share has a bin of its own, as an always black pixel."""
    assert describe_distribution(
        column(*[0] * 95, 1, 2, 3, 4, 5), None
    ) == Distribution(edges=(0.5,), counts=(95, 5))
    assert describe_distribution(
        column(*[9] * 95, 1, 2, 3, 4, 5), None
    ) == Distribution(edges=(7.0,), counts=(5, 95))


def test_one_value_has_one_bin() -> None:
    """One value has one bin, since nothing is between it and itself."""
    assert describe_distribution(column(3, 3, 3), None) == Distribution(counts=(3,))


def test_an_edge_between_neighbouring_float32_keeps_them_apart() -> None:
    """An edge keeps neighbouring float32 values apart although their middle is none."""
    low = np.float32(1)
    high = np.nextafter(low, np.float32(2))
    assert find_edges(column(low, high)).tolist() == [high]
    assert describe_distribution(column(low, high), None).counts == (1, 1)


def test_categories_are_counted_by_value_and_gaps_apart() -> None:
    """Categories are counted by value, gaps apart, and a value that only other rows have counts 0."""
    values = column(1, 0, 1, np.nan)
    assert describe_distribution(values, ("a", "b", "c")) == Distribution(
        counts=(1, 2, 0), missing=1
    )
    assert describe_distribution(values, None) == Distribution(
        edges=(0.5,), counts=(1, 2), missing=1
    )
