"""The card of an adopted model is described here: what it is, what its inputs are, and how it was made."""

from __future__ import annotations

import argparse
import re
import shlex
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from model_card import CardError, Feature, FeatureInput, ImageInput
from training.adopt import classes as naming
from training.adopt.foreign import ForeignGraph
from training.adopt.placement import Placement
from training.adopt.refusal import AdoptionError
from training.adopt.table import Column, LabelledTable

MEASURED_ON = "on which it was measured; what it has learnt from is not known"
PACKAGES = ("numpy", "onnx", "onnxruntime", "scikit-learn")
_UNSTATED = ("model", "output", "replace")
"""These options do not change what is adopted, so the stored command leaves them out."""


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """A ModelDescription is what is known before the measurement; `inputs` and `target` have an element a row."""

    task: str
    family: str
    summary: str
    input: FeatureInput | ImageInput
    inputs: NDArray[Any]
    target: NDArray[Any]
    classes: tuple[str, ...] | None
    target_name: str | None
    data_set: str
    command: str
    licence: str
    packages: dict[str, str]


def describe_model(
    options: argparse.Namespace,
    foreign: ForeignGraph,
    table: LabelledTable,
    placement: Placement,
    classes: naming.Classes | None,
) -> ModelDescription:
    learns = f"{table.target.name} from {len(placement.columns)} columns of {table.file_name}"

    return ModelDescription(
        task=options.task,
        family=options.family,
        summary=summarise(foreign, learns, what="rows"),
        input=_describe_input(placement),
        inputs=placement.features,
        target=classes.target if classes else _read_numbers(table),
        classes=classes.names if classes else None,
        target_name=None if classes else str(table.target.name),
        data_set=f"{table.file_name}, {MEASURED_ON}",
        command=write_command(options),
        licence=options.licence,
        packages=find_versions(),
    )


def _read_numbers(table: LabelledTable) -> NDArray[np.float64]:
    return table.target.cast(pl.Float64).to_numpy()


def summarise(foreign: ForeignGraph, learns: str, *, what: str) -> str:
    """Returns a card's summary, which says that nothing is known of the rows or images that were learnt."""
    return (
        f"learnt elsewhere and adopted from {foreign.file_name} ({foreign.producer}); of the {what} that it has learnt "
        f"nothing is known: {learns}"
    )


def _describe_input(placement: Placement) -> FeatureInput:
    """Returns the card's input, with the ranges and distributions of the rows that it was measured on."""
    features, example = [], []
    for column in placement.columns:
        first = column.codes[~np.isnan(column.codes)][:1]
        code = float(str(first[0])) if len(first) else 0.0
        features.append(_describe_feature(column))
        example.append(column.values[int(code)] if column.values else code)

    try:
        return FeatureInput(features=tuple(features), example=tuple(example))
    except CardError as error:
        raise AdoptionError(f"the columns cannot be features: {error}") from error


def _describe_feature(column: Column) -> Feature:
    from training.export.distribution import describe_distribution

    known = column.codes[~np.isnan(column.codes)]
    spread = describe_distribution(column.codes, column.values)
    if column.values is not None:
        filled = column.values[int(np.median(known))] if column.is_imputed else None
        return Feature(
            name=column.name,
            type="category",
            values=column.values,
            imputed=filled,
            distribution=spread,
        )

    return Feature(
        name=column.name,
        type="number",
        range=(float(str(known.min())), float(str(known.max()))),
        imputed=float(str(np.median(known))) if column.is_imputed else None,
        distribution=spread,
    )


def write_command(options: argparse.Namespace) -> str:
    """Returns the command without folders: where files lie does not change what is adopted."""
    words = ["python", "-m", "training.adopt", options.model.name]
    for name, value in vars(options).items():
        if name in _UNSTATED or value in (None, False, [], ()):
            continue

        words.append(f"--{name.replace('_', '-')}")
        if value is not True:
            words += _as_words(name, value)

    return shlex.join(words)


def _as_words(name: str, value: Any) -> list[str]:
    if name == "codes":
        return [f"{column}={','.join(values)}" for column, values in value]
    values = value if isinstance(value, list | tuple) else [value]
    return [each.name if isinstance(each, Path) else str(each) for each in values]


def find_versions() -> dict[str, str]:
    """Returns the versions of what wraps and measures."""
    return {"python": ".".join(map(str, sys.version_info[:2]))} | {
        each: version(each) for each in PACKAGES
    }


def name_family(model: Path, task: str | None) -> str:
    """Returns the family that a file's name gives: its words without the task, `adopted` where none is left."""
    words = re.sub(r"[^a-z0-9]+", "_", model.stem.lower()).strip("_")
    if task is not None and (words == task or words.startswith(f"{task}_")):
        words = words[len(task) :].strip("_")
    return words or "adopted"
