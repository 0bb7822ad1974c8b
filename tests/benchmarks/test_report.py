"""The report's tables show medians, and shares of the floor's."""

from __future__ import annotations

from benchmarks import report
from benchmarks.load.closed_loop import ClosedLoopResult


def test_shares_are_of_medians() -> None:
    """The floor's share is 1, and what a contender does not take is a dash."""
    rounds = {
        ("floor", "row", 1): [_closed(100), _closed(200), _closed(300)],
        ("slow", "row", 1): [_closed(10), _closed(50), _closed(90)],
        ("floor", "photo", 1): [_closed(7)],
    }
    assert report.tabulate_rates(rounds, ["row", "photo"], 1, base="floor") == (
        "requests a second, one client\n"
        "       row  photo\n"
        "floor  200      7\n"
        "slow    50      -\n"
        "\n"
        "the same as shares of the floor's, one client\n"
        "        row  photo\n"
        "floor     1      1\n"
        "slow   0.25      -\n"
    )


def _closed(rate: float) -> ClosedLoopResult:
    return ClosedLoopResult(rate=rate, cpu_s_per_1000=1.0, p50_ms=1.0, p99_ms=1.0)
