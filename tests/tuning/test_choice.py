"""Candidates whose figures are known are told from the default or not, and some are on the front."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest

from tuning import choice
from tuning.candidates import Candidate
from tuning.choice import MEMORY, RATE
from tuning.halving import Halving, HalvingResult
from tuning.measurement import Figures


def make_candidate(workers: int) -> Candidate:
    return Candidate(workers=workers, threads=1, max_batch_rows=16, request_threads=2)


DEFAULT, OTHER = make_candidate(1), make_candidate(2)


def make_figures(rate: float | None, memory_mib: float = 100.0) -> Figures:
    return Figures(rate=rate, p99_ms=5.0, memory_mib=memory_mib)


def choose(
    theirs: Sequence[Figures], ours: Sequence[Figures], goal: str = RATE
) -> choice.Choice:
    finals = {DEFAULT: list(theirs), OTHER: list(ours)}
    found = HalvingResult(figures=finals, finals=finals, is_cut_short=False)
    return choice.choose(goal, found, DEFAULT)


def test_a_faster_one_is_taken() -> None:
    """A candidate that is faster in each round by more than a search's step is taken."""
    theirs = [make_figures(rate) for rate in (100, 104, 98, 101, 99)]
    ours = [make_figures(rate) for rate in (150, 160, 149, 152, 147)]
    found = choose(theirs, ours)

    assert (found.candidate, found.is_default) == (OTHER, False)
    assert found.ratio is not None
    assert found.ratio.low > 1.3


@pytest.mark.parametrize(
    "rates", [(102, 99, 130, 90, 105), (104, 104, 104, 104, 104), (50, 60, 55, 50, 50)]
)
def test_within_noise_the_default_is_kept(rates: tuple[float, ...]) -> None:
    """Differences that are uncertain, or smaller than a search's step, or for the worse, change nothing."""
    found = choose([make_figures(100.0)] * 5, [make_figures(rate) for rate in rates])
    assert (found.candidate, found.is_default) == (DEFAULT, True)
    assert "noise" in found.why


def test_two_rounds_show_nothing() -> None:
    """The default is kept, and the reason is given."""
    found = choose([make_figures(100.0)] * 2, [make_figures(900.0)] * 2)
    assert found.is_default
    assert "3 are needed" in found.why


def test_less_memory_is_taken_only_where_the_objective_is_kept() -> None:
    """Half of the memory is better, unless a round failed."""
    theirs = [make_figures(200.0, memory) for memory in (200, 201, 199)]
    ours = [make_figures(200.0, memory) for memory in (100, 101, 102)]
    assert choose(theirs, ours, MEMORY).candidate == OTHER
    failed = [*ours[:2], make_figures(None, 100)]
    assert choose(theirs, failed, MEMORY).is_default


def test_the_front_has_those_that_nobody_beats() -> None:
    """The slower one that takes more memory is not on it, and neither is one that keeps no rate."""
    figures = {1: (100.0, 100.0), 2: (200.0, 180.0), 3: (90.0, 120.0), 4: (None, 50.0)}
    summaries = [
        choice.summarise(make_candidate(workers), [make_figures(*each)])
        for workers, each in figures.items()
    ]
    front = choice.find_front(summaries)
    assert [each.candidate.workers for each in front] == [1, 2]


def test_the_better_half_is_measured_again_and_the_last_ones_often() -> None:
    """The default is in every round, and final rounds are counted apart."""
    measured: list[int] = []

    def measure(candidate: Candidate, repeat: int) -> Figures:
        measured.append(candidate.workers)
        return make_figures(100.0 * candidate.workers)

    halving = Halving(
        measure=measure,
        score=partial(choice.score, RATE),
        repeats=3,
        budget_s=100,
        seed=0,
        clock=lambda: 0.0,
    )
    found = halving.run([make_candidate(workers) for workers in range(1, 10)])
    assert {workers: measured.count(workers) for workers in range(1, 10)} == (
        {1: 5, 2: 1, 3: 1, 4: 1, 5: 1, 6: 2, 7: 2, 8: 5, 9: 5}
    )
    assert {each.workers: len(figures) for each, figures in found.finals.items()} == (
        {1: 3, 8: 3, 9: 3}
    )
    assert not found.is_cut_short


def test_no_measurement_begins_after_the_budget() -> None:
    """Rounds that were measured are kept, and nothing is compared of rounds that are not whole."""
    times = iter(range(100))
    halving = Halving(
        measure=lambda *_: make_figures(100.0),
        score=partial(choice.score, RATE),
        repeats=3,
        budget_s=2,
        seed=0,
        clock=lambda: float(next(times)),
    )
    found = halving.run([make_candidate(workers) for workers in range(1, 6)])

    assert 0 < len(found.figures) < 5
    assert found.finals == {}
    assert found.is_cut_short
