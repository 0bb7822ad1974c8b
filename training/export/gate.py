"""This module is the one gate from a fitted model to a file: what does not pass is not written.

The gate strips what exporters leave behind, measures the file itself over held-out rows, compares it with the model
it came from, writes the card into it and reads it back before it takes its name.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from model_card import (
    OUTPUTS,
    Calibration,
    Card,
    CrossValidation,
    Feature,
    FeatureInput,
    ImageInput,
    Metric,
    NoiseInput,
    Parity,
    Provenance,
    SelfCheck,
    from_metadata,
)
from row_records import (
    HeldOut,
    fingerprint_held_out,
    group_equal,
    hash_rows,
    read_held_out,
    write_held_out,
    write_learnt,
)
from training.data.datasets import Dataset, Split
from training.data.images import ImageDataset, ParityImages
from training.export.distribution import describe_distribution
from training.export.evaluation import evaluate, evaluate_generator
from training.graph import GraphError, Outputs, clean, open_session, run
from training.learning.family import FittedGenerator, FittedModel

PARITY_TOLERANCE = 1e-5
"""The source model may differ by so much: absolutely, and for answers above 1 as a share of the largest."""
IMAGE_TOLERANCE = 1e-4
"""Networks of images may differ by more, because some have a hundred layers, each with its rounding."""
SPREAD_TOLERANCE = 1e-4
"""A regressor's values may differ by this share of their standard deviation."""
PACKAGES = ("numpy", "scikit-learn", "onnxruntime")
N_SAMPLES = 1000
"""A generator is measured on so many images."""
SELF_CHECK_ROWS = 3
"""A self-check has so many rows where there are no classes to have one each of."""
MAX_SELF_CHECK_PX = 16
"""A self-check's images have at most this height and width, because a card is text."""
MAX_MEASURED_IMAGES = 5000
"""A file is measured on at most so many training images."""


class ExportError(Exception):
    """An ExportError says why a file did not pass the gate; nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """An Origin tells where a model comes from, which the card says beside what the gate measures."""

    family: str
    summary: str
    command: str
    seed: int
    code: str | None = None
    imputed: tuple[float | None, ...] = ()
    """It holds what a missing value of each feature becomes, a category as its index, or None where none may be
    missing.
    """
    calibration: Calibration | None = None
    cross_validation: CrossValidation | None = None


def export(
    fitted: FittedModel,
    dataset: Dataset | ImageDataset,
    rows: Split,
    origin: Origin,
    folder: Path,
) -> tuple[Path, Card]:
    """Writes `<task>-<family>.onnx` into the folder, whole or not at all; raises ExportError."""
    inputs = (
        _draw_noise(fitted, origin.seed)
        if fitted.kind == "generator"
        else dataset.inputs[rows.held_out]
    )
    try:
        model = clean(fitted.to_onnx(n_features=inputs.shape[1]))
    except GraphError as error:
        raise ExportError(str(error)) from error

    content = model.SerializeToString()
    outputs = run(content, inputs, OUTPUTS[fitted.kind])
    tolerance = (
        IMAGE_TOLERANCE if isinstance(dataset, ImageDataset) else PARITY_TOLERANCE
    )
    parity = compare_outputs(
        fitted.kind, fitted.outputs(inputs), outputs, parity_tolerance=tolerance
    )
    metrics, train_metrics = _measure(fitted.kind, content, outputs, dataset, rows)
    card = Card(
        task=dataset.task,
        family=origin.family,
        kind=fitted.kind,
        summary=f"{origin.summary}: {dataset.summary}",
        input=_describe_input(fitted.kind, inputs, dataset, rows, origin.imputed),
        classes=dataset.classes if fitted.kind == "classifier" else None,
        target=dataset.target_name
        if isinstance(dataset, Dataset) and fitted.kind == "regressor"
        else None,
        self_check=_make_self_check(
            fitted.kind, content, inputs, dataset.target[rows.held_out]
        ),
        metrics=metrics,
        train_metrics=train_metrics,
        cross_validation=origin.cross_validation,
        calibration=origin.calibration,
        parity=parity,
        provenance=_make_provenance(fitted, dataset, rows, origin),
        licence=dataset.licence if isinstance(dataset, ImageDataset) else "MIT",
    )
    records = record_rows(fitted.kind, dataset, rows, outputs)
    content = serialise(model, card, records)
    _check_file(content, card, inputs, outputs)
    path = folder / f"{card.name}.onnx"
    write_atomically(path, content)

    return path, card


def compare_outputs(
    kind: str,
    source: Outputs,
    exported: Outputs,
    *,
    parity_tolerance: float = PARITY_TOLERANCE,
) -> Parity:
    """Returns how far the file differs from the model that it came from; raises ExportError where it is too far."""
    required = OUTPUTS[kind]
    _require(
        set(exported) >= set(required),
        f"expected the outputs {sorted(required)}, got {sorted(exported)}",
    )
    n_rows, unequal, largest = len(source[required[0]]), 0, 0.0

    for name in required:
        if name in ("label", "cluster"):
            unequal = int((source[name] != exported[name]).sum())
            text = f"parity: {unequal} of {n_rows} held-out rows get another {name} than the source model's"
            _require(unequal == 0, text)
            continue

        difference = float(
            np.abs(source[name].astype(np.float64) - exported[name]).max()
        )
        grey_levels = exported[name].dtype == np.uint8
        tolerance = (
            1.0
            if grey_levels
            else _find_tolerance(name, source[name], parity_tolerance)
        )
        hint = (
            "; float32 is too coarse for these values: subtract a constant"
            if name == "value"
            else ""
        )
        _require(
            difference <= tolerance,
            f"parity: {name} differ by up to {difference:g} from the source model's, more than {tolerance:g}{hint}",
        )
        largest = max(largest, difference)

    return Parity(
        rows=n_rows, unequal_labels=unequal, max_abs_difference=float(f"{largest:.3g}")
    )


def _find_tolerance(name: str, source: NDArray[Any], parity_tolerance: float) -> float:
    spread = float(np.std(source.astype(np.float64)))
    if name == "value" and spread > 0:
        return SPREAD_TOLERANCE * spread
    return parity_tolerance * max(1.0, float(np.abs(source).max()))


def record_rows(
    kind: str, dataset: Dataset | ImageDataset, rows: Split, outputs: Outputs
) -> dict[str, str]:
    """Returns what the file keeps of the rows: what it was learnt from, and a classifier's answers to held-out ones."""
    if isinstance(dataset, ParityImages):
        return {}

    learnt = np.concatenate([rows.train, rows.validation])
    records = write_learnt(hash_rows(dataset.inputs[learnt]))
    if kind == "classifier":
        truth = dataset.target[rows.held_out].astype(np.int64)
        hashes = hash_rows(dataset.inputs[rows.held_out])
        record = HeldOut(
            rows=fingerprint_held_out(hashes, truth),
            truth=truth,
            labels=outputs["label"],
            probabilities=outputs["probabilities"],
            groups=group_equal(hashes, truth),
        )
        records |= write_held_out(record)

    return records


