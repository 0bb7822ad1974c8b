"""This module compares a wrapped graph with the original on every row, measures it, and writes its card."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from model_card import (
    OUTPUTS,
    Card,
    ImageInput,
    Parity,
)
from training.adopt.adopted_card import make_card, make_self_check, write_card
from training.adopt.card_description import ModelDescription
from training.adopt.foreign import ForeignGraph, as_texts
from training.adopt.original import Answers, first_line
from training.adopt.refusal import AdoptionError
from training.adopt.wrap import Outputs
from training.export.freshness import read_card
from training.export.gate import (
    IMAGE_TOLERANCE,
    PARITY_TOLERANCE,
    ExportError,
    compare_outputs,
    write_atomically,
)
from training.graph import run

HALF_TOLERANCE = 2e-3
"""Half precision has 11 bits, and onnxruntime computes more precisely where a cast to float32 follows."""
ALONE_ROWS = 3
ALONE_TOLERANCE = 1e-3
"""A row that is run alone may differ by this much, absolute plus relative: kernels round otherwise with many rows."""
ROUNDED_TOLERANCE = 0.1
"""Here values are rounded to eight bits or eleven, the former by the largest of all rows."""
TIE = 1e-6
"""Classes whose probabilities differ by less are level, and either may be the label."""


def publish(
    options: argparse.Namespace,
    foreign: ForeignGraph,
    model: onnx.ModelProto,
    description: ModelDescription,
    answers: Answers,
    outputs: Outputs,
) -> tuple[Path, Card]:
    """Measures a wrapped graph and writes it into the folder of the options; returns the file and its card."""
    content, card = measure(
        foreign,
        model,
        description,
        answers,
        outputs,
        takes_most_probable=options.most_probable,
    )
    path: Path = options.output / f"{card.name}.onnx"
    write(path, content, replaces=options.replace)

    return path, card


def measure(
    foreign: ForeignGraph,
    model: onnx.ModelProto,
    description: ModelDescription,
    answers: Answers,
    outputs: Outputs,
    *,
    takes_most_probable: bool,
) -> tuple[bytes, Card]:
    """Returns the file's bytes and its card; raises AdoptionError where the wrapped graph answers otherwise."""
    kind = outputs.roles.kind
    exported = _run(foreign, model, description.inputs, kind)
    _check_rows_alone(foreign, model, description.inputs, kind, exported)
    source = read_source(foreign, answers, outputs)
    unequal = _count_unequal_labels(
        foreign, source, exported, takes_most_probable=takes_most_probable
    )
    parity = _compare(foreign, description, kind, source, exported)
    check = make_self_check(model, description, kind)
    parity = replace(parity, unequal_labels=unequal)
    card = make_card(foreign, description, kind, exported, parity, check)

    return write_card(foreign, model, card, description.inputs, exported), card


def write(path: Path, content: bytes, *, replaces: bool) -> None:
    """Writes the file whole; raises AdoptionError where another model has its name, unless it is to be replaced."""
    if path.exists() and not replaces and path.read_bytes() != content:
        there = read_card(path)
        what = "a file without a card" if there is None else f"{there.summary[:80]}"
        raise AdoptionError(
            f"{path.name} is there already ({what}): --family NAME gives this one another name, --replace replaces it"
        )

    write_atomically(path, content)


def read_source(
    foreign: ForeignGraph, answers: Answers, outputs: Outputs
) -> dict[str, NDArray[Any]]:
    """Returns what the original says by the names of the contract, computed without the wrapped graph.

    Where it has a label of its own, this is `label`, an index into the card's classes, -1 for none of them.
    """
    roles = outputs.roles
    if roles.kind == "regressor":
        return {"value": answers[str(roles.value)].reshape(-1).astype(np.float64)}

    source: dict[str, NDArray[Any]] = {}
    if roles.label is not None:
        names = as_texts(np.array(outputs.labels, dtype=np.object_))
        given = as_texts(answers[roles.label])
        codes = {name: code for code, name in enumerate(names)}
        source["label"] = np.array([codes.get(each, -1) for each in given], np.int64)

    if roles.scale == "votes":
        votes = source["label"][:, None] == np.arange(len(outputs.order))
        source["probabilities"] = votes.astype(np.float64)
    else:
        source["probabilities"] = _make_probabilities(answers, outputs)

    return source


def _make_probabilities(answers: Answers, outputs: Outputs) -> NDArray[np.float64]:
    """Returns the original's scores as probabilities `(n_rows, n_classes)`, in the order of the card's classes."""
    given = answers[str(outputs.roles.scores)]
    scores = given.reshape(len(given), -1).astype(np.float64)
    is_single = scores.shape[1] == 1
    if outputs.roles.scale == "logits":
        both = np.hstack([np.zeros_like(scores), scores]) if is_single else scores
        powers = np.exp(both - both.max(axis=1, keepdims=True))
        probabilities = powers / powers.sum(axis=1, keepdims=True)
    else:
        probabilities = np.hstack([1 - scores, scores]) if is_single else scores

    ordered: NDArray[np.float64] = probabilities[:, list(outputs.order)]

    return ordered


