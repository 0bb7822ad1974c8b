"""A session is an ONNX file loaded by onnxruntime. This is the only module that knows onnxruntime."""

from __future__ import annotations

import ctypes
import functools
import logging
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Lock
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from service.errors import ModelRefused
from service.models.content import ModelContent
from service.models.datatypes import BFLOAT16, BY_SESSION
from service.models.parsing.ensemble_reader import has_trees
from service.models.parsing.subgraph import extract_subgraph
from service.models.time_limits import limit_time
from service.models.zip_maps import ZipMap

logger = logging.getLogger(__name__)

RUNTIME_VERSION: str = onnxruntime.__version__
"""The module has it under either name that onnxruntime is installed by."""
_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
_BFLOAT16 = "tensor(bfloat16)"
_ONNX_BFLOAT16 = 16
_NO_MEMORY = re.compile(
    r"bad_alloc|allocate memory|out of memory|available memory of", re.IGNORECASE
)
_NO_LOCALE = re.compile(r"construct locale with name:([^:\s]+)")
_sharing = Lock()
_ONE_CONSTANT = (
    b'\x08\x08:6\n$\x12\x01c"\x08Constant*\x15\n\x0bvalue_float\x15\0\0\0\0\xa0\x01\x01'
    b"\x12\x01gb\x0b\n\x01c\x12\x06\n\x04\x08\x01\x12\0B\x04\n\0\x10\r"
)
"""This is an ONNX file whose graph is one constant, `c`: there is nothing that a run of it has to compute."""
_SLOW_BEFORE_TREES = frozenset({"CommonSubexpressionElimination"})
"""This step of onnxruntime looks at each value of each attribute, of which trees have millions, for the same twice."""
MAX_FIRST_RUN_S = 10
"""A graph whose first run takes longer is refused."""
MAX_LOAD_S = 30
"""onnxruntime may work on a file for so long, computing what is constant in it."""
MAX_TWICE_BYTES = 256 * 1024
"""A file of at most this size may be held twice in memory: whole, and without what only explains."""


