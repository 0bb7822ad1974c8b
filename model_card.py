"""This module is the contract between training and serving: what an exported model says about itself.

A card is one JSON document under one metadata key of the ONNX file. Both sides import this module and
nothing of each other. A wrong card cannot be constructed, hence it can be neither written nor served.

Tensors that a card of each kind promises, besides one input:

    input "features"   features        float32  (n_rows, n_features), categories as their index in `values`,
                                                NaN for a missing value of a feature that has `imputed`
    input "image"      pixels          uint8    (n_images, height, width, 3), any height and width
    input "noise"      noise           float32  (n_images, size), drawn from the standard normal distribution
    classifier         label           int64    (n_rows,), an index into `classes`
                       probabilities   float32  (n_rows, n_classes), rows sum to 1
    regressor          value           float32  (n_rows,), in the unit of the target
    clusterer          cluster         int64    (n_rows,), the nearest centre
                       distances       float32  (n_rows, n_clusters), to each centre
    transformer        codes           float32  (n_rows, n_components)
                       reconstruction  float32  (n_rows, n_features), made from the codes alone
    generator          images          uint8    (n_images, height, width, 3)

A graph may have further outputs, which say why it answers as it does:

    linear, logistic   contributions     float32  (n_rows, n_features, n_scores), what each feature adds to a score
                       base              float32  (n_scores,); n_scores is 1 for a regressor and for two classes
    k-NN               neighbor          int64    (n_rows, n_neighbors), numbers of training rows, nearest first
                       neighbor_distance float32  (n_rows, n_neighbors)
                       neighbor_class    int64    (n_rows, n_neighbors)
    images             class_activation  float32  (n_images, n_classes, height, width), each score by place
                       layer/NAME        float32  (n_images, n_channels, height, width), what a layer gives
                       filters           float32  (n_filters, height, width, 3), the first layer's weights
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any, ClassVar, TypeVar

SCHEMA_VERSION = 3
METADATA_KEY = "veredicto.card"
OUTPUTS = {
    "classifier": ("label", "probabilities"),
    "regressor": ("value",),
    "clusterer": ("cluster", "distances"),
    "transformer": ("codes", "reconstruction"),
    "generator": ("images",),
}
"""Names of the graph's outputs, by kind."""

_LARGEST = sys.float_info.max
_IDENTIFIER = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")


T = TypeVar("T")


class CardError(ValueError):
    """A card that breaks the contract; the text says where, what was expected and what came."""


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """A distribution counts the training rows in each cell of a feature; drift holds rows of today against it.

    The cells of a number are `len(edges) + 1` bins; a value that equals an edge lies above it. Those of a category are
    its values, in their order, without edges. `missing` rows have no value.
    """

    counts: tuple[int, ...]
    edges: tuple[float, ...] = ()
    missing: int = 0

    def __post_init__(self) -> None:
        for name in ("counts", "edges"):
            value = getattr(self, name)
            _expect(
                isinstance(value, tuple),
                f"distribution {name}: expected a list, got {value!r}",
            )

        for count in (*self.counts, self.missing):
            _check_count(count, "distribution counts", least=0)

        for edge in self.edges:
            _check_number(edge, "distribution edges")

        ascending = all(low < high for low, high in pairwise(self.edges))
        _expect(
            ascending,
            f"distribution edges: expected them to ascend, got {self.edges!r}",
        )
        _expect(sum(self.counts) > 0, "distribution counts: expected at least one row")