def serialise(
    model: onnx.ModelProto, card: Card, records: Mapping[str, str] | None = None
) -> bytes:
    """Returns the file's bytes, which are the same for the same model, card and records of rows."""
    model.graph.name = card.name
    model.doc_string = card.summary
    model.model_version = 1
    onnx.helper.set_model_props(model, card.to_metadata() | dict(records or {}))
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)

    return content


def write_atomically(path: Path, content: bytes) -> None:
    """Writes the file so that its name has the old bytes or the new ones, whatever happens in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)

    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _make_provenance(
    fitted: FittedModel, dataset: Dataset | ImageDataset, rows: Split, origin: Origin
) -> Provenance:
    return Provenance(
        data_set=dataset.source,
        fingerprint=dataset.fingerprint,
        split=rows.counts,
        seed=origin.seed,
        packages=_find_versions({*fitted.packages, *PACKAGES}),
        command=origin.command,
        code=origin.code,
    )


def _draw_noise(fitted: FittedModel, seed: int) -> NDArray[np.float32]:
    """Returns the noise that a generator is measured on, `(n_images, size)`."""
    assert isinstance(fitted, FittedGenerator)
    return np.random.default_rng(seed).standard_normal(
        (N_SAMPLES, fitted.noise_size), dtype=np.float32
    )


def _measure(
    kind: str,
    content: bytes,
    outputs: Outputs,
    dataset: Dataset | ImageDataset,
    rows: Split,
) -> tuple[dict[str, Metric], dict[str, Metric] | None]:
    """Returns the metrics of the held-out rows, and of the training rows where there are any; parity images have
    none.
    """
    if isinstance(dataset, ParityImages):
        return {}, None

    if isinstance(dataset, ImageDataset):
        measured = rows.train[:: ceil(len(rows.train) / MAX_MEASURED_IMAGES)]
    elif kind == "generator":
        grey = outputs["images"][..., 0].reshape(len(outputs["images"]), -1)
        samples = grey.astype(np.float32) * (
            dataset.features[rows.train].max() / np.float32(255)
        )
        return evaluate_generator(samples, dataset, rows), None
    else:
        measured = rows.train

    train = run(content, dataset.inputs[measured], OUTPUTS[kind])

    return (
        evaluate(kind, outputs, dataset, rows.held_out),
        {
            name: Metric(value=each.value)
            for name, each in evaluate(kind, train, dataset, measured).items()
        },
    )


def _check_file(
    content: bytes, card: Card, inputs: NDArray[Any], outputs: Outputs
) -> None:
    """Raises ExportError unless the final bytes give the measured outputs, hold the card, and name no local path."""
    places = [
        place
        for place in (Path.home(), Path.cwd(), Path(sys.prefix))
        if place != Path(place.anchor)
    ]
    for place in (*map(str, places), "site-packages"):
        _require(
            place.encode() not in content,
            f"expected no path of this machine in the file, found {place!r}",
        )

    metadata = open_session(content).get_modelmeta().custom_metadata_map
    written = from_metadata(metadata)
    _require(written == card, "expected the card to read back as it was written")
    record = read_held_out(metadata)
    _require(
        record is None or np.array_equal(record.labels, outputs["label"]),
        "expected the record of the held-out rows to read back as it was written",
    )

    for name, output in run(content, inputs, OUTPUTS[card.kind]).items():
        _require(
            np.array_equal(output, outputs[name]),
            f"expected {name!r} as it was measured",
        )


def _describe_input(
    kind: str,
    inputs: NDArray[Any],
    dataset: Dataset | ImageDataset,
    rows: Split,
    imputed: tuple[float | None, ...],
) -> FeatureInput | ImageInput | NoiseInput:
    if isinstance(dataset, ImageDataset):
        size_px = (
            dataset.crop_px if isinstance(dataset, ParityImages) else inputs.shape[1]
        )
        return ImageInput(height=size_px, width=size_px)
    if kind == "generator":
        return NoiseInput(size=inputs.shape[1])

    train, first = dataset.features[rows.train], inputs[0]
    low, high = np.nanmin(train, axis=0), np.nanmax(train, axis=0)
    features: list[Feature] = []
    example: list[float | str | None] = []
    fills = imputed or (None,) * len(dataset.feature_names)

    for column, (name, values, fill) in enumerate(
        zip(dataset.feature_names, dataset.categories, fills, strict=True)
    ):
        value = None if np.isnan(first[column]) else first[column]
        spread = describe_distribution(train[:, column], values)
        if values is None:
            span = (_to_decimal(low[column]), _to_decimal(high[column]))
            filled = None if fill is None else _to_decimal(np.float32(fill))
            features.append(
                Feature(
                    name=name,
                    type="number",
                    range=span,
                    imputed=filled,
                    distribution=spread,
                )
            )
            example.append(None if value is None else _to_decimal(value))
        else:
            filled_name = None if fill is None else values[int(fill)]
            features.append(
                Feature(
                    name=name,
                    type="category",
                    values=values,
                    imputed=filled_name,
                    distribution=spread,
                )
            )
            example.append(None if value is None else values[int(value)])

    return FeatureInput(features=tuple(features), example=tuple(example))


def _make_self_check(
    kind: str, content: bytes, inputs: NDArray[Any], target: NDArray[Any]
) -> SelfCheck:
    """Returns the first held-out row of each class, or the first few rows, and what the file answers to them.

    Of images it takes a few and makes them smaller, because the graph resizes what comes.
    """
    chosen = list(range(min(SELF_CHECK_ROWS, len(inputs))))
    if kind == "classifier" and inputs.ndim == 2:
        chosen = [int(np.flatnonzero(target == each)[0]) for each in np.unique(target)]

    rows = inputs[chosen]
    if rows.ndim == 4:
        rows = rows[
            :,
            :: ceil(rows.shape[1] / MAX_SELF_CHECK_PX),
            :: ceil(rows.shape[2] / MAX_SELF_CHECK_PX),
        ]

    outputs = run(content, rows, OUTPUTS[kind])

    return SelfCheck(
        input=_to_tuples(rows),
        output={name: _to_tuples(outputs[name]) for name in OUTPUTS[kind]},
    )


def _to_tuples(values: NDArray[Any]) -> tuple[Any, ...]:
    """Returns tuples of the array's shape: whole numbers as they are, others in their fewest digits, None for NaN."""
    if values.ndim > 1:
        return tuple(_to_tuples(each) for each in values)
    if values.dtype.kind in "iu":
        return tuple(int(value) for value in values)
    return tuple(None if np.isnan(value) else _to_decimal(value) for value in values)


def _to_decimal(value: np.float32) -> float:
    """Returns the decimal with the fewest digits that is this float32 again."""
    return float(str(value))


def _find_versions(packages: Iterable[str]) -> dict[str, str]:
    return {"python": ".".join(map(str, sys.version_info[:2]))} | {
        each: version(each) for each in sorted(packages)
    }


def _require(condition: object, text: str) -> None:
    if not condition:
        raise ExportError(text)