class TensorInfo(NamedTuple):
    """A tensor of a graph has onnxruntime's type, such as `tensor(float)`, and a shape with -1 for a free length.

    One that is not `is_ranked` may have any shape, and shows `(-1,)`.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    is_ranked: bool = True

    @property
    def shown(self) -> str:
        """Returns the shape as people write it: (n, 2)."""
        lengths = ", ".join("n" if length < 0 else str(length) for length in self.shape)
        return f"({lengths},)" if len(self.shape) == 1 else f"({lengths})"


class Session:
    """A session runs a graph: `run(output names, {input name: array}, options)` returns a list of arrays.

    Its inputs and outputs are those that the protocol can say: what it cannot is turned into what it can, or refused.
    `class_names` has the names of the columns of what was a map in each row.
    """

    def __init__(
        self, content: ModelContent, *, device: str = "cpu", threads: int = 1
    ) -> None:
        started = perf_counter()
        self._device = device
        self._threads = threads
        session = _open(content, device=device, threads=threads)
        self.load_ms = (perf_counter() - started) * 1000
        self.n_bytes = content.n_bytes
        self.outline = content.outline
        self.version = content.version
        self.providers: list[str] = session.get_providers()
        self.metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map
        unranked = content.outline.unranked
        self.inputs = {
            each.name: _describe(each, unranked) for each in session.get_inputs()
        }
        self.outputs = {
            each.name: _describe(each, unranked) for each in session.get_outputs()
        }
        # The wrapper's own method checks names and types of the inputs in Python; callers know them to be right. The
        # wrapper is not kept, which holds the file's bytes as long as it lives.
        inner = getattr(session, "_sess", session)
        self.run: Any = inner.run
        # All runs share these options, since each would make its own.
        self.options: Any = make_run_options()
        self.class_names: dict[str, tuple[str, ...]] = {}

        zip_maps = self._turn_maps_into_tensors()
        self._check_types()
        types = [*self.inputs.values(), *self.outputs.values()]
        if any(each.type == _BFLOAT16 for each in types):
            self.run = partial(_run_with_bfloat16, inner, self.inputs)
        if zip_maps:
            self.run = partial(_run_with_zip_maps, self.run, zip_maps)

    def can_add_subgraph(self, content: ModelContent, outputs: Collection[str]) -> bool:
        """Returns whether its file is small and has more outputs than these, of types that numpy has."""
        is_plain = not isinstance(self.run, partial)
        has_more = set(outputs) < self.outputs.keys()
        return is_plain and has_more and len(content.graph) <= MAX_TWICE_BYTES

    def add_subgraph(self, content: ModelContent, outputs: Collection[str]) -> None:
        """Has runs that ask for nothing but some of these outputs compute nothing else; any thread may call it.

        onnxruntime runs every node of a graph: of 1,000 rows of a logistic regression, what would explain them took
        four fifths of the time. Where most nodes are needed nothing changes. It raises ModelRefused.
        """
        part = extract_subgraph(content.graph, outputs)
        if part is None:
            return

        needed = replace(content, graph=part)
        session = _open(needed, device=self._device, threads=self._threads)
        inner = getattr(session, "_sess", session)
        self.run = partial(_run_subgraph, inner.run, self.run, frozenset(outputs))

    @property
    def computes_in_caller(self) -> bool:
        """Returns whether the thread that calls `run` computes all of it, by whose clock a run is then measured."""
        return self.is_on_cpu and self._threads == 1

    @property
    def is_on_cpu(self) -> bool:
        """Returns whether it has nothing of a device, which no process that is forked could use."""
        return self.providers == [_CPU]

    def _turn_maps_into_tensors(self) -> dict[str, ZipMap]:
        """Describes each output of maps as a tensor, and returns how it is made one."""
        zip_maps = {}
        for name, tensor in self.outputs.items():
            keys = self.outline.zip_maps.get(name, ())
            zip_map = ZipMap.from_type(name, tensor.type, keys)
            if zip_map is not None:
                zip_maps[name] = zip_map
                shape = (-1, len(keys))
                self.outputs[name] = TensorInfo(name, zip_map.type, shape)
                self.class_names[name] = tuple(map(str, keys))

        return zip_maps

    def _check_types(self) -> None:
        """Leaves out outputs that the protocol cannot say; raises ModelRefused where nothing is left, or for inputs."""
        for name, tensor in self.inputs.items():
            if tensor.type not in BY_SESSION:
                raise ModelRefused(
                    f"its input {name!r} is {tensor.type}, which the Open Inference Protocol has no type for"
                )

        left_out = {
            name: tensor.type
            for name, tensor in self.outputs.items()
            if tensor.type not in BY_SESSION
        }
        if len(left_out) == len(self.outputs):
            shown = ", ".join(f"{name!r} is {kind}" for name, kind in left_out.items())
            raise ModelRefused(
                f"it has no output that the Open Inference Protocol has a type for: {shown or 'none at all'}"
            )

        for name, kind in left_out.items():
            del self.outputs[name]
            logger.warning("the output %r is left out: it is %s", name, kind)

    def free_axes(self, name: str, shape: tuple[int, ...]) -> None:
        """Corrects what the file says of an output's shape by one that a run gave."""
        known = self.outputs[name]
        if len(known.shape) != len(shape):
            self.outputs[name] = known._replace(shape=(-1,), is_ranked=False)
            return

        lengths = tuple(
            said if said == found else -1
            for said, found in zip(known.shape, shape, strict=True)
        )
        self.outputs[name] = known._replace(shape=lengths)


@contextmanager
def limit_runs(max_s: float) -> Iterator[Any]:
    """Yields options of runs that end, with an error, `max_s` seconds from now."""
    options = make_run_options()

    def end() -> None:
        options.terminate = True

    with limit_time(max_s, end):
        yield options


def lacks_memory(error: Exception) -> bool:
    """Returns whether a run ended because it needs more memory than there is."""
    return isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) is not None


def make_run_options() -> Any:
    """Returns options of runs that end where their `terminate` is set to True, from whatever thread."""
    options = onnxruntime.RunOptions()
    # What goes wrong is raised; a wrong shape in a file would be a line in the log for every run.
    options.log_severity_level = 4
    return options


def _run_subgraph(
    run_subgraph: Any,
    run_whole: Any,
    outputs: frozenset[str],
    names: list[str],
    inputs: Any,
    options: Any,
) -> list[Any]:
    run = run_subgraph if outputs.issuperset(names) else run_whole
    found: list[Any] = run(names, inputs, options)
    return found


def _run_with_zip_maps(
    run: Any, zip_maps: dict[str, ZipMap], names: list[str], inputs: Any, options: Any
) -> list[Any]:
    outputs = run(names, inputs, options)
    return [
        zip_maps[name].to_array(output) if name in zip_maps else output
        for name, output in zip(names, outputs, strict=True)
    ]


def _run_with_bfloat16(
    session: Any,
    infos: dict[str, TensorInfo],
    names: list[str],
    inputs: dict[str, Any],
    options: Any,
) -> list[Any]:
    """Runs a session on values of onnxruntime's own, since numpy has no bfloat16: it has the two bytes alone."""
    values = {
        name: _to_value(array, infos[name].type)._ortvalue
        for name, array in inputs.items()
    }
    outputs = session.run_with_ort_values(values, names, options)
    return [_to_array(each) for each in outputs]