@dataclass(frozen=True, kw_only=True)
class Feature:
    """A Feature is one column: a number with the range seen in training, or a category with its known values.

    `imputed` is what the graph puts in place of a missing value, or the middle of the training rows where the summary
    says that gaps are split on; without it no value may be missing.
    """

    name: str
    type: str
    range: tuple[float, float] | None = None
    values: tuple[str, ...] | None = None
    imputed: float | str | None = None
    distribution: Distribution | None = None

    def __post_init__(self) -> None:
        _check_text(self.name, "feature name")
        where = f"feature {self.name!r}"
        if self.type == "number":
            _expect(self.values is None, f"{where}: a number has no values")
            if self.range is not None:
                _check_interval(self.range, f"{where}: range")
            if self.imputed is not None:
                _check_number(self.imputed, f"{where}: imputed")
        elif self.type == "category":
            _expect(self.range is None, f"{where}: a category has no range")
            _check_names(self.values, f"{where}: values")
            known = self.imputed is None or self.imputed in (self.values or ())
            _expect(
                known,
                f"{where}: imputed: expected one of its values, got {self.imputed!r}",
            )
        else:
            raise CardError(
                f"{where}: type must be 'number' or 'category', got {self.type!r}"
            )

        if self.distribution is not None:
            self._check_distribution(self.distribution, where)

    def _check_distribution(self, distribution: Distribution, where: str) -> None:
        _expect(
            self.values is None or not distribution.edges,
            f"{where}: the distribution of a category has no edges",
        )
        n_cells = (
            len(self.values) if self.values is not None else len(distribution.edges) + 1
        )
        _expect(
            len(distribution.counts) == n_cells,
            f"{where}: distribution: expected {n_cells} counts, got {len(distribution.counts)}",
        )
        _expect(
            self.imputed is not None or distribution.missing == 0,
            f"{where}: distribution: {distribution.missing} rows without a value, and nothing is imputed",
        )


@dataclass(frozen=True, kw_only=True)
class FeatureInput:
    """Rows of features, in this order; `example` is one row as a client would send it, None for a missing value."""

    type: ClassVar[str] = "features"
    tensor: ClassVar[str] = "features"
    features: tuple[Feature, ...]
    example: tuple[float | str | None, ...]

    def __post_init__(self) -> None:
        _check_names(tuple(feature.name for feature in self.features), "features")
        _expect(
            isinstance(self.example, tuple) and len(self.example) == len(self.features),
            f"example: expected {len(self.features)} values, one for each feature, got {self.example!r}",
        )

        for feature, value in zip(self.features, self.example, strict=True):
            if value is None and feature.imputed is not None:
                continue
            if feature.values is not None:
                known = value in feature.values
                _expect(
                    known, f"example: feature {feature.name!r} has no value {value!r}"
                )
            else:
                _check_number(value, f"example: feature {feature.name!r}")


@dataclass(frozen=True, kw_only=True)
class ImageInput:
    """Images; the graph resizes whatever comes to this size, in pixels."""

    type: ClassVar[str] = "image"
    tensor: ClassVar[str] = "pixels"
    height: int
    width: int
    channels: int = 3

    def __post_init__(self) -> None:
        for name in ("height", "width", "channels"):
            _check_count(getattr(self, name), f"image {name}", least=1)


@dataclass(frozen=True, kw_only=True)
class NoiseInput:
    """`size` independent draws from the standard normal distribution for each image."""

    type: ClassVar[str] = "noise"
    tensor: ClassVar[str] = "noise"
    size: int

    def __post_init__(self) -> None:
        _check_count(self.size, "noise size", least=1)


Input = FeatureInput | ImageInput | NoiseInput


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """A SelfCheck has input rows and the outputs that they give at every load, by name. None is a missing value."""

    input: tuple[Any, ...]
    output: Mapping[str, tuple[Any, ...]]

    def __post_init__(self) -> None:
        _expect(
            isinstance(self.input, tuple) and len(self.input) > 0,
            "self_check: input has no rows",
        )
        _check_numbers(self.input, "self_check: input", missing=True)
        _check_mapping(self.output, "self_check: output")

        for name, rows in self.output.items():
            _check_numbers(rows, f"self_check: output {name!r}")
            _expect(
                isinstance(rows, tuple) and len(rows) == len(self.input),
                f"self_check: output {name!r} must have {len(self.input)} rows, one for each input row",
            )


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A Metric is measured on the exported file over held-out rows, with its 95 % interval where it has one."""

    value: float
    interval: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        _check_number(self.value, "metric value")
        if self.interval is not None:
            _check_interval(self.interval, "metric interval")


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A Spread is the mean and the standard deviation (of the sample: n - 1) of a metric over folds."""

    mean: float
    standard_deviation: float

    def __post_init__(self) -> None:
        _check_number(self.mean, "spread mean")
        _check_number(self.standard_deviation, "spread standard_deviation")


