"""A file is loaded by onnxruntime here, as an `InferenceSession`, or is refused with the reason."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from typing import Any

import onnxruntime

from service.errors import ModelRefused
from service.models.parsing.ensemble_reader import has_trees
from service.models.runtime.arena import share_arena
from service.models.runtime.options import make_session_options
from service.models.runtime.run_errors import one_line
from service.models.runtime.time_limits import limit_time

logger = logging.getLogger(__name__)

RUNTIME_VERSION: str = onnxruntime.__version__
"""The module has it under either name that onnxruntime is installed by."""
_CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"
_NEW_FORMAT = re.compile(
    r"Unsupported model IR version: (\d+), max supported IR version: (\d+)"
)
_NO_LOCALE = re.compile(r"construct locale with name:([^:\s]+)")
_SLOW_BEFORE_TREES = frozenset({"CommonSubexpressionElimination"})
"""This step of onnxruntime looks at each value of each attribute, of which trees have millions, for the same twice."""
MAX_LOAD_S = 30
"""onnxruntime may work on a file for so long, computing what is constant in it."""


def is_cpu_alone(device: str) -> bool:
    """Returns whether sessions for this device have nothing to do with a GPU."""
    return device == "cpu" or _CUDA not in onnxruntime.get_available_providers()


def open_session(
    graph: bytes,
    weights: Mapping[str, bytes],
    *,
    operators: Collection[tuple[str, str]],
    device: str,
    threads: int,
) -> onnxruntime.InferenceSession:
    """Returns the session of an ONNX file; raises ModelRefused where there can be none.

    `weights` has the content of each file that the graph names, by its location, and `operators` domain and name of
    each operator of the graph.
    """
    options = make_session_options(threads=threads)
    if weights:
        # By a path onnxruntime would map the files, whose later change in place would change the answers.
        contents = list(weights.values())
        options.add_external_initializers_from_files_in_memory(
            list(weights), contents, [len(each) for each in contents]
        )

    share_arena()
    providers = [CPU] if is_cpu_alone(device) else [_CUDA, CPU]
    left_out = _SLOW_BEFORE_TREES if has_trees(operators) else ()

    try:
        with limit_time(MAX_LOAD_S, lambda: options.set_load_cancellation_flag(True)):
            session = onnxruntime.InferenceSession(
                graph, options, providers=providers, disabled_optimizers=left_out
            )
    except Exception as error:
        # onnxruntime's errors share no base class.
        raise ModelRefused(_explain_refusal(error)) from error

    _check_device(device, session.get_providers())

    return session


def find_unchecked(session: onnxruntime.InferenceSession) -> Any:
    """Returns the object whose `run` the wrapper in Python calls, without a check of the inputs' names and types.

    Callers know them to be right. The wrapper holds the file's bytes as long as it lives, so that it is not to be kept.
    """
    return getattr(session, "_sess", session)


def _check_device(device: str, providers: list[str]) -> None:
    """Raises ModelRefused where the GPU was asked for and is not used; warns where it was there to be used."""
    if providers[0] == _CUDA:
        return
    if device == "cuda":
        raise ModelRefused(
            f"the device 'cuda' was asked for, and the session runs on {providers}"
        )
    if not is_cpu_alone(device):
        logger.warning("CUDA does not work here: a model runs on %s", providers)


def _explain_refusal(error: Exception) -> str:
    """Returns why onnxruntime does not load a file, and what would work where that is known."""
    newer = _NEW_FORMAT.search(str(error))
    if newer is not None:
        return (
            f"it has ONNX's file format {newer[1]} (ir_version), and onnxruntime {RUNTIME_VERSION} reads those up to "
            f"{newer[2]}: export it with an ir_version of at most {newer[2]}, or install a newer onnxruntime"
        )

    missing = _NO_LOCALE.search(str(error))
    if missing is None:
        return f"onnxruntime cannot load it: {one_line(error)}"

    return (
        f"its StringNormalizer is for the locale {missing[1]}, which this system does not have: install it, or export "
        "the operator with the attribute locale C.UTF-8, which is everywhere"
    )
