"""Changed correlations are seen that no feature shows by itself, and unchanged ones are rarely called changed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model_card import Distribution, Feature
from service.contract.live_answers import CorrelationDrift
from service.live import drift
from service.live.correlations import SCALE, Correlations
from service.live.drift import ROWS_A_PART
from service.live.drift_cells import DriftCells

N_CELLS = 10
EDGES = tuple(float(each) for each in np.round(np.linspace(-1.6, 1.6, N_CELLS - 1), 2))


def make_cells(n_features: int, *, n_training: int = 455, seed: int = 0) -> DriftCells:
    """Returns cells of normal features, counted on as many training rows."""
    rows = np.random.default_rng(seed).normal(size=(n_training, n_features))
    return DriftCells(
        tuple(
            Feature(
                name=f"x{number}",
                type="number",
                range=(float(column.min()), float(column.max())),
                distribution=Distribution(
                    counts=tuple(
                        np.bincount(
                            np.searchsorted(EDGES, column), minlength=N_CELLS
                        ).tolist()
                    ),
                    edges=EDGES,
                ),
            )
            for number, column in enumerate(rows.T)
        )
    )


def draw(
    generator: np.random.Generator, n_rows: int, n_features: int, correlation: float
) -> np.ndarray:
    """Returns rows of standard normal features, each two of which have this correlation."""
    common = generator.normal(size=(n_rows, 1))
    own = generator.normal(size=(n_rows, n_features))
    rows = math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own
    return rows.astype(np.float32)


def look(
    correlations: Correlations,
    cells: DriftCells,
    window: np.ndarray,
    held_out: np.ndarray | None,
) -> CorrelationDrift:
    return correlations.describe(
        correlations.count(window), cells.count(window), held_out
    )


def count_alarms(
    *, n_features: int, correlation: float, n_held_out: int, n_rows: int, n_samples: int
) -> float:
    """Returns the share of samples without a change in which any pair is called changed at one look."""
    generator = np.random.default_rng(n_held_out + n_rows)
    cells = make_cells(n_features)
    correlations = Correlations(cells)
    n_alarms = 0
    for _ in range(n_samples):
        window = draw(generator, n_rows, n_features, correlation)
        held_out = draw(generator, n_held_out, n_features, correlation)
        n_alarms += look(correlations, cells, window, held_out)["changed"] > 0

    return n_alarms / n_samples


@pytest.mark.parametrize("n_held_out", [36, 114])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_unchanged_correlations_are_rarely_called_changed(
    correlation: float, n_held_out: int
) -> None:
    """A changed pair is found in at most 5 % of 100 samples without a change, give or take the error of so few."""
    share = count_alarms(
        n_features=5,
        correlation=correlation,
        n_held_out=n_held_out,
        n_rows=300,
        n_samples=100,
    )
    assert share <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 100)


@pytest.mark.long
@pytest.mark.parametrize("n_rows", [100, 300, 5_000])
@pytest.mark.parametrize("n_held_out", [36, 114, 455])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_false_alarms_keep_to_six_percent(
    correlation: float, n_held_out: int, n_rows: int
) -> None:
    """A changed pair is found at one look in at most 6 % of samples, and three standard errors, in 27 worlds."""
    n_samples = 400
    share = count_alarms(
        n_features=10,
        correlation=correlation,
        n_held_out=n_held_out,
        n_rows=n_rows,
        n_samples=n_samples,
    )
    assert share <= 0.06 + 3 * math.sqrt(0.06 * 0.94 / n_samples)


@pytest.mark.parametrize(
    ("n_streams", "n_looks"),
    [(40, 40), pytest.param(300, 150, marks=pytest.mark.long)],
)
def test_looking_again_and_again_keeps_to_the_level(
    n_streams: int, n_looks: int
) -> None:
    """A changed pair is ever found in at most 6 % of streams without a change, looked at after each 10 rows."""
    generator = np.random.default_rng(12)
    cells = make_cells(5)
    correlations = Correlations(cells)
    n_alarms = 0
    for _ in range(n_streams):
        held_out = draw(generator, 114, 5, 0.5)
        sums = np.zeros(correlations.n_counts, np.int64)
        counts = np.zeros(cells.n_counts, np.int64)
        for number in range(n_looks):
            rows = draw(generator, 10, 5, 0.5)
            sums += correlations.count(rows)
            counts += cells.count(rows)
            found = correlations.describe(
                sums, counts, held_out, look=1 + 10 * number // ROWS_A_PART
            )
            if found["changed"]:
                n_alarms += 1
                break

    assert n_alarms / n_streams <= 0.06 + 3 * math.sqrt(0.06 * 0.94 / n_streams)


@pytest.mark.parametrize("n_held_out", [36, 114])
def test_a_changed_correlation_is_seen_that_no_feature_shows(n_held_out: int) -> None:
    """Independent features that have a correlation of 0.9 now are found on 100 rows, and no feature has drifted."""
    generator = np.random.default_rng(4)
    cells = make_cells(10)
    correlations = Correlations(cells)
    held_out = draw(generator, n_held_out, 10, 0.0)
    n_seen = 0
    n_drifted = 0
    for _ in range(20):
        window = draw(generator, 100, 10, 0.9)
        n_seen += look(correlations, cells, window, held_out)["changed"] > 0
        n_drifted += bool(drift.describe(cells, cells.count(window))["drifted"])

    assert n_seen == 20
    assert n_drifted <= 4


def test_correlations_from_counts_are_those_of_numpy() -> None:
    """Mean products and counts of cells give Pearson's correlations of the scores."""
    cells = make_cells(4)
    correlations = Correlations(cells)
    rows = draw(np.random.default_rng(9), 60, 4, 0.5)
    scores = correlations._scores[cells.find_cells(rows)]
    products = correlations.multiply(rows).mean(axis=0)
    found = correlations._correlate(products, cells.count(rows))
    assert found == pytest.approx(np.corrcoef(scores.T)[np.triu_indices(4, 1)])