@dataclass(frozen=True, kw_only=True)
class CrossValidation:
    """A cross-validation learns the family anew without each fold in turn, and measures it on that fold."""

    folds: int
    metrics: Mapping[str, Spread]

    def __post_init__(self) -> None:
        _check_count(self.folds, "cross_validation folds", least=2)
        _check_mapping(self.metrics, "cross_validation metrics")


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """The temperature in the graph, and figures over the rows it was fitted on, before and after.

    Probabilities under `floor` count as the floor before the temperature is applied.
    """

    temperature: float
    floor: float
    rows: int
    before: Mapping[str, float]
    after: Mapping[str, float]

    def __post_init__(self) -> None:
        for name in ("temperature", "floor"):
            value = getattr(self, name)
            _check_number(value, f"calibration {name}")
            _expect(
                value > 0,
                f"calibration {name}: expected a number above 0, got {value!r}",
            )

        _check_count(self.rows, "calibration rows", least=1)

        for name in ("before", "after"):
            _check_mapping(getattr(self, name), f"calibration {name}")
            for figure in getattr(self, name).values():
                _check_number(figure, f"calibration {name}")


@dataclass(frozen=True, kw_only=True)
class Parity:
    """A parity compares the exported file with the model it was exported from, over `rows` held-out rows."""

    rows: int
    unequal_labels: int
    max_abs_difference: float

    def __post_init__(self) -> None:
        _check_count(self.rows, "parity rows", least=1)
        _check_count(self.unequal_labels, "parity unequal_labels", least=0)
        _check_number(self.max_abs_difference, "parity max_abs_difference")


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """A provenance says all that makes the file again; it has no clock times, so that the file is reproducible.

    `code` is the fingerprint of the sources that made it.
    """

    data_set: str
    fingerprint: str
    split: Mapping[str, int]
    seed: int
    packages: Mapping[str, str]
    command: str
    code: str | None = None

    def __post_init__(self) -> None:
        _check_text(self.data_set, "provenance data_set")
        _check_fingerprint(self.fingerprint, "provenance fingerprint")
        if self.code is not None:
            _check_fingerprint(self.code, "provenance code")

        _check_mapping(self.split, "provenance split")
        _check_mapping(self.packages, "provenance packages")
        for part, rows in self.split.items():
            _check_count(rows, f"provenance split {part!r}", least=0)

        _check_count(self.seed, "provenance seed", least=0)
        for package, version in self.packages.items():
            _check_text(version, f"provenance packages {package!r}")

        _check_text(self.command, "provenance command")


@dataclass(frozen=True, kw_only=True)
class Card:
    """Everything that a served model says about itself; `target` is what a regressor's value is."""

    task: str
    family: str
    kind: str
    summary: str
    input: Input
    self_check: SelfCheck
    metrics: Mapping[str, Metric]
    parity: Parity
    provenance: Provenance
    licence: str
    classes: tuple[str, ...] | None = None
    target: str | None = None
    train_metrics: Mapping[str, Metric] | None = None
    """The same on the rows that it learnt from: what is much better there is overfitted."""
    cross_validation: CrossValidation | None = None
    calibration: Calibration | None = None

    @property
    def name(self) -> str:
        """`<task>-<family>`, which is also the stem of the file's name."""
        return f"{self.task}-{self.family}"

    def __post_init__(self) -> None:
        for what in ("task", "family"):
            value = getattr(self, what)
            _expect(
                isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None,
                f"{what}: expected lower-case words joined by '_', got {value!r}",
            )

        _expect(
            self.kind in OUTPUTS,
            f"kind: expected one of {', '.join(OUTPUTS)}, got {self.kind!r}",
        )
        _check_text(self.summary, "summary")
        _check_text(self.licence, "licence")
        if self.kind == "classifier":
            _check_names(self.classes, "classes")
            _expect(
                len(self.classes or ()) >= 2,
                f"classes: expected at least 2, got {self.classes!r}",
            )
        else:
            _expect(
                self.classes is None,
                f"classes: a {self.kind} has none, got {self.classes!r}",
            )

        is_noise = isinstance(self.input, NoiseInput)
        _expect(
            is_noise == (self.kind == "generator"),
            f"input: a {self.kind} has no input {self.input.type!r}",
        )
        if self.target is not None:
            _check_text(self.target, "target")

        outputs = OUTPUTS[self.kind]
        _expect(
            set(self.self_check.output) == set(outputs),
            f"self_check: a {self.kind} has the outputs {sorted(outputs)}, got {sorted(self.self_check.output)}",
        )
        if not isinstance(self.input, ImageInput):
            width = (
                self.input.size
                if isinstance(self.input, NoiseInput)
                else len(self.input.features)
            )
            for row in self.self_check.input:
                _check_width(row, width, "self_check: input")

        if self.kind == "classifier":
            _check_classification(
                self.self_check.output, n_classes=len(self.classes or ())
            )

    def to_document(self) -> dict[str, Any]:
        """The card as JSON values; what `GET /models/NAME` answers and what the file holds."""
        document: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            **asdict(self),
        }
        document["input"] = {"type": self.input.type} | asdict(self.input)
        document["provenance"] = _without_none(document["provenance"])
        if isinstance(self.input, FeatureInput):
            document["input"]["features"] = [
                _without_none(asdict(feature)) for feature in self.input.features
            ]

        return _without_none(document)

    def to_metadata(self) -> dict[str, str]:
        """The ONNX metadata properties that hold the card."""
        return {
            METADATA_KEY: json.dumps(
                self.to_document(), allow_nan=False, ensure_ascii=False, sort_keys=True
            )
        }


