"""The OpenAPI document describes the Open Inference Protocol's routes here."""

from __future__ import annotations

from typing import Any

from service.open_inference import metadata
from service.open_inference.requests import InferRequest
from service.reference import openapi

TYPES: list[Any] = [
    InferRequest,
    metadata.ServerMetadata,
    metadata.ModelMetadata,
    metadata.ModelReady,
    metadata.ModelConfig,
    metadata.IndexEntry,
    metadata.AllStatistics,
]
"""The schemas of `describe_routes` refer to these types."""

_MODEL = "/v2/models/{name}"
_VERSION = "/v2/models/{name}/versions/{version}"
_VIEWS = (
    ("", "model_metadata", "Inputs and outputs of a model", "ModelMetadata"),
    ("/ready", "model_ready", "Whether a model is ready", "ModelReady"),
    ("/config", "model_config", "As Triton has a model's configuration", "ModelConfig"),
    (
        "/stats",
        "model_statistics",
        "What a model was asked, and its time",
        "AllStatistics",
    ),
)
"""Below a model's path each view has this ending, operation, summary and schema."""
_BYTES = {
    "application/octet-stream": {"schema": {"type": "string", "format": "binary"}}
}
_ANSWER = {
    "type": "object",
    "required": ["model_name", "model_version", "outputs"],
    "properties": {
        "model_name": {"type": "string"},
        "model_version": {"type": "string"},
        "id": {"type": "string", "description": "As the request has it"},
        "outputs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "datatype", "shape"],
                "properties": {
                    "name": {"type": "string"},
                    "datatype": {"type": "string"},
                    "shape": {
                        "type": "array",
                        "items": {"type": "integer", "minimum": 0},
                    },
                    "data": {"type": "array", "description": "Flat, row by row"},
                    "parameters": {"type": "object"},
                },
            },
        },
    },
}


_CHANGES = {
    "load": "Load a model as its file is now, in all workers or in none; the right `admin` and VEREDICTO_RELOAD_S",
    "unload": "Unload a model in all workers, until it is loaded again; the right `admin` and VEREDICTO_RELOAD_S",
}


def describe_routes(
    reference: dict[str, Any], names: list[str], example: dict[str, Any] | None
) -> dict[str, Any]:
    """Returns the paths by their routes; `reference` has a schema for each of `TYPES`."""
    paths = {
        "/v2": _view(
            "server_metadata",
            "Name, version and extensions",
            reference["ServerMetadata"],
        ),
        "/v2/health/live": _view(
            "server_live", "The process answers", {"type": "object"}
        ),
        "/v2/health/ready": _view(
            "server_ready",
            "Every model is loaded and warmed up",
            {"type": "object"},
            503,
        ),
        "/v2/repository/index": {"post": _describe_index(reference)},
    }
    by_name = [_path_parameter("name", names)]
    for action, summary in _CHANGES.items():
        path = f"/v2/repository/models/{{name}}/{action}"
        paths[path] = {"post": _describe_change(action, summary, by_name)}

    by_version = [*by_name, _path_parameter("version", [])]
    infer = reference["InferRequest"]

    paths |= _describe_model(_MODEL, "", reference, by_name)
    paths[f"{_MODEL}/infer"] = _describe_infer("infer", infer, by_name, example)
    paths |= _describe_model(_VERSION, "_version", reference, by_version)
    paths[f"{_VERSION}/infer"] = _describe_infer(
        "infer_version", infer, by_version, None
    )

    return paths


def _describe_model(
    path: str, suffix: str, reference: dict[str, Any], parameters: list[dict[str, Any]]
) -> dict[str, Any]:
    """Returns the paths that describe a model; `suffix` tells their operations from those of other paths."""
    paths = {}
    for ending, operation, summary, schema in _VIEWS:
        paths[path + ending] = _view(
            operation + suffix, summary, reference[schema], 404, parameters=parameters
        )

    return paths


def _view(
    operation: str,
    summary: str,
    schema: Any,
    *statuses: int,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return openapi.view(
        operation,
        "Open Inference Protocol v2",
        summary,
        schema,
        *statuses,
        parameters=parameters,
    )


def _describe_infer(
    operation: str,
    request: Any,
    parameters: list[dict[str, Any]],
    example: dict[str, Any] | None,
) -> dict[str, Any]:
    length = {
        "name": "Inference-Header-Content-Length",
        "in": "header",
        "required": False,
        "schema": {"type": "integer", "minimum": 0},
        "description": "Bytes of JSON before the tensors' bytes; 0 where the body is one input's bytes alone",
    }
    answers = openapi.responses(_ANSWER, 400, 404, 413, 415, 503, 504)
    answers["200"]["content"] |= _BYTES

    content = openapi.content(request, example) | _BYTES
    described = {
        "operationId": operation,
        "tags": ["Open Inference Protocol v2"],
        "summary": "Tensors in, tensors out, as JSON or as bytes",
        "parameters": [*parameters, length],
        "requestBody": {"required": True, "content": content},
        "responses": answers,
    }

    return {"post": described}


def _describe_index(reference: dict[str, Any]) -> dict[str, Any]:
    ready = {"type": ["boolean", "null"]}
    request = {"type": "object", "properties": {"ready": ready}}
    return {
        "operationId": "repository_index",
        "tags": ["Open Inference Protocol v2"],
        "summary": "What is served, and what was refused and why",
        "requestBody": {"required": False, "content": openapi.content(request)},
        "responses": openapi.responses(
            {"type": "array", "items": reference["IndexEntry"]}, 400, 413, 415, 503, 504
        ),
    }


def _describe_change(
    action: str, summary: str, parameters: list[dict[str, Any]]
) -> dict[str, Any]:
    parameter = {"type": ["object", "null"]}
    request = {"type": "object", "properties": {"parameters": parameter}}
    return {
        "operationId": f"repository_{action}",
        "tags": ["Open Inference Protocol v2"],
        "summary": summary,
        "parameters": parameters,
        "requestBody": {"required": False, "content": openapi.content(request)},
        "responses": openapi.responses(
            {"type": "object"}, 400, 401, 403, 404, 413, 415, 503, 504
        ),
    }


def _path_parameter(name: str, examples: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if examples:
        schema["examples"] = examples

    return {"name": name, "in": "path", "required": True, "schema": schema}


def show_example(request: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns a request of `/predict` with one row of numbers as the protocol has it."""
    if request is None:
        return None

    (row,) = request["inputs"]
    tensor = {
        "name": "features",
        "shape": [1, len(row)],
        "datatype": "FP32",
        "data": row,
    }

    return {"inputs": [tensor]}
