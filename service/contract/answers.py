"""These types describe the answers of the calls, and the OpenAPI document is generated from them."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from service.contract.requests import Row


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


class Feedback(TypedDict):
    id: str
    accepted: bool


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
