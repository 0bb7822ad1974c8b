"""Views are the methods over gRPC that describe the server and its models, and run none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from service.calls.data_plane import DataPlane
from service.models.registry import LATEST
from service.open_inference import metadata
from service.settings import Settings


def make_views(
    plane: DataPlane, settings: Settings
) -> dict[str, Callable[[Any], Mapping[str, Any]]]:
    """Returns what each method but the inference answers to its request."""
    return {
        "ServerLive": lambda _: {"live": True},
        "ServerReady": lambda _: {"ready": plane.is_ready()},
        "ServerMetadata": lambda _: metadata.describe_server(settings),
        "ModelReady": lambda request: {"ready": _is_served(plane, request)},
        "ModelMetadata": partial(_describe_model, plane),
        "ModelConfig": partial(_describe_config, plane, settings),
        "ModelStatistics": partial(_describe_statistics, plane),
        "RepositoryIndex": partial(_list_repository, plane),
    }


def _is_served(plane: DataPlane, request: Any) -> bool:
    versions = plane.registry.versions.get(request.name, {})
    if request.version in ("", LATEST):
        return bool(versions)

    return request.version in versions


def _describe_model(plane: DataPlane, request: Any) -> dict[str, Any]:
    """Returns a graph's metadata without a card's properties, for which the message has no place."""
    graph = plane.registry.find_graph(request.name, request.version or None)
    versions = list(plane.registry.versions.get(graph.name, {}))
    described: dict[str, Any] = dict(metadata.describe_model(graph, versions))
    described.pop("properties", None)

    return described


def _describe_config(
    plane: DataPlane, settings: Settings, request: Any
) -> dict[str, Any]:
    graph = plane.registry.find_graph(request.name, request.version or None)
    return {"config": metadata.describe_config(graph, settings)}


def _describe_statistics(plane: DataPlane, request: Any) -> Mapping[str, Any]:
    """Returns the statistics of the graphs that a request names, or of all where it names none."""
    if not request.name:
        return metadata.describe_statistics(plane.registry)

    graphs = plane.registry.find_graphs(request.name, request.version or None)
    return metadata.describe_statistics(graphs)


def _list_repository(plane: DataPlane, request: Any) -> dict[str, Any]:
    models = metadata.list_repository(plane.registry, only_ready=request.ready)
    return {"models": models}
