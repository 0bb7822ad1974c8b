"""One exported file, loaded: an onnxruntime session and the card that it was checked against."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from model_card import OUTPUTS, Card, CardError, FeatureInput, ImageInput, NoiseInput, from_metadata
from service.errors import InvalidRequest, ModelRefused
from service.rows import RowEncoder, Rows

logger = logging.getLogger(__name__)

SELF_CHECK_TOLERANCE = 1e-4
"""Largest difference, absolute plus relative, to the stored outputs: processors round differently."""

ROWS_AT_A_TIME = 1024

_FLOAT, _INT64, _UINT8 = "tensor(float)", "tensor(int64)", "tensor(uint8)"
_TENSORS = {
    **{"features": (_FLOAT, 2), "noise": (_FLOAT, 2)},
    **{"label": (_INT64, 1), "probabilities": (_FLOAT, 2)},
    "value": (_FLOAT, 1),
    **{"cluster": (_INT64, 1), "distances": (_FLOAT, 2)},
    **{"codes": (_FLOAT, 2), "reconstruction": (_FLOAT, 2)},
    "images": (_UINT8, 4),
}
"""Type and rank of each tensor of the contract; the first axis is free, the others are fixed."""

_CALLS = {
    "classifier": ("predict", "predict_proba", "compare"),
    "regressor": ("predict",),
    "clusterer": ("predict",),
    "transformer": ("transform",),
    "generator": ("generate",),
}
_CLASSIFIER_OUTPUTS = list(OUTPUTS["classifier"])
_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What the session really runs on, and what loading it took."""

    providers: list[str]
    threads: int
    load_ms: float
    warm_up_ms: float


