"""This module reads service level objectives, as `p99<50ms,errors<0.1%`, and says what a run shows of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from loadtest.sending.samples import Samples
from service.errors import LoadTestError
from stats.percentiles import Finding, ShareFinding, judge_share, percentile

UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}
USAGE = "terms as p99<50ms, p99.9<0.2s, max<1s and errors<0.1%, with commas between"
_TERM = re.compile(
    r"\s*(?P<what>p\d+(?:\.\d+)?|max|errors)\s*<=?\s*(?P<bound>\d+(?:\.\d+)?)\s*(?P<unit>us|ms|s|%|)\s*",
    re.ASCII,
)
ERRORS = "errors"
MAX = "max"


@dataclass(frozen=True, kw_only=True)
class Objective:
    """This is one term: at most `share` of the requests may be slower than `bound_ms`, or fail where that is None."""

    text: str
    what: str
    share: float
    bound_ms: float | None

    def count_hits(self, samples: Samples) -> int:
        """Returns how many requests were too slow, or failed; one that failed is too slow."""
        if self.bound_ms is None:
            return int((~samples.is_ok).sum())
        return int((samples.judged_latency_ms >= self.bound_ms).sum())

    def observe(self, samples: Samples) -> float:
        """Returns what was seen: milliseconds, or a share of errors."""
        if self.bound_ms is None:
            return self.count_hits(samples) / max(1, len(samples.due_s))
        return percentile(samples.judged_latency_ms, 1 - self.share)

    def judge(self, samples: Samples, *, confidence: float) -> ShareFinding:
        """Says whether the objective is shown with such a confidence, refuted, or neither yet."""
        n_hits = self.count_hits(samples)
        n_rows = len(samples.due_s)
        if self.share == 0:  # no run can show that something never happens
            finding = Finding.REFUTED if n_hits else Finding.SHOWN
            return ShareFinding(
                finding=finding, n_hits=n_hits, n_rows=n_rows, n_more=None
            )

        return judge_share(n_hits, n_rows, share=self.share, confidence=confidence)

    def holds(self, samples: Samples) -> bool:
        """Says whether the figures that were seen are within the bound."""
        return self.count_hits(samples) <= self.share * len(samples.due_s)


def parse(text: str) -> list[Objective]:
    """Returns the terms of an expression; raises LoadTestError."""
    return [_parse_term(term) for term in text.split(",")]


def _parse_term(term: str) -> Objective:
    found = _TERM.fullmatch(term)
    if found is None:
        raise LoadTestError(f"--slo: expected {USAGE}, got {term.strip()!r}")

    what, bound, unit = found["what"], float(found["bound"]), found["unit"]
    text = f"{what}<{found['bound']}{unit}"
    if what == ERRORS:
        share = bound / 100 if unit == "%" else bound
        if unit not in ("", "%") or not 0 <= share < 1:
            raise LoadTestError(f"--slo: {text}: expected a share, as errors<0.1%")
        return Objective(text=text, what=what, share=share, bound_ms=None)

    if unit not in UNITS_MS:
        raise LoadTestError(f"--slo: {text}: expected a time in us, ms or s")

    share = 0.0 if what == MAX else round(1 - float(what[1:]) / 100, 12)
    if not 0 <= share < 1:
        raise LoadTestError(f"--slo: {text}: expected a percentile from p1 to p99.999")

    return Objective(text=text, what=what, share=share, bound_ms=bound * UNITS_MS[unit])


def describe(
    objectives: list[Objective], samples: Samples, *, confidence: float
) -> list[dict[str, Any]]:
    """Returns for each objective what was seen and what that shows, as the result has it."""
    return [_describe(each, samples, confidence) for each in objectives]


def _describe(
    objective: Objective, samples: Samples, confidence: float
) -> dict[str, Any]:
    found = objective.judge(samples, confidence=confidence)
    seen = objective.observe(samples)

    return {
        "objective": objective.text,
        "bound_ms": objective.bound_ms,
        "seen": seen if np.isfinite(seen) else None,
        "holds": objective.holds(samples),
        "finding": found.finding.value,
        "confidence": confidence,
        "over": found.n_hits,
        "requests": found.n_rows,
        "more_requests": found.n_more,
    }


def write_sentence(described: dict[str, Any]) -> str:
    """Returns the finding as a sentence."""
    seen = described["seen"]
    if seen is None:
        figure = "more requests failed than may"
    elif described["objective"].startswith(ERRORS):
        figure = f"{seen:.3%} seen"
    else:
        figure = f"{seen:,.3f} ms seen"

    confidence = f"{described['confidence']:.0%}"
    text = f"{described['objective']}: {figure}, {described['over']:,} of {described['requests']:,} requests over"
    finding = described["finding"]
    if finding == Finding.SHOWN:
        return f"{text}: shown with {confidence} confidence"
    if finding == Finding.REFUTED:
        return f"{text}: refuted with {confidence} confidence"

    return f"{text}: undecided; {described['more_requests']:,} more without one over would show it ({confidence})"
