"""A session is an ONNX file loaded by onnxruntime. This is the only module that knows onnxruntime."""

from __future__ import annotations

import functools
import hashlib
import logging
import re
from time import perf_counter
from typing import Any, NamedTuple

import onnxruntime

from service.errors import ModelRefused
from service.models import onnx_file

logger = logging.getLogger(__name__)

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"


class TensorInfo(NamedTuple):
    """A tensor of a graph has onnxruntime's type, such as `tensor(float)`, and a shape with -1 for a free length."""

    name: str
    type: str
    shape: tuple[int, ...]

    @property
    def shown(self) -> str:
        """Returns the shape as people write it: (n, 2)."""
        lengths = ", ".join("n" if length < 0 else str(length) for length in self.shape)
        return f"({lengths},)" if len(self.shape) == 1 else f"({lengths})"


class Session:
    """A session runs a graph: `run(output names, {input name: array}, options)` returns a list of arrays.

    `version` is the first 12 hex digits of the file's SHA-256.
    """

    def __init__(
        self, content: bytes, *, device: str = "cpu", threads: int = 1
    ) -> None:
        started = perf_counter()
        session = _open(content, device=device, threads=threads)
        self.load_ms = (perf_counter() - started) * 1000
        self.n_bytes = len(content)
        self.depends_on_values = onnx_file.depends_on_values(content)
        self.version = hashlib.sha256(content).hexdigest()[:12]
        self.providers: list[str] = session.get_providers()
        self.metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
        self.inputs = {each.name: _describe(each) for each in session.get_inputs()}
        self.outputs = {each.name: _describe(each) for each in session.get_outputs()}
        # The wrapper's own method checks names and types of the inputs in Python; callers know them to be right. The
        # wrapper is not kept, which holds the file's bytes as long as it lives.
        self.run: Any = getattr(session, "_sess", session).run
        # All runs share these options, since each would make its own.
        self.options: Any = make_run_options()


def make_run_options() -> Any:
    """Returns options of runs that end where their `terminate` is set to True, from whatever thread."""
    return onnxruntime.RunOptions()


def one_line(error: Exception) -> str:
    """Returns the error's text without line breaks, and without the paths of whoever built onnxruntime."""
    return re.sub(r"(?:/[\w.+-]+){2,}", "...", " ".join(str(error).split()))


@functools.cache
def _share_arena() -> None:
    """Lets the sessions of this process share one arena: with its own, each would keep what its largest run took."""
    place = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    as_it_is = {
        "max_mem": 0,
        "arena_extend_strategy": 0,
        "initial_chunk_size_bytes": -1,
        "max_dead_bytes_per_chunk": -1,
    }
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(as_it_is))


def _describe(tensor: Any) -> TensorInfo:
    shape = tuple(
        length if isinstance(length, int) and length >= 0 else -1
        for length in tensor.shape
    )
    return TensorInfo(tensor.name, tensor.type, shape)


def _make_options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    # The default is the machine's cores, whatever a container may use.
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # What goes wrong is raised, and reported with the file's name.
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.use_env_allocators", "1")

    return options


def _open(content: bytes, *, device: str, threads: int) -> onnxruntime.InferenceSession:
    options = _make_options(threads)
    _share_arena()
    has_cuda = _CUDA in onnxruntime.get_available_providers()
    providers = [_CUDA, _CPU] if has_cuda and device != "cpu" else [_CPU]

    try:
        session = onnxruntime.InferenceSession(content, options, providers=providers)
    except Exception as error:
        # onnxruntime's errors share no base class.
        raise ModelRefused(f"onnxruntime cannot load it: {one_line(error)}") from error

    if device == "cuda" and session.get_providers()[0] != _CUDA:
        raise ModelRefused(
            f"the device 'cuda' was asked for, and the session runs on {session.get_providers()}"
        )

    if len(providers) == 2 and session.get_providers()[0] != _CUDA:
        logger.warning(
            "CUDA does not work here: a model runs on %s", session.get_providers()
        )

    return session