def _run(
    foreign: ForeignGraph, model: onnx.ModelProto, inputs: NDArray[Any], kind: str
) -> dict[str, NDArray[Any]]:
    try:
        exported = run(model.SerializeToString(), inputs, OUTPUTS[kind])
    except Exception as error:  # onnxruntime's errors share no base class
        raise AdoptionError(
            f"{foreign.file_name}: it does not run on several rows at once ({first_line(error)}): export it with a "
            "free number of rows (torch: dynamic_axes or dynamic_shapes, skl2onnx: [None, n])"
        ) from error

    if len(exported[OUTPUTS[kind][0]]) != len(inputs):
        raise AdoptionError(
            f"{foreign.file_name}: it answers one row of several: export it with a free number of rows (torch: "
            "dynamic_axes or dynamic_shapes, skl2onnx: [None, n])"
        )

    numbers = exported[OUTPUTS[kind][-1]].reshape(len(inputs), -1)
    bad: NDArray[np.bool_] = np.logical_not(np.isfinite(numbers).all(axis=1))
    if bad.any():
        raise AdoptionError(
            f"{foreign.file_name}: it has no finite answer to {int(bad.sum())} of {len(bad)} rows: leave these out of "
            "the data, or export it in float32"
        )

    return exported


def _check_rows_alone(
    foreign: ForeignGraph,
    model: onnx.ModelProto,
    inputs: NDArray[Any],
    kind: str,
    exported: dict[str, NDArray[Any]],
) -> None:
    """Raises AdoptionError where a row is answered otherwise alone than among the others.

    Whoever asks about one row would get another answer than the one that is measured here, and clients who ask at once
    each other's.
    """
    name = OUTPUTS[kind][-1]
    is_quantised = any(
        each.op_type == "DynamicQuantizeLinear" for each in model.graph.node
    )
    is_rounded = is_quantised or _is_half(foreign)
    limit = ROUNDED_TOLERANCE if is_rounded else ALONE_TOLERANCE
    for row in np.linspace(0, len(inputs) - 1, ALONE_ROWS).astype(int):
        alone = _run(foreign, model, inputs[row : row + 1], kind)[name].reshape(-1)
        among = exported[name][row].reshape(-1)
        if not np.allclose(alone, among, rtol=limit, atol=limit):
            worst = int(np.argmax(np.abs(alone - among)))
            raise AdoptionError(
                f"{foreign.file_name}: it answers a row of the data by {alone[worst]:.4g} where it is asked alone, and "
                f"by {among[worst]:.4g} among others, as a network does that is exported while it learns, or one that "
                "normalises over the rows: export it for evaluation (torch: model.eval() before), with each row by "
                "itself"
            )


def _count_unequal_labels(
    foreign: ForeignGraph,
    source: dict[str, NDArray[Any]],
    exported: dict[str, NDArray[Any]],
    *,
    takes_most_probable: bool,
) -> int:
    """Returns in how many rows the original's label is another; raises AdoptionError where that is no tie."""
    if "label" not in source:
        return 0

    unequal = source["label"] != exported["label"]
    probabilities = source["probabilities"]
    rows = np.arange(len(probabilities))
    behind = probabilities.max(axis=1) - probabilities[rows, source["label"]]
    wrong = unequal & ((behind > TIE) | (source["label"] < 0))
    if wrong.any() and not takes_most_probable:
        raise AdoptionError(
            f"{foreign.file_name}: in {int(wrong.sum())} of {len(rows)} rows its label is not the most probable class "
            "(a threshold of its own, or Platt scaling), which a card promises: --most-probable takes that class "
            "instead, --scores votes the label alone"
        )

    return int(unequal.sum())


def _compare(
    foreign: ForeignGraph,
    description: ModelDescription,
    kind: str,
    source: dict[str, NDArray[Any]],
    exported: dict[str, NDArray[Any]],
) -> Parity:
    labelled = source | ({"label": exported["label"]} if kind == "classifier" else {})
    try:
        return compare_outputs(
            kind,
            labelled,
            exported,
            parity_tolerance=_find_tolerance(foreign, description),
        )
    except ExportError as error:
        raise AdoptionError(
            f"{foreign.file_name}: {error}: a card's rows are float32, so export it with float32 inputs, and with a "
            "free number of rows"
        ) from error


def _find_tolerance(foreign: ForeignGraph, description: ModelDescription) -> float:
    if _is_half(foreign):
        return HALF_TOLERANCE
    return (
        IMAGE_TOLERANCE
        if isinstance(description.input, ImageInput)
        else PARITY_TOLERANCE
    )


def _is_half(foreign: ForeignGraph) -> bool:
    return any(
        each.element == onnx.TensorProto.FLOAT16
        for each in (*foreign.inputs, *foreign.outputs)
    )
