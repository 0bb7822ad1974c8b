"""These types describe the answers of the calls, and the OpenAPI document is generated from them."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from service.contract.requests import Row

ChallengerVerdict = Literal["challenger better", "champion better", "not shown yet"]


class Prediction(TypedDict):
    model: str
    version: str
    predictions: list[str | float | None]
    reasons: NotRequired[list[str | None]]
    sets: NotRequired[list[list[str]]]
    id: NotRequired[str]


class Predictions(TypedDict):
    """The predictions of instances are labels, numbers or cluster numbers; of some calls they are lists of numbers."""

    predictions: list[str | float | list[float]]
    id: NotRequired[str]


class Transformation(TypedDict):
    model: str
    version: str
    outputs: list[list[float]]
    reconstructions: list[list[float]]


class EncodedImage(TypedDict):
    b64: str


class FeatureContribution(TypedDict):
    feature: str
    value: float | str | None
    contribution: float
    standard_error: NotRequired[float]


class Background(TypedDict):
    rows: int
    source: str


class PathStep(TypedDict):
    feature: str
    condition: Literal["<=", "<", ">=", ">", "=", "!="]
    threshold: float | str


Flip = TypedDict(
    "Flip",
    {
        "feature": str,
        "value": float,
        "flips_at": float | None,
        "class": str | None,
    },
)


Neighbor = TypedDict("Neighbor", {"row": int, "distance": float, "class": str})

RowExplanation = TypedDict(
    "RowExplanation",
    {
        "prediction": str | float,
        "probability": NotRequired[float],
        "class": NotRequired[str],
        "method": NotRequired[str],
        "explains": NotRequired[str],
        "base": NotRequired[float],
        "total": NotRequired[float],
        "contributions": NotRequired[list[FeatureContribution]],
        "background": NotRequired[Background],
        "path": NotRequired[list[PathStep]],
        "neighbors": NotRequired[list[Neighbor]],
        "flips": NotRequired[list[Flip]],
        "heat_map": NotRequired[EncodedImage],
        "layer": NotRequired[str],
        "maps": NotRequired[EncodedImage],
    },
)


class Explanation(TypedDict):
    model: str
    version: str
    explanations: list[RowExplanation]


class Layer(TypedDict):
    name: str
    channels: int
    height: int
    width: int


class Layers(TypedDict):
    model: str
    version: str
    layers: list[Layer]
    filters: NotRequired[EncodedImage]


class LearntRows(TypedDict):
    model: str
    version: str
    hashes: str | None
    reason: NotRequired[str]


class Generation(TypedDict):
    model: str
    version: str
    images: list[EncodedImage]


class Probabilities(TypedDict):
    model: str
    version: str
    classes: NotRequired[list[str]]
    probabilities: NotRequired[list[list[float]]]
    top: NotRequired[list[list[ClassProbability]]]
    id: NotRequired[str]


ClassProbability = TypedDict("ClassProbability", {"class": str, "probability": float})


class MetricValue(TypedDict):
    value: float | None
    interval: tuple[float, float] | None
    reason: NotRequired[str]


class Metrics(TypedDict):
    accuracy: MetricValue
    balanced_accuracy: MetricValue
    macro_f1: MetricValue
    log_loss: MetricValue
    brier: MetricValue
    ece: MetricValue
    roc_auc: MetricValue
    confusion: list[list[int]]


class ModelComparison(TypedDict):
    model: str
    version: str
    predictions: list[str]
    probabilities: list[list[float]]
    latency_ms: float
    metrics: NotRequired[Metrics]


class Consensus(TypedDict):
    predictions: list[str]
    probabilities: list[list[float]]
    agreement: list[float]


class McNemar(TypedDict):
    only_a: int
    only_b: int
    p_value: float
    p_value_holm: float


class PairComparison(TypedDict):
    models: tuple[str, str]
    agreement: float
    kappa: float | None
    reason: NotRequired[str]
    mcnemar: NotRequired[McNemar]


class CochranQ(TypedDict):
    statistic: float | None
    p_value: float | None
    reason: NotRequired[str]


class Comparison(TypedDict):
    task: str
    classes: list[str]
    models: list[ModelComparison]
    consensus: Consensus
    pairs: list[PairComparison]
    cochran_q: NotRequired[CochranQ]


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


class Feedback(TypedDict):
    id: str
    accepted: bool


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


VERDICT_METRICS = ("accuracy", "brier", "log_loss", "balanced_accuracy")
"""A verdict may be asked for by each of these."""
LIVE_METRICS = (*VERDICT_METRICS, "cost")
"""Challengers may be tested by each of these, by cost where the task's costs are set."""


class Verdict(TypedDict):
    task: str
    classes: list[str]
    by: str
    rows: int
    headline: str
    findings: list[str]
    versions: dict[str, str]
    left_out: dict[str, str]
    numbers: dict[str, Any]
    numbers_by: NotRequired[dict[str, Any]]


class Examples(TypedDict):
    """Examples are held-out rows by number, with their true classes and what the models' files say of them.

    `held_out` counts those that lie beside the models (of images some), `hard` those of them on which the models
    disagree.
    """

    task: str
    classes: list[str]
    held_out: int
    hard: int
    rows: list[int]
    inputs: list[Row]
    labels: list[str]
    predictions: dict[str, list[str]]
    reason: NotRequired[str]


class ModelSummary(TypedDict):
    name: str
    version: str
    task: str
    family: str
    kind: str
    summary: str


class RefusedFile(TypedDict):
    file: str
    reason: str


class ModelList(TypedDict):
    models: list[ModelSummary]
    refused: NotRequired[list[RefusedFile]]
    unloaded: NotRequired[list[str]]


class Error(TypedDict):
    error: str