def from_metadata(metadata: Mapping[str, str]) -> Card | None:
    """The card in a file's metadata properties, or None where the file has none.

    Raises CardError when there is a card and it breaks the contract or is of a newer schema.
    """
    if METADATA_KEY not in metadata:
        return None
    try:
        return from_document(json.loads(metadata[METADATA_KEY]))
    except CardError:
        raise
    except ValueError as error:
        raise CardError(f"card: not JSON: {error}") from error
    except RecursionError as error:
        raise CardError("card: nested too deeply") from error


def from_document(document: Any) -> Card:
    """The card that a JSON document describes; the inverse of `Card.to_document`."""
    _expect(
        isinstance(document, dict),
        f"card: expected an object, got {type(document).__name__}",
    )
    values = {key: _freeze(value) for key, value in document.items()}
    version = values.pop("schema_version", None)
    _check_count(version, "schema_version", least=1)
    _expect(
        version <= SCHEMA_VERSION,
        f"schema_version {version} is newer than {SCHEMA_VERSION}, the newest that this version of "
        "Veredicto reads: upgrade Veredicto, or export the model again with this version",
    )
    name = values.pop("name", None)

    for key, cls in (
        ("self_check", SelfCheck),
        ("parity", Parity),
        ("provenance", Provenance),
    ):
        values[key] = _construct(cls, values.get(key), key)

    values["input"] = _construct_input(values.get("input"))
    values["metrics"] = _construct_each(Metric, values.get("metrics"), "metrics")
    if "train_metrics" in values:
        values["train_metrics"] = _construct_each(
            Metric, values["train_metrics"], "train_metrics"
        )

    if "cross_validation" in values:
        values["cross_validation"] = _construct_cross_validation(
            values["cross_validation"]
        )

    if "calibration" in values:
        values["calibration"] = _construct(
            Calibration, values["calibration"], "calibration"
        )

    card = _construct(Card, values, "card")
    _expect(
        name == card.name,
        f"name: expected {card.name!r} from task and family, got {name!r}",
    )

    return card


def _construct_cross_validation(document: Any) -> CrossValidation:
    _expect(
        isinstance(document, dict),
        f"cross_validation: expected an object, got {document!r}",
    )
    metrics = _construct_each(
        Spread, document.get("metrics"), "cross_validation: metrics"
    )
    return _construct(
        CrossValidation, document | {"metrics": metrics}, "cross_validation"
    )


def _construct_each(cls: type[T], document: Any, where: str) -> dict[str, T]:
    _expect(
        isinstance(document, dict), f"{where}: expected an object, got {document!r}"
    )
    return {
        name: _construct(cls, value, f"{where}: {name}")
        for name, value in document.items()
    }


def _construct_input(document: Any) -> Input:
    _expect(isinstance(document, dict), f"input: expected an object, got {document!r}")
    values = dict(document)
    kind = values.pop("type", None)
    if kind == FeatureInput.type:
        features: Any = values.get("features")
        _expect(
            isinstance(features, tuple),
            f"input: features: expected a list, got {features!r}",
        )
        values["features"] = tuple(_construct_feature(feature) for feature in features)

        return _construct(FeatureInput, values, "input")

    if kind == ImageInput.type:
        return _construct(ImageInput, values, "input")
    if kind == NoiseInput.type:
        return _construct(NoiseInput, values, "input")

    raise CardError(f"input: type must be 'features', 'image' or 'noise', got {kind!r}")