def test_the_pair_that_has_changed_is_named() -> None:
    """The two of four features that go together now come first, with both correlations, and they alone changed."""
    generator = np.random.default_rng(5)
    held_out = draw(generator, 200, 4, 0.0)
    window = draw(generator, 1_000, 4, 0.0)
    window[:, 3] = 0.9 * window[:, 1] + math.sqrt(0.19) * window[:, 3]
    cells = make_cells(4)
    found = look(Correlations(cells), cells, window, held_out)

    assert found["changed"] == 1
    first = found["pairs"][0]
    assert (first["features"], first["changed"]) == (("x1", "x3"), True)
    assert first["window"] == pytest.approx(0.9, abs=0.06)
    assert abs(first["held_out"]) < 0.25
    assert not any(each["changed"] for each in found["pairs"][1:])


def test_sums_are_those_of_the_products() -> None:
    """Sums of rows counted apart add up to those counted together, and are the products' within rounding."""
    generator = np.random.default_rng(6)
    correlations = Correlations(make_cells(3))
    rows = draw(generator, 2_000, 3, 0.5)
    sums = correlations.count(rows)
    parts = correlations.count(rows[:700]) + correlations.count(rows[700:])
    assert (sums == parts).all()

    products = correlations.multiply(rows)
    both = np.concatenate([products.sum(axis=0), (products**2).sum(axis=0)])
    assert sums / SCALE == pytest.approx(both, abs=2_000 / SCALE)


def test_what_cannot_be_compared_says_why() -> None:
    """A window without held-out rows, or of few rows, has a reason and no pair; one feature has no pairs."""
    generator = np.random.default_rng(7)
    cells = make_cells(3)
    correlations = Correlations(cells)
    rows = draw(generator, 100, 3, 0.0)
    without = look(correlations, cells, rows, None)
    assert "no held-out rows of the task" in without["reason"]
    assert "30 rows" in look(correlations, cells, rows[:29], rows)["reason"]
    cells = make_cells(1)
    alone = look(Correlations(cells), cells, rows[:, :1], rows[:, :1])
    assert (alone["changed"], alone["pairs"]) == (0, [])


def test_of_many_features_so_many_pairs_are_drawn() -> None:
    """Sixty-four features have 2,016 pairs, of which 512 are followed, the same each time."""
    first, second = (Correlations(make_cells(64)) for _ in range(2))
    assert first.n_counts == second.n_counts == 2 * 512
    rows = draw(np.random.default_rng(8), 50, 64, 0.3)
    assert (first.count(rows) == second.count(rows)).all()
