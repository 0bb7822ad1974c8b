"""A session is an ONNX file loaded by onnxruntime, with inputs and outputs that the protocol can say."""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

from service.errors import ModelRefused
from service.models.content import ModelContent
from service.models.datatypes import BY_SESSION
from service.models.parsing.gelu_order import may_have_gelu, order_gelus
from service.models.parsing.subgraph import extract_subgraph
from service.models.runtime import bfloat16_runs
from service.models.runtime.inference_session import CPU, find_unchecked, open_session
from service.models.runtime.options import SessionRun, make_run_options
from service.models.runtime.zip_maps import ZipMap, run_with_zip_maps

logger = logging.getLogger(__name__)

MAX_TWICE_BYTES = 256 * 1024
"""A file of at most this size may be held twice in memory: whole, and without what only explains."""


class Placement(NamedTuple):
    """A session runs on a device, `cpu`, `cuda` or `auto`, by so many threads."""

    device: str = "cpu"
    threads: int = 1


ON_ONE_THREAD = Placement()


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
        self, content: ModelContent, placement: Placement = ON_ONE_THREAD
    ) -> None:
        started = perf_counter()
        self.placement = placement
        session = self._open(content, content.graph)
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
        inner = find_unchecked(session)
        self.run: SessionRun = inner.run
        # All runs share these options, since each would make its own.
        self.options: Any = make_run_options()
        self.class_names: dict[str, tuple[str, ...]] = {}

        zip_maps = self._turn_maps_into_tensors()
        self._check_types()
        tensors = [*self.inputs.values(), *self.outputs.values()]
        if any(each.type == bfloat16_runs.TYPE for each in tensors):
            types = {name: each.type for name, each in self.inputs.items()}
            self.run = partial(bfloat16_runs.run_with_bfloat16, inner, types)
        if zip_maps:
            self.run = partial(run_with_zip_maps, self.run, zip_maps)

    def _open(self, content: ModelContent, graph: bytes) -> Any:
        """Returns onnxruntime's session of the content's graph, or of a part of it; raises ModelRefused."""
        operators = content.outline.operators
        if may_have_gelu(operators):
            graph = order_gelus(graph)

        return open_session(
            graph,
            content.weights,
            operators=operators,
            device=self.placement.device,
            threads=self.placement.threads,
        )

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

        inner = find_unchecked(self._open(content, part))
        self.run = partial(_run_subgraph, inner.run, self.run, frozenset(outputs))

    @property
    def computes_in_caller(self) -> bool:
        """Returns whether the thread that calls `run` computes all of it, by whose clock a run is then measured."""
        return self.is_on_cpu and self.placement.threads == 1

    @property
    def is_on_cpu(self) -> bool:
        """Returns whether it has nothing of a device, which no process that is forked could use."""
        return self.providers == [CPU]

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


def _run_subgraph(
    run_subgraph: SessionRun,
    run_whole: SessionRun,
    outputs: frozenset[str],
    names: list[str],
    inputs: dict[str, Any],
    options: Any,
) -> list[Any]:
    """Returns outputs by the part of the graph that makes `outputs`, where no other is asked for."""
    run = run_subgraph if outputs.issuperset(names) else run_whole
    return run(names, inputs, options)


def _describe(tensor: Any, unranked: set[str]) -> TensorInfo:
    shape = tuple(
        length if isinstance(length, int) and length >= 0 else -1
        for length in tensor.shape
    )
    if not shape and tensor.name in unranked:
        return TensorInfo(tensor.name, tensor.type, (-1,), is_ranked=False)
    return TensorInfo(tensor.name, tensor.type, shape)
