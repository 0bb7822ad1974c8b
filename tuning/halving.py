"""Successive halving measures all candidates once, the better half again, and the last ones often.

The method is that of Jamieson and Talwalkar, AISTATS (2016) 240. Each round goes through its candidates in a new random
order, so that what else the machine does falls on all of them; the default is in every round, to be compared with.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tuning.candidates import Candidate
from tuning.measurement import Figures

MAX_FINALISTS = 2
"""So many candidates are compared with the default in the end."""

Measure = Callable[[Candidate, int], Figures]
Score = Callable[[Sequence[Figures]], float]


@dataclass(frozen=True, kw_only=True)
class HalvingResult:
    """A HalvingResult has all figures of each candidate, and of the finalists one for each whole final round."""

    figures: dict[Candidate, list[Figures]]
    finals: dict[Candidate, list[Figures]]
    is_cut_short: bool


@dataclass(kw_only=True)
class Halving:
    """This measures candidates until few are left; `score` is the larger the better."""

    measure: Measure
    score: Score
    repeats: int
    budget_s: float
    seed: int
    clock: Callable[[], float] = time.monotonic
    _figures: dict[Candidate, list[Figures]] = field(default_factory=dict)
    _n_rounds: int = 0

    def run(self, candidates: Sequence[Candidate]) -> HalvingResult:
        """Returns what was found of the candidates, of which the first is the default."""
        default, *rivals = candidates
        until_s = self.clock() + self.budget_s
        is_whole = True
        while is_whole and len(rivals) > MAX_FINALISTS:
            is_whole = self._run_round([default, *rivals], until_s)
            if is_whole:
                rivals = self._keep_half(rivals)

        finals: dict[Candidate, list[Figures]] = {}
        if is_whole:
            finals = self._run_finals([default, *rivals], until_s)

        n_finals = len(finals.get(default, ()))
        return HalvingResult(
            figures=self._figures, finals=finals, is_cut_short=n_finals < self.repeats
        )

    def _keep_half(self, rivals: Sequence[Candidate]) -> list[Candidate]:
        ordered = sorted(rivals, key=self._score, reverse=True)
        return ordered[: max(MAX_FINALISTS, len(rivals) // 2)]

    def _score(self, candidate: Candidate) -> float:
        return self.score(self._figures[candidate])

    def _run_finals(
        self, candidates: Sequence[Candidate], until_s: float
    ) -> dict[Candidate, list[Figures]]:
        """Returns the figures of the final rounds alone: those before have chosen, and chance favours the chosen."""
        begins = {each: len(self._figures.get(each, ())) for each in candidates}
        n_whole = 0
        while n_whole < self.repeats and self._run_round(candidates, until_s):
            n_whole += 1

        return {
            each: self._figures.get(each, [])[begin : begin + n_whole]
            for each, begin in begins.items()
        }

    def _run_round(self, candidates: Sequence[Candidate], until_s: float) -> bool:
        """Measures each candidate once; returns False where the time ran out before the last one."""
        order = list(candidates)
        # The first one that is measured says at which rate latencies are compared: in round 0 it is the default.
        if self._n_rounds:
            random.Random(self.seed + self._n_rounds).shuffle(order)

        self._n_rounds += 1
        for each in order:
            if self._figures and self.clock() >= until_s:
                return False
            figures = self.measure(each, self._n_rounds)
            self._figures.setdefault(each, []).append(figures)

        return True
