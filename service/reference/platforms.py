"""The OpenAPI document describes here what platforms that host one model ask for."""

from __future__ import annotations

from typing import Any

from service.reference import openapi

_TAG = "Platforms"
_OBJECT = {"type": "object"}


def describe_routes(
    reference: dict[str, Any], names: list[str], example: dict[str, Any] | None
) -> dict[str, Any]:
    """Returns the paths by their routes, without `/invocations`, which is a call of the table.

    `reference` has the schemas of that call, and `example` is a request of it.
    """
    name = {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "examples": names},
    }
    predict = _describe_predict(reference, name, example)

    return {
        "/v1/models": openapi.view("models_v1", _TAG, "Names of all models", _OBJECT),
        "/v1/models/{name}": openapi.view(
            "model_v1",
            _TAG,
            "The state of a model, for clients of KServe and TensorFlow Serving",
            _OBJECT,
            400,
            404,
            parameters=[name],
        ),
        "/v1/models/{name}:predict": {"post": predict},
        "/ping": openapi.view(
            "ping", _TAG, "The same as /readyz, for SageMaker", _OBJECT, 503
        ),
    }


def _describe_predict(
    reference: dict[str, Any], name: dict[str, Any], example: dict[str, Any] | None
) -> dict[str, Any]:
    """Returns the operation that predicts by the model which the parameter `name` names."""
    instances = example and {"instances": example["instances"]}
    statuses = (400, 404, 413, 415, 503, 504)

    return {
        "operationId": "predict_v1",
        "tags": [_TAG],
        "summary": "As /invocations, of the model that the path names",
        "parameters": [name],
        "requestBody": {
            "required": True,
            "content": openapi.content(reference["InvocationsRequest"], instances),
        },
        "responses": openapi.responses(reference["Predictions"], *statuses),
    }