def _to_value(array: NDArray[Any], session_type: str) -> Any:
    make = onnxruntime.OrtValue
    if session_type != _BFLOAT16:
        return make.ortvalue_from_numpy(np.asarray(array))

    bits = np.ascontiguousarray(array).view(np.uint16)
    return make.ortvalue_from_numpy_with_onnx_type(bits, _ONNX_BFLOAT16)


def _to_array(value: Any) -> NDArray[Any]:
    if value.data_type() != _BFLOAT16:
        array: NDArray[Any] = value.numpy()
        return array

    content = ctypes.string_at(value.data_ptr(), value.tensor_size_in_bytes())
    return np.frombuffer(content, BFLOAT16).reshape(value.shape())


def one_line(error: Exception) -> str:
    """Returns the error's text without line breaks, and without the paths of whoever built onnxruntime."""
    return re.sub(r"(?:/[\w.+-]+){2,}", "...", " ".join(str(error).split()))


def is_cpu_alone(device: str) -> bool:
    """Returns whether sessions for this device have nothing to do with a GPU."""
    return device == "cpu" or _CUDA not in onnxruntime.get_available_providers()


def shrink_arena() -> None:
    """Gives back to the system what the arena keeps of earlier runs and sessions; other runs may go on meanwhile.

    A run of 300 images by a convolutional network of half a million weights left 360 MB there for good.
    """
    with _sharing:
        session, options = _share_arena()
    session.run(None, {}, options)


@functools.cache
def _share_arena() -> tuple[onnxruntime.InferenceSession, Any]:
    """Lets the sessions of this process share one arena: with its own, each would keep what its largest run took.

    It returns a session and options whose run gives back what the arena has free: the wish is an option of a run. The
    first such run comes before all others, since the arena keeps for good what it took first.
    """
    # What it imports in turn imports this module.
    from service.models.memory import read_memory_bytes, read_memory_limit_bytes

    place = onnxruntime.OrtMemoryInfo(
        "Cpu",
        onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
        0,
        onnxruntime.OrtMemType.DEFAULT,
    )
    # Beyond it a run fails, where otherwise the system ends the process that touches memory that is not there.
    left_bytes = max(1, read_memory_limit_bytes() - read_memory_bytes())
    arena = {
        "max_mem": left_bytes,
        "arena_extend_strategy": 0,
        "initial_chunk_size_bytes": -1,
        "max_dead_bytes_per_chunk": -1,
    }
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(arena))

    options = make_run_options()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    session = onnxruntime.InferenceSession(
        _ONE_CONSTANT, _make_options(threads=1), providers=[_CPU]
    )
    session.run(None, {}, options)

    return session, options


def _describe(tensor: Any, unranked: set[str]) -> TensorInfo:
    shape = tuple(
        length if isinstance(length, int) and length >= 0 else -1
        for length in tensor.shape
    )
    if not shape and tensor.name in unranked:
        return TensorInfo(tensor.name, tensor.type, (-1,), is_ranked=False)
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


def _explain_refusal(error: Exception) -> str:
    """Returns why onnxruntime does not load a file, and what would work where the system lacks a language."""
    missing = _NO_LOCALE.search(str(error))
    if missing is None:
        return f"onnxruntime cannot load it: {one_line(error)}"

    return (
        f"its StringNormalizer is for the locale {missing[1]}, which this system does not have: install it, or export "
        "the operator with the attribute locale C.UTF-8, which is everywhere"
    )


def _open(
    content: ModelContent, *, device: str, threads: int
) -> onnxruntime.InferenceSession:
    options = _make_options(threads)
    if content.weights:
        # By a path onnxruntime would map the files, whose later change in place would change the answers.
        locations = list(content.weights)
        weights = list(content.weights.values())
        options.add_external_initializers_from_files_in_memory(
            locations, weights, [len(each) for each in weights]
        )

    with _sharing:
        _share_arena()
    providers = [_CPU] if is_cpu_alone(device) else [_CUDA, _CPU]
    left_out = _SLOW_BEFORE_TREES if has_trees(content.outline.operators) else ()

    try:
        with limit_time(MAX_LOAD_S, lambda: options.set_load_cancellation_flag(True)):
            session = onnxruntime.InferenceSession(
                content.graph,
                options,
                providers=providers,
                disabled_optimizers=left_out,
            )
    except Exception as error:
        # onnxruntime's errors share no base class.
        raise ModelRefused(_explain_refusal(error)) from error

    if device == "cuda" and session.get_providers()[0] != _CUDA:
        raise ModelRefused(
            f"the device 'cuda' was asked for, and the session runs on {session.get_providers()}"
        )

    if len(providers) == 2 and session.get_providers()[0] != _CUDA:
        logger.warning(
            "CUDA does not work here: a model runs on %s", session.get_providers()
        )

    return session
