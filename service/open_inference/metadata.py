"""The metadata say what the server and its models are, as JSON documents of the Open Inference Protocol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NotRequired, TypedDict

from service import VERSION
from service.contract.codec import encode
from service.models.datatypes import BY_SESSION, BYTES
from service.models.graph import Graph
from service.models.registry import Registry
from service.models.session import TensorInfo
from service.settings import Settings

EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "statistics",
)
PLATFORM = "onnxruntime_onnx"


class ServerMetadata(TypedDict):
    name: str
    version: str
    extensions: Sequence[str]


class TensorMetadata(TypedDict):
    """A tensor has a shape in which a length of -1 is free."""

    name: str
    datatype: str
    shape: Sequence[int]


class ModelMetadata(TypedDict):
    """A model's `properties` are what its card says in brief; without a card, the classes of outputs that were maps."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]
    properties: NotRequired[dict[str, str]]


class ModelReady(TypedDict):
    name: str
    ready: bool


class TensorConfig(TypedDict):
    name: str
    data_type: str
    dims: Sequence[int]


class ModelConfig(TypedDict):
    """A configuration is as Triton has it: where `max_batch_size` is not 0, `dims` are without the rows."""

    name: str
    platform: str
    backend: str
    max_batch_size: int
    input: list[TensorConfig]
    output: list[TensorConfig]
    dynamic_batching: NotRequired[dict[str, int]]


class IndexEntry(TypedDict):
    name: str
    version: str
    state: str
    reason: str


class AllStatistics(TypedDict):
    model_stats: list[dict[str, Any]]


def describe_server(settings: Settings) -> ServerMetadata:
    """Returns name, version and the extensions that work."""
    takes_loads = settings.reload_s is not None
    repository = "model_repository" if takes_loads else "model_repository(index)"

    return {
        "name": "veredicto",
        "version": VERSION,
        "extensions": sorted((*EXTENSIONS, repository)),
    }


def describe_model(graph: Graph, versions: list[str]) -> ModelMetadata:
    """Returns a graph's inputs and outputs and, where it has a card, the card's properties."""
    document: ModelMetadata = {
        "name": graph.name,
        "versions": versions,
        "platform": PLATFORM,
        "inputs": [_describe_tensor(each) for each in graph.inputs.values()],
        "outputs": [_describe_tensor(each) for each in graph.outputs.values()],
    }
    if graph.model is not None:
        card = graph.model.card
        properties = {
            "kind": card.kind,
            "task": card.task,
            "summary": card.summary,
            "digest": graph.model.version,
        }
        for name, metric in card.metrics.items():
            properties[name] = f"{metric.value:g}"

        if graph.extras:
            properties["further_outputs"] = ",".join(graph.extras)

        document["properties"] = properties
    elif graph.session.class_names:
        document["properties"] = {
            f"classes of {output}": encode(names).decode()
            for output, names in graph.session.class_names.items()
        }

    return document


def describe_config(graph: Graph, settings: Settings) -> ModelConfig:
    """Returns a graph's configuration; one without a card has no batches, since its axis of rows is unknown."""
    has_rows = graph.model is not None
    config: ModelConfig = {
        "name": graph.name,
        "platform": PLATFORM,
        "backend": "onnxruntime",
        "max_batch_size": settings.max_rows if has_rows else 0,
        "input": [
            _describe_tensor_config(each, has_rows=has_rows)
            for each in graph.inputs.values()
        ],
        "output": [
            _describe_tensor_config(each, has_rows=has_rows)
            for each in graph.outputs.values()
        ],
    }
    # Only requests that wait for a run anyway share it.
    if graph.is_batchable:
        config["dynamic_batching"] = {"max_queue_delay_microseconds": 0}

    return config


def list_repository(registry: Registry, *, only_ready: bool) -> list[IndexEntry]:
    """Returns what is served, and what was refused and why."""
    index: list[IndexEntry] = [
        {"name": graph.name, "version": graph.version, "state": "READY", "reason": ""}
        for graph in registry
    ]
    if only_ready:
        return index

    for file, reason in registry.refused.items():
        name, version = _name_file(file)
        index.append(
            {"name": name, "version": version, "state": "UNAVAILABLE", "reason": reason}
        )

    index += [
        {"name": name, "version": "", "state": "UNAVAILABLE", "reason": "unloaded"}
        for name in registry.unloaded
    ]

    return index


def _name_file(file: str) -> tuple[str, str]:
    """Returns the name and the version of `NAME.onnx`, which has none, or of `NAME/VERSION/model.onnx`."""
    name, _, rest = file.removesuffix(".onnx").partition("/")
    return name, rest.removesuffix("/model")


def describe_statistics(models: Iterable[Graph]) -> AllStatistics:
    """Returns how many requests each graph had, and how long they took."""
    statistics = []
    for each in models:
        named = {"name": each.name, "version": each.version}
        statistics.append(named | each.statistics.describe())

    return {"model_stats": statistics}


def _describe_tensor(tensor: TensorInfo) -> TensorMetadata:
    datatype = BY_SESSION[tensor.type].name
    return {"name": tensor.name, "datatype": datatype, "shape": tensor.shape}


def _describe_tensor_config(tensor: TensorInfo, *, has_rows: bool) -> TensorConfig:
    name = BY_SESSION[tensor.type].name
    if name == BYTES:
        name = "STRING"

    dims = tensor.shape[1:] if has_rows else tensor.shape

    return {"name": tensor.name, "data_type": f"TYPE_{name}", "dims": dims}
