"""A task's verdict names the classifier that follows from accuracies and results which are known."""

from __future__ import annotations

from typing import Any

from loadtest import verdict


def make_contender(
    name: str,
    accuracy: float,
    *,
    holds: bool = True,
    loop: str = "open",
    why: str = "",
) -> verdict.Contender:
    card = {
        "name": name,
        "metrics": {
            "accuracy": {
                "value": accuracy,
                "interval": [accuracy - 0.02, accuracy + 0.02],
            }
        },
    }
    document: dict[str, Any] = {
        "objectives": [{"holds": holds}],
        "valid": not why,
        "why": why,
        "rate": 200.0,
        "load": {"loop": loop, "rate": 200.0, "concurrency": 4},
        "latency_ms": {"p99": 12.0},
        "repeats": [{"server": {"requests_per_core_s": 900.0}}],
    }
    return verdict.make_contender(card, document)


FAST = make_contender("fast", 0.80)
GOOD = make_contender("good", 0.95)
EQUAL = make_contender("equal", 0.94)
SLOW = make_contender("slow", 0.99, holds=False)
BUSY = "the load generator was the bottleneck"


def test_the_most_accurate_that_keeps_the_objectives_is_named() -> None:
    """A more accurate one that is too slow is not, and intervals that overlap are no test."""
    sentence = verdict.write_verdict(
        [FAST, SLOW, GOOD, EQUAL], task="birds", slo="p99<50ms"
    )
    assert sentence == (
        "The most accurate classifier of birds that keeps p99<50ms at 200 requests/s is good, with an accuracy of "
        "0.950 (0.930 to 0.970). equal, fast keep it too; which accuracies differ is shown by the same rows: "
        "veredicto evaluate --load."
    )


def test_nobody_may_keep_them() -> None:
    """The sentence says so, and there is no best."""
    described = verdict.describe([SLOW], task="birds", slo="p99<50ms")
    assert described["best"] is None
    assert described["verdict"] == (
        "No classifier of birds was seen to keep p99<50ms at 200 requests/s."
    )


def test_a_test_that_says_nothing_is_called_void() -> None:
    """A busy generator explains why an objective was not kept in an open loop, and why it was in a closed one."""
    failed = make_contender("failed", 0.9, holds=False, why=BUSY)
    slowed = make_contender("slowed", 0.9, loop="closed", why=BUSY)
    kept = make_contender("kept", 0.9, why=BUSY)

    assert (failed.keeps, failed.is_void) == (False, True)
    assert (slowed.keeps, slowed.is_void) == (False, True)
    assert (kept.keeps, kept.is_void) == (True, False)
    assert "The tests of failed are void" in verdict.write_verdict(
        [failed], task="a", slo="b"
    )


def test_a_search_says_itself_at_which_rate_a_classifier_keeps_them() -> None:
    """A search is judged by what it found: its last test is at the edge, and may be on the wrong side of it."""
    found = make_contender("found", 0.9, holds=False)
    found.document["search"] = {"rate": 120.0}
    lost = make_contender("lost", 0.9)
    lost.document["search"] = {"rate": None}

    assert (found.keeps, found.rate) == (True, 120)
    assert (lost.keeps, lost.rate) == (False, None)


def test_the_table_has_a_line_for_each_classifier() -> None:
    """The lines stand in the order of the classifiers' accuracy, with what a core answers."""
    described = verdict.describe([FAST, GOOD, SLOW], task="birds", slo="p99<50ms")
    lines = verdict.write_table(described)
    assert [line.split()[0] for line in lines[1:4]] == ["slow", "good", "fast"]
    assert lines[2].split()[-4:] == ["yes", "200", "12.00", "900"]
    assert described["rate"] == 200