def _construct_feature(document: Any) -> Feature:
    if isinstance(document, dict) and "distribution" in document:
        distribution = _construct(
            Distribution, document["distribution"], "input: feature: distribution"
        )
        document = document | {"distribution": distribution}
    return _construct(Feature, document, "input: feature")


def _construct(cls: type[T], values: Any, where: str) -> T:
    """`cls(**values)`, with a CardError that names the missing and the unknown fields."""
    _expect(isinstance(values, dict), f"{where}: expected an object, got {values!r}")
    known = {field.name for field in fields(cls)}  # type: ignore[arg-type]  # T is one of the dataclasses above
    unknown = sorted(set(values) - known)
    _expect(
        not unknown, f"{where}: unknown fields {unknown}; known fields: {sorted(known)}"
    )

    try:
        return cls(**values)
    except TypeError as error:
        raise CardError(f"{where}: {error}") from error


def _freeze(value: Any) -> Any:
    """JSON values with tuples in place of lists, as the dataclasses hold them."""
    if isinstance(value, list):
        return tuple(_freeze(each) for each in value)
    if isinstance(value, dict):
        return {key: _freeze(each) for key, each in value.items()}
    return value


def _without_none(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}


def _expect(condition: object, text: str) -> None:
    if not condition:
        raise CardError(text)


def _check_width(row: Any, width: int, where: str) -> None:
    right = (
        isinstance(row, tuple)
        and len(row) == width
        and not any(isinstance(value, tuple) for value in row)
    )
    _expect(right, f"{where}: expected rows of {width} numbers, got {row!r}")


def _check_classification(
    output: Mapping[str, tuple[Any, ...]], *, n_classes: int
) -> None:
    """Probabilities are probabilities, and the label is the most probable class."""
    for label, row in zip(output["label"], output["probabilities"], strict=True):
        _check_width(row, n_classes, "self_check: probabilities")
        likely = (
            all(-1e-6 <= value <= 1 + 1e-6 for value in row)
            and abs(sum(row) - 1) <= 1e-4
        )
        _expect(
            likely, f"self_check: expected probabilities that sum to 1, got {row!r}"
        )
        _expect(
            label in range(n_classes) and row[label] == max(row),
            f"self_check: expected the label of the most probable class, got {label!r} for {row!r}",
        )


def _check_text(value: Any, where: str) -> None:
    _expect(
        isinstance(value, str) and value.strip() != "",
        f"{where}: expected a text, got {value!r}",
    )


def _check_number(value: Any, where: str) -> None:
    is_number = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -_LARGEST <= value <= _LARGEST
    )
    _expect(is_number, f"{where}: expected a finite number, got {value!r}")


def _check_numbers(value: Any, where: str, *, missing: bool = False) -> None:
    """`value` is a number or tuples of numbers, nested to any depth; None stands for one that is missing."""
    if isinstance(value, tuple):
        for each in value:
            _check_numbers(each, where, missing=missing)
    elif value is not None or not missing:
        _check_number(value, where)


def _check_fingerprint(value: Any, where: str) -> None:
    right = isinstance(value, str) and _FINGERPRINT.fullmatch(value) is not None
    _expect(right, f"{where}: expected 'sha256:' and 64 hex digits, got {value!r}")


def _check_count(value: Any, where: str, *, least: int) -> None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= least
    _expect(
        is_count, f"{where}: expected a whole number of at least {least}, got {value!r}"
    )


def _check_mapping(value: Any, where: str) -> None:
    _expect(isinstance(value, Mapping), f"{where}: expected an object, got {value!r}")


def _check_interval(value: Any, where: str) -> None:
    _expect(
        isinstance(value, tuple) and len(value) == 2,
        f"{where}: expected [low, high], got {value!r}",
    )
    _check_numbers(value, where)
    _expect(value[0] <= value[1], f"{where}: low {value[0]} is above high {value[1]}")


def _check_names(values: Any, where: str) -> None:
    _expect(
        isinstance(values, tuple) and len(values) > 0,
        f"{where}: expected names, got {values!r}",
    )
    for value in values:
        _check_text(value, where)

    _expect(
        len(set(values)) == len(values),
        f"{where}: each must be there once, got {values!r}",
    )
