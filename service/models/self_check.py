"""A card is checked against its file: the graph's tensors, and the outputs that it stores for a few rows."""

from __future__ import annotations

from time import thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import OUTPUTS, Card, ImageInput, NoiseInput
from service.errors import ModelRefused
from service.models.runtime.options import MAX_FIRST_RUN_S, limit_runs
from service.models.runtime.run_errors import one_line
from service.models.session import Session, TensorInfo

SELF_CHECK_TOLERANCE = 1e-4
"""Outputs may differ from the stored ones by this much, absolute plus relative: processors round differently."""
_FLOAT = "tensor(float)"
_INT64 = "tensor(int64)"
_UINT8 = "tensor(uint8)"
_TENSORS = {
    "features": (_FLOAT, 2),
    "noise": (_FLOAT, 2),
    "pixels": (_UINT8, 4),
    "label": (_INT64, 1),
    "probabilities": (_FLOAT, 2),
    "value": (_FLOAT, 1),
    "cluster": (_INT64, 1),
    "distances": (_FLOAT, 2),
    "codes": (_FLOAT, 2),
    "reconstruction": (_FLOAT, 2),
    "images": (_UINT8, 4),
}
"""Each tensor of the contract has this type and rank; only its first axis is free, and in `pixels` also the sides."""


def run_self_check(card: Card, session: Session, rows: NDArray[Any]) -> float:
    """Runs the card's stored rows; raises ModelRefused where the outputs are not the stored ones.

    It returns the seconds for which this thread computed.
    """
    check = card.self_check
    names = list(check.output)
    inputs = {card.input.tensor: rows}

    started_s = thread_time()
    with limit_runs(MAX_FIRST_RUN_S) as options:
        try:
            outputs = session.run(names, inputs, options)
        except Exception as error:
            reason = one_line(error)
            if options.terminate:
                reason = f"it did not end within {MAX_FIRST_RUN_S} s"
            raise ModelRefused(f"its self-check does not run: {reason}") from error

    computed_s = thread_time() - started_s
    for name, output in zip(names, outputs, strict=True):
        _compare_output(name, output, np.array(check.output[name], np.float64))

    return computed_s


def _compare_output(
    name: str, output: NDArray[Any], expected: NDArray[np.float64]
) -> None:
    """Raises ModelRefused where an output of the self-check is not the stored one."""
    if output.shape != expected.shape:
        raise ModelRefused(
            f"its self-check gives {name!r} of shape {output.shape}, not {expected.shape}"
        )

    # A grey value may round the other way.
    tolerance = 1.0 if output.dtype == np.uint8 else SELF_CHECK_TOLERANCE
    differences = np.abs(output - expected)
    # What is not a number is above any limit, too.
    fits = differences <= tolerance + SELF_CHECK_TOLERANCE * np.abs(expected)
    if not fits.all():
        worst = float(np.max(differences))
        raise ModelRefused(
            f"its self-check fails: {name!r} differs by {worst:g} from the stored output"
        )


def check_card(card: Card, session: Session, *, stem: str) -> None:
    """Raises ModelRefused where the card says something else than the file's name or the graph."""
    if card.name != stem:
        raise ModelRefused(
            f"its card is of {card.name!r}: the file must be named {card.name}.onnx"
        )

    inputs = session.inputs
    if list(inputs) != [card.input.tensor]:
        raise ModelRefused(
            f"its card promises the input {card.input.tensor!r}, its graph has {sorted(inputs)}"
        )

    width = _width(card)
    _check_tensor(inputs[card.input.tensor], last=width)
    outputs = session.outputs
    missing = [name for name in OUTPUTS[card.kind] if name not in outputs]
    if missing:
        raise ModelRefused(
            f"its card promises the output {missing[0]!r}, its graph has {sorted(outputs)}"
        )

    lasts = {
        "probabilities": len(card.classes or ()),
        "reconstruction": width,
        "images": 3,
    }
    for name in OUTPUTS[card.kind]:
        _check_tensor(outputs[name], last=lasts.get(name))


def _width(card: Card) -> int:
    """Returns the length of the input's last axis."""
    if isinstance(card.input, ImageInput):
        return card.input.channels
    if isinstance(card.input, NoiseInput):
        return card.input.size
    return len(card.input.features)


def _check_tensor(tensor: TensorInfo, *, last: int | None) -> None:
    """Raises ModelRefused where a tensor's type, its free axes or its last length are not the contract's."""
    kind, rank = _TENSORS[tensor.name]
    if tensor.type != kind:
        raise ModelRefused(
            f"its {tensor.name!r} is {tensor.type}, the contract says {kind}"
        )

    n_free = 3 if tensor.name == "pixels" else 1
    n_fixed = rank - n_free
    is_fixed = [length >= 0 for length in tensor.shape]
    fits = is_fixed == [False] * n_free + [True] * n_fixed
    if not fits or (last is not None and tensor.shape[-1] != last):
        lengths = ["n", "height", "width"][:n_free] + ["fixed"] * n_fixed
        if last is not None:
            lengths[-1] = str(last)

        expected = "(n,)" if rank == 1 else f"({', '.join(lengths)})"
        raise ModelRefused(
            f"its card promises {tensor.name!r} of shape {expected}, its graph has {tensor.shown}"
        )