class Model:
    """A model of any kind, ready to run.

    `version` is the first 12 hex digits of the file's SHA-256.
    """

    def __init__(self, card: Card, version: str, session: onnxruntime.InferenceSession) -> None:
        self.card = card
        self.name = card.name
        self.version = version
        self.classes = card.classes or ()
        self._session = session
        # The method below checks names and types of the feed in Python; here both are known to be right.
        self._run = getattr(session, "_sess", session).run
        self._encoder = RowEncoder(card.input) if isinstance(card.input, FeatureInput) else None
        self.runtime: Runtime | None = None

    @classmethod
    def load(cls, path: Path, *, device: str = "cpu", threads: int = 1) -> Model | None:
        """The model in the file, checked and warmed up, or None where the file has no card.

        Raises ModelRefused with the reason where the file cannot be served.
        """
        started = perf_counter()
        content = path.read_bytes()
        session = _open_session(content, device=device, threads=threads)
        try:
            card = from_metadata(session.get_modelmeta().custom_metadata_map)
        except CardError as error:
            raise ModelRefused(f"its card breaks the contract: {error}") from error
        if card is None:
            return None
        _check_card(card, session, stem=path.stem)
        model = cls(card, hashlib.sha256(content).hexdigest()[:12], session)
        loaded = perf_counter()
        model._check_itself()
        model.runtime = Runtime(
            providers=session.get_providers(),
            threads=threads,
            load_ms=round((loaded - started) * 1000, 3),
            warm_up_ms=round((perf_counter() - loaded) * 1000, 3),
        )
        return model

    def check_answers(self, call: str) -> None:
        """Raises InvalidRequest, which names the calls of this kind, where `call` is none of them."""
        calls = _CALLS[self.card.kind]
        if call not in calls:
            known = ", ".join(f"/{each}" for each in calls)
            raise InvalidRequest(f"{self.name} is a {self.card.kind}: it has no answer to /{call}, only to {known}")

    def encode(self, rows: Rows) -> NDArray[np.float32]:
        """Rows of a request as the graph's input, `(n_rows, n_features)`."""
        assert self._encoder is not None
        return self._encoder.encode(rows)

    def draw_noise(self, count: int, seed: int | None) -> NDArray[np.float32]:
        """Input `(count, size)` of a generator; the same for the same seed, new each time without one."""
        assert isinstance(self.card.input, NoiseInput)
        return np.random.default_rng(seed).standard_normal((count, self.card.input.size), dtype=np.float32)

    def classify(self, features: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Labels `(n_rows,)`, indices into `classes`, and probabilities `(n_rows, n_classes)`.

        Raises InvalidRequest where the graph overflows on a row, which only values far from all training do.
        """
        if len(features) > ROWS_AT_A_TIME:
            label, probabilities = self._run_in_parts(_CLASSIFIER_OUTPUTS, features)
        else:
            label, probabilities = self._run(_CLASSIFIER_OUTPUTS, {"features": features}, None)
        if not np.vdot(probabilities, probabilities) < np.inf:
            self._check_finite(probabilities)
        return label, probabilities

    def run(self, features: NDArray[np.float32]) -> tuple[NDArray[Any], ...]:
        """The outputs of its kind, in the order of `OUTPUTS`; raises InvalidRequest as `classify` does."""
        outputs = self._run_in_parts(list(OUTPUTS[self.card.kind]), features)
        for output in outputs:
            self._check_finite(output)
        return tuple(outputs)

    def _run_in_parts(self, names: list[str], rows: NDArray[np.float32]) -> list[NDArray[Any]]:
        """So many rows at a time: what a graph holds in between may be many times its input."""
        starts = range(0, len(rows), ROWS_AT_A_TIME)
        tensor = self.card.input.tensor
        parts = [self._run(names, {tensor: rows[start : start + ROWS_AT_A_TIME]}, None) for start in starts]
        return parts[0] if len(parts) == 1 else [np.concatenate(each) for each in zip(*parts, strict=True)]

    def _check_finite(self, output: NDArray[Any]) -> None:
        if not np.isfinite(output).all():
            row = int(np.argwhere(~np.isfinite(output))[0][0])
            raise InvalidRequest(
                f"inputs[{row}]: {self.name} has no finite answer to these values; they are far outside of the "
                "ranges seen in training, which its card states"
            )

    def describe(self) -> dict[str, Any]:
        """The whole card, plus version and runtime."""
        assert self.runtime is not None
        return self.card.to_document() | {"version": self.version, "runtime": asdict(self.runtime)}

    def _check_itself(self) -> None:
        """Runs the card's stored rows; raises ModelRefused where the outputs are not the stored ones."""
        check = self.card.self_check
        names = list(check.output)
        try:
            outputs = self._run(names, {self.card.input.tensor: np.array(check.input, dtype=np.float32)}, None)
        except Exception as error:
            raise ModelRefused(f"its self-check does not run: {_one_line(error)}") from error
        for name, output in zip(names, outputs, strict=True):
            expected = np.array(check.output[name], dtype=np.float64)
            tolerance = (
                1.0 if output.dtype == np.uint8 else SELF_CHECK_TOLERANCE
            )  # a grey value may round the other way
            if output.shape != expected.shape:
                raise ModelRefused(f"its self-check gives {name!r} of shape {output.shape}, not {expected.shape}")
            if not np.allclose(output, expected, rtol=SELF_CHECK_TOLERANCE, atol=tolerance):
                worst = float(np.max(np.abs(output - expected)))
                raise ModelRefused(f"its self-check fails: {name!r} differs by {worst:g} from the stored output")


def _open_session(content: bytes, *, device: str, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads  # the default is the machine's cores, whatever a container may use
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4  # what goes wrong is raised, and reported with the file's name
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    has_cuda = _CUDA in onnxruntime.get_available_providers()
    providers = [_CUDA, _CPU] if has_cuda and device != "cpu" else [_CPU]
    try:
        session = onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base class
        raise ModelRefused(f"onnxruntime cannot load it: {_one_line(error)}") from error
    if device == "cuda" and session.get_providers()[0] != _CUDA:
        raise ModelRefused(f"the device 'cuda' was asked for, and the session runs on {session.get_providers()}")
    if len(providers) == 2 and session.get_providers()[0] != _CUDA:
        logger.warning("CUDA does not work here: a model runs on %s", session.get_providers())
    return session


def _check_card(card: Card, session: onnxruntime.InferenceSession, *, stem: str) -> None:
    """Raises ModelRefused where the card says something else than the file's name or the graph."""
    if card.name != stem:
        raise ModelRefused(f"its card is of {card.name!r}: the file must be named {card.name}.onnx")
    if isinstance(card.input, ImageInput):
        raise ModelRefused(f"a {card.kind} with the input {card.input.type!r} is not served by this version")
    inputs = {each.name: each for each in session.get_inputs()}
    if list(inputs) != [card.input.tensor]:
        raise ModelRefused(f"its card promises the input {card.input.tensor!r}, its graph has {sorted(inputs)}")
    width = card.input.size if isinstance(card.input, NoiseInput) else len(card.input.features)
    _check_tensor(inputs[card.input.tensor], last=width)
    outputs = {each.name: each for each in session.get_outputs()}
    missing = [name for name in OUTPUTS[card.kind] if name not in outputs]
    if missing:
        raise ModelRefused(f"its card promises the output {missing[0]!r}, its graph has {sorted(outputs)}")
    lasts = {"probabilities": len(card.classes or ()), "reconstruction": width, "images": 3}
    for name in OUTPUTS[card.kind]:
        _check_tensor(outputs[name], last=lasts.get(name))


def _check_tensor(tensor: Any, *, last: int | None) -> None:
    """The graph's tensor is as the contract says: its type, a free first axis, others fixed, the last this one."""
    kind, rank = _TENSORS[tensor.name]
    if tensor.type != kind:
        raise ModelRefused(f"its {tensor.name!r} is {tensor.type}, the contract says {kind}")
    fixed = [isinstance(length, int) for length in tensor.shape]
    if fixed != [False] + [True] * (rank - 1) or (last is not None and tensor.shape[-1] != last):
        lengths = ["n"] + ["fixed"] * (rank - 1)
        if last is not None:
            lengths[-1] = str(last)
        expected = "(n,)" if rank == 1 else f"({', '.join(lengths)})"
        raise ModelRefused(f"its card promises {tensor.name!r} of shape {expected}, its graph has {tensor.shape}")


def _one_line(error: Exception) -> str:
    """The error's text without line breaks, and without the paths of whoever built onnxruntime."""
    return re.sub(r"(?:/[\w.+-]+){2,}", "...", " ".join(str(error).split()))
