"""Series of model versions that are no longer served end some time after that, or each reload would add some for ever.

A scraper sees the last counts of a version meanwhile. What is dropped is gone from all metrics at once; they are not
added to another series, whose rate would then jump.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import Any

from service.execution import gauges, metric_files

RETAINED_S = 600.0
"""A version's series stay for so long after it was last served."""
MAX_RETIRED = 64
"""More versions than these are dropped earlier, the first retired first."""
LOOK_S = 1.0

Labels = tuple[str, str]
"""The name and the version of a model."""


class RetiredSeries:
    """This knows the versions that one worker has served; only the event loop calls it."""

    def __init__(
        self,
        metrics: Sequence[Any],
        others: Sequence[Any] = (),
        *,
        retained_s: float = RETAINED_S,
    ) -> None:
        self._metrics = (*metrics, *others)
        self._names = {each._name for each in metrics}
        """These count served models alone: a version of a worker before this one is none that is served now."""
        self._retained_s = retained_s
        self._known: set[Labels] = set()
        self._retired_s: dict[Labels, float] = {}
        self._next_look_s = 0.0
        self._inherited_until_s = monotonic() + retained_s

    def look(self, served: Iterable[Labels]) -> None:
        """Drops what was retired for long enough; it may be called often."""
        now_s = monotonic()
        if now_s < self._next_look_s:
            return

        self._next_look_s = now_s + LOOK_S
        self._note(set(served), now_s)
        gone = self._take_gone(now_s)
        has_inherited = now_s >= self._inherited_until_s
        if gone or has_inherited:
            self._inherited_until_s = float("inf")
            self._drop(gone, has_inherited=has_inherited)

    def _note(self, served: set[Labels], now_s: float) -> None:
        for labels in served:
            self._retired_s.pop(labels, None)
        for labels in self._known - served:
            self._retired_s.setdefault(labels, now_s)
        self._known |= served

    def _take_gone(self, now_s: float) -> set[Labels]:
        """Returns the versions whose time is over, and forgets them."""
        n_surplus = len(self._retired_s) - MAX_RETIRED
        gone = {
            labels
            for position, (labels, since_s) in enumerate(self._retired_s.items())
            if position < n_surplus or now_s - since_s >= self._retained_s
        }
        for labels in gone:
            del self._retired_s[labels]
        self._known -= gone

        return gone

    def _drop(self, gone: set[Labels], *, has_inherited: bool) -> None:
        """Drops series here at once, and from the files in a thread, which may have to wait for a scrape."""
        for metric in self._metrics:
            metric_files.forget_children(metric, gone)
        gauges.forget(gone)

        known = frozenset(self._known)

        def is_dropped(metric: str, labels: dict[str, str]) -> bool:
            name, version = labels.get("model"), labels.get("version")
            if name is None or version is None:
                return False
            is_unknown = metric in self._names and (name, version) not in known
            return (name, version) in gone or (has_inherited and is_unknown)

        threading.Thread(
            target=metric_files.drop_series,
            args=(is_dropped,),
            name="retired series",
            daemon=True,
        ).start()
