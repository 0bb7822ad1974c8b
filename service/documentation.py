"""The OpenAPI document of every route, with an example that the served models really answer."""

from __future__ import annotations

from typing import Any

import msgspec

from model_card import Card, FeatureInput
from service import payloads

_REFERENCE = "#/components/schemas/{name}"
_ERRORS = {
    400: "The request is at fault: malformed JSON, a wrong field, row or value",
    404: "No such path, model or task",
    405: "Wrong method; `Allow` names the right ones",
    413: "Over the limit of bytes or rows, which the text names",
    415: "A content type or encoding that the route does not take",
    503: "More work waiting than allowed, or not ready; `Retry-After` says when to try again",
    504: "The deadline passed",
}


def describe_interface(cards: list[Card]) -> dict[str, Any]:
    """OpenAPI 3.1; `cards` are those of the served models, whose names and rows the examples use."""
    types = [
        payloads.PredictRequest,
        payloads.PredictProbaRequest,
        payloads.CompareRequest,
        payloads.TransformRequest,
        payloads.GenerateRequest,
        payloads.Prediction,
        payloads.Probabilities,
        payloads.Comparison,
        payloads.Transformation,
        payloads.Generation,
        payloads.ModelList,
        payloads.Error,
    ]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    reference = dict(zip([each.__name__ for each in types], schemas, strict=True))
    names = [card.name for card in cards]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Veredicto",
            "version": "1",
            "description": "Prediction, probability and comparison of classifiers. "
            "A row is a list of values in the card's feature order, or an object {feature: value}.",
        },
        "servers": [{"url": "."}],
        "paths": _calls(reference, _examples(cards)) | _models(reference, names) | _operations(),
        "components": {"schemas": components},
    }


def _calls(reference: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    top = {
        "name": "top",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1},
        "description": "Answer only the classes of this many highest probabilities",
    }
    calls = [
        ("/predict", "predict", "Prediction", "Class labels, numbers or cluster numbers, one for each row", []),
        ("/predict_proba", "predict_proba", "Probabilities", "Probabilities of each row", [top]),
        ("/compare", "compare", "Comparison", "The task's classifiers on the same rows", []),
        ("/transform", "transform", "Transformation", "Codes of each row, and the row made from them", []),
        ("/generate", "generate", "Generation", "New images: one PNG of all, or JSON for who accepts only that", []),
    ]
    paths = {}
    for path, operation, answer, summary, parameters in calls:
        request = "".join(word.capitalize() for word in operation.split("_")) + "Request"
        responses = _responses(reference[answer], 400, 404, 413, 415, 503, 504)
        if operation == "generate":
            responses["200"]["content"] |= {"image/png": {"schema": {"type": "string", "format": "binary"}}}
        paths[path] = {
            "post": {
                "operationId": operation,
                "tags": ["Predict and compare"],
                "summary": summary,
                "parameters": parameters,
                "requestBody": {"required": True, "content": _content(reference[request], examples.get(path))},
                "responses": responses,
            }
        }
    return paths


def _examples(cards: list[Card]) -> dict[str, Any]:
    """A request of each call that these models answer, by path: the shortest example row of a kind."""
    examples: dict[str, Any] = {}
    rows = [(card, list(card.input.example)) for card in cards if isinstance(card.input, FeatureInput)]
    rows.sort(key=lambda each: len(each[1]))
    for card, row in rows:
        request = {"model": card.name, "inputs": [row]}
        if card.kind == "classifier":
            examples.setdefault("/predict", request)
            examples.setdefault("/predict_proba", request)
            examples.setdefault("/compare", {"task": card.task, "inputs": [row]})
        elif card.kind == "transformer":
            examples.setdefault("/transform", request)
    for card, row in rows:
        if card.kind in ("regressor", "clusterer"):
            examples.setdefault("/predict", {"model": card.name, "inputs": [row]})
    for card in cards:
        if card.kind == "generator":
            examples.setdefault("/generate", {"model": card.name, "count": 16, "seed": 0})
    return examples


def _models(reference: dict[str, Any], names: list[str]) -> dict[str, Any]:
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "examples": names}}
    card = {"type": "object", "required": ["name", "task", "family", "kind", "version", "runtime"]}
    return {
        "/models": _view("list_models", "Models", "Every served model", reference["ModelList"]),
        "/models/{name}": _view("describe_model", "Models", "A model's whole card", card, 404, parameters=[name]),
    }


def _operations() -> dict[str, Any]:
    anything = {"type": "object"}
    return {
        "/livez": _view("livez", "Operations", "The process answers", anything),
        "/healthz": _view("healthz", "Operations", "The same as /livez", anything),
        "/readyz": _view("readyz", "Operations", "Every model is loaded and warmed up", anything, 503),
        "/metrics": _view("metrics", "Operations", "Prometheus metrics", None),
        "/docs.json": _view("interface", "Operations", "This document", anything),
        "/docs": _view("docs", "Operations", "This document for people", None),
        "/": _view("home", "Operations", "The page for people", None),
    }


def _view(
    operation: str,
    tag: str,
    summary: str,
    schema: Any,
    *statuses: int,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    description = {
        "operationId": operation,
        "tags": [tag],
        "summary": summary,
        "responses": _responses(schema, *statuses),
    }
    return {"get": description | ({"parameters": parameters} if parameters else {})}


def _responses(schema: Any, *statuses: int) -> dict[str, Any]:
    found: dict[str, Any] = {"description": "OK"} | ({"content": _content(schema)} if schema else {})
    error = _content({"$ref": _REFERENCE.format(name="Error")})
    return {"200": found} | {
        str(status): {"description": _ERRORS[status], "content": error} for status in (*statuses, 405)
    }


def _content(schema: Any, example: Any = None) -> dict[str, Any]:
    return {"application/json": {"schema": schema} | ({"example": example} if example else {})}
