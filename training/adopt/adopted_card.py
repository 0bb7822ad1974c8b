"""An adopted model gets its card from what was measured, and is read back as it was written."""

from __future__ import annotations

import hashlib
from math import ceil
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from model_card import (
    OUTPUTS,
    Card,
    CardError,
    Metric,
    Parity,
    Provenance,
    SelfCheck,
    from_metadata,
)
from training.adopt.card_description import ModelDescription
from training.adopt.foreign import ForeignGraph
from training.adopt.original import first_line
from training.adopt.refusal import AdoptionError
from training.export.evaluation import evaluate_classifier, evaluate_regressor
from training.export.gate import (
    MAX_SELF_CHECK_PX,
    SELF_CHECK_ROWS,
    serialise,
)
from training.graph import open_session, run


def make_card(
    foreign: ForeignGraph,
    description: ModelDescription,
    kind: str,
    exported: dict[str, NDArray[Any]],
    parity: Parity,
    check: SelfCheck,
) -> Card:
    try:
        return Card(
            task=description.task,
            family=description.family,
            kind=kind,
            summary=description.summary,
            input=description.input,
            classes=description.classes,
            target=description.target_name,
            self_check=check,
            metrics=_evaluate(kind, exported, description.target),
            parity=parity,
            provenance=Provenance(
                data_set=description.data_set,
                fingerprint=f"sha256:{hashlib.sha256(foreign.content).hexdigest()}",
                split={
                    "train": 0,
                    "validation": 0,
                    "held_out": len(description.inputs),
                },
                seed=0,
                packages=description.packages,
                command=description.command,
            ),
            licence=description.licence,
        )
    except CardError as error:
        raise AdoptionError(
            f"{foreign.file_name}: it cannot have a card: {error}"
        ) from error


def _evaluate(
    kind: str, exported: dict[str, NDArray[Any]], target: NDArray[Any]
) -> dict[str, Metric]:
    if kind == "classifier":
        return evaluate_classifier(exported, target.astype(np.int64))
    return evaluate_regressor(exported["value"], target.astype(np.float64))


def make_self_check(
    model: onnx.ModelProto, description: ModelDescription, kind: str
) -> SelfCheck:
    """Returns the first row of each class, or the first few rows, and what the wrapped graph answers to them.

    Of images it takes a few and makes them smaller, because a card is text.
    """
    chosen = list(range(min(SELF_CHECK_ROWS, len(description.inputs))))
    if kind == "classifier" and description.inputs.ndim == 2:
        classes = np.unique(description.target)
        chosen = [
            int(np.flatnonzero(description.target == each)[0]) for each in classes
        ]

    rows = description.inputs[chosen]
    if rows.ndim == 4:
        steps = [ceil(side / MAX_SELF_CHECK_PX) for side in rows.shape[1:3]]
        rows = rows[:, :: steps[0], :: steps[1]]

    outputs = run(model.SerializeToString(), rows, OUTPUTS[kind])

    return SelfCheck(
        input=_as_tuples(rows),
        output={name: _as_tuples(outputs[name]) for name in OUTPUTS[kind]},
    )


def _as_tuples(values: NDArray[Any]) -> tuple[Any, ...]:
    """Returns tuples of the array's shape: numbers in their fewest digits, None for NaN."""
    if values.ndim > 1:
        return tuple(_as_tuples(each) for each in values)
    if values.dtype.kind in "iu":
        return tuple(values.tolist())
    return tuple(None if np.isnan(each) else float(str(each)) for each in values)


def write_card(
    foreign: ForeignGraph,
    model: onnx.ModelProto,
    card: Card,
    inputs: NDArray[Any],
    exported: dict[str, NDArray[Any]],
) -> bytes:
    """Returns the final bytes, which hold the card and answer as they were measured."""
    try:
        content = serialise(model, card)
    except onnx.checker.ValidationError as error:
        raise AdoptionError(
            f"{foreign.file_name}: the wrapped graph is no valid ONNX ({first_line(error)}): export it with another "
            "opset"
        ) from error

    written = from_metadata(open_session(content).get_modelmeta().custom_metadata_map)
    again = run(content, inputs, OUTPUTS[card.kind])
    if written != card or not all(
        np.array_equal(again[name], exported[name]) for name in again
    ):
        raise AdoptionError(
            f"{foreign.file_name}: it does not answer the same twice: export it without random operators (dropout off)"
        )

    return content
