"""These types describe the answers of the live comparison: champion and challengers, drift, alarms, rows to label."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from service.contract.answers import MetricValue
from service.contract.requests import Row

ChallengerVerdict = Literal["challenger better", "champion better", "not shown yet"]
DriftSize = Literal["small", "moderate", "large"]


class FeatureDrift(TypedDict):
    feature: str
    chi_square: float
    chi_square_critical: float | None
    psi: float
    critical_value: float | None
    size: DriftSize
    drifted: bool
    location_z: NotRequired[float | None]
    scale_z: NotRequired[float | None]
    missing_z: NotRequired[float | None]
    z_critical: NotRequired[float | None]
    out_of_range: NotRequired[float]
    missing: NotRequired[float]


class PairDrift(TypedDict):
    features: tuple[str, str]
    held_out: float
    window: float
    t: float
    changed: bool


class CorrelationDrift(TypedDict):
    held_out: int
    alpha: float
    changed: int
    pairs: list[PairDrift]
    reason: NotRequired[str]


class Drift(TypedDict):
    rows: int
    alpha: float
    drifted: list[str]
    features: list[FeatureDrift]
    correlations: NotRequired[CorrelationDrift]


class LiveWindow(TypedDict):
    rows: int
    most_rows: int
    labelled: int


class LabelFreeAccuracy(TypedDict):
    value: float | None
    interval: tuple[float, float] | None
    rows: int
    groups: int
    conditions: NotRequired[list[str]]
    reason: NotRequired[str]


class ModelAlarm(TypedDict):
    raised: bool
    floor: float | None
    error_budget: float
    groups: int
    accuracy: float | None
    upper: float | None
    alpha: float | None
    conditions: list[str]
    reason: NotRequired[str]


class LiveModel(TypedDict):
    model: str
    version: str
    rows: int
    labelled: int
    groups: int
    accuracy: MetricValue
    accuracy_without_labels: LabelFreeAccuracy
    alarm: ModelAlarm
    bias: NotRequired[str]


class LivePair(TypedDict):
    models: tuple[str, str]
    rows: int
    agreement: float
    kappa: float | None
    reason: NotRequired[str]


class CurvePoint(TypedDict):
    """A CurvePoint is a test after so many labelled rows, as it was then."""

    rows: int
    groups: int
    difference: float
    interval: tuple[float, float]


class ChallengerTest(TypedDict):
    champion: str
    challenger: str
    by: str
    rows: int
    only_challenger: int
    only_champion: int
    groups: int
    difference: float | None
    interval: tuple[float, float] | None
    alpha: float
    verdict: ChallengerVerdict
    conditions: list[str]
    reason: NotRequired[str]
    curve: NotRequired[list[CurvePoint]]


class Disagreement(TypedDict):
    id: str
    inputs: Row | None
    predictions: dict[str, str]
    label: str | None


class LiveComparison(TypedDict):
    task: str
    classes: list[str]
    by: str
    metrics: list[str]
    champion: str | None
    window: LiveWindow
    shed: int
    dropped: int
    models: list[LiveModel]
    pairs: list[LivePair]
    tests: list[ChallengerTest]
    disagreements: list[Disagreement]
    drift: Drift | None


class RowToLabel(TypedDict):
    id: str
    inputs: Row | None
    predictions: dict[str, str]


class Stratum(TypedDict):
    rows: int
    labelled: int
    inclusion: float | None


class ToLabel(TypedDict):
    task: str
    classes: list[str]
    champion: str | None
    rows: int
    rows_a_day: float | None
    to_label: list[RowToLabel]
    disagree: Stratum
    agree: Stratum
    models: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    conditions: list[str]
