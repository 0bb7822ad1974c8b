"""These are the counts of the live comparison for Prometheus: journal, shadow, alarms and drift, shown at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import Counter, Gauge

from service.contract.live_answers import Drift
from service.execution import allocated_file

allocated_file.install()

_MODEL = ["model", "version"]
_LATEST: Any = {"multiprocess_mode": "mostrecent"}

_written = Counter(
    "veredicto_journal_predictions",
    "Predictions, by rows, that were written to the journal",
)
_dropped = Counter(
    "veredicto_journal_dropped", "Predictions, by rows, that the journal could not keep"
)
_accepted = Counter(
    "veredicto_feedback_accepted",
    "True classes of predictions that were accepted, each once",
)
_refused = Counter(
    "veredicto_feedback_refused",
    "True classes of predictions that the journal could not keep, answered 503",
)
_journal_failures = Counter(
    "veredicto_journal_failures",
    "Times that the journal's file could not be written any more, for now or lost until a restart",
    ["kind"],
)
_journal_usable = Gauge(
    "veredicto_journal_usable",
    "1 where the worker that looked last can write the journal's file, else 0",
    **_LATEST,
)
SHADOW_ROWS = Counter(
    "veredicto_shadow_rows",
    "Rows that a model answered in the shadow of a champion",
    _MODEL,
)
_shadow_shed = Counter(
    "veredicto_shadow_shed", "Rows that were not run in the champion's shadow", ["task"]
)


class JournalMetrics:
    """The journal's thread counts here, and `/metrics` shows it at once."""

    def __init__(self) -> None:
        self._shown_dropped = 0

    def fail(self, *, is_lost: bool) -> None:
        """Counts that the file cannot be written any more."""
        _journal_failures.labels("lost" if is_lost else "passing").inc()
        _journal_usable.set(0)

    def recover(self) -> None:
        """Shows that the file is written again."""
        _journal_usable.set(1)

    def refuse(self, n_labels: int) -> None:
        """Counts labels that were refused since the file cannot be written."""
        _refused.inc(n_labels)

    def add(self, *, written: int, accepted: int) -> None:
        """Adds the predictions and the feedback that one transaction wrote."""
        _written.inc(written)
        _accepted.inc(accepted)

    def show_dropped(self, dropped: int) -> None:
        """Shows the rows dropped since the start."""
        _dropped.inc(dropped - self._shown_dropped)
        self._shown_dropped = dropped


_alarms = Gauge(
    "veredicto_model_alarm",
    "1 where a model is shown to be right less often than its card and the error budget allow, else 0",
    ["task", "model"],
    **_LATEST,
)
_acts = Counter(
    "veredicto_acts",
    "Promotions and roll-backs, each counted by the worker that wrote its line",
    ["task", "act"],
)


class AlarmMetrics:
    """The thread that watches shows alarms here, and counts acts."""

    def __init__(self) -> None:
        self._shown: dict[tuple[str, str], bool] = {}

    def show_alarms(self, raised: Mapping[tuple[str, str], bool]) -> None:
        """Shows the alarms of all models, by task and name; those of models that are gone end."""
        gone = dict.fromkeys(self._shown.keys() - raised.keys(), False)
        for labels, is_raised in {**raised, **gone}.items():
            _alarms.labels(*labels).set(is_raised)

        self._shown = dict(raised)

    def count_act(self, task: str, act: str) -> None:
        """Counts an act that this worker has written."""
        _acts.labels(task, act).inc()


class ShadowMetrics:
    """The shadow's thread counts here, and `/metrics` shows it at once."""

    def add_rows(self, name: str, version: str, n_rows: int) -> None:
        """Adds rows that a model answered in the shadow."""
        SHADOW_ROWS.labels(name, version).inc(n_rows)

    def add_shed(self, task: str, n_rows: int) -> None:
        """Adds rows that the shadow did not run."""
        _shadow_shed.labels(task).inc(n_rows)


_FEATURE = ["task", "feature"]

_drift = {
    "psi": Gauge(
        "veredicto_feature_psi",
        "Population stability index of a window",
        _FEATURE,
        **_LATEST,
    ),
    "drifted": Gauge(
        "veredicto_feature_drifted",
        "1 where chance does not explain how a window differs from training",
        _FEATURE,
        **_LATEST,
    ),
    "critical_value": Gauge(
        "veredicto_feature_psi_critical",
        "What the index is over where chi-square shows a drift, about",
        _FEATURE,
        **_LATEST,
    ),
    "out_of_range": Gauge(
        "veredicto_feature_out_of_range",
        "Share of rows outside of the training range",
        _FEATURE,
        **_LATEST,
    ),
    "missing": Gauge(
        "veredicto_feature_missing",
        "Share of rows without a value",
        _FEATURE,
        **_LATEST,
    ),
}


def show_drift(task: str, drift: Drift) -> None:
    """Shows the drift of a window of all workers' rows, whichever worker computed it."""
    for each in drift["features"]:
        for name, gauge in _drift.items():
            value: Any = each.get(name)
            if value is not None:
                gauge.labels(task, each["feature"]).set(value)
