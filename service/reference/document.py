"""The OpenAPI document describes every route, with examples that the served models really answer."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec

from model_card import Card, FeatureInput
from service.contract import answers, live_answers
from service.contract.calls import CALLS, Call
from service.contract.requests import MULTIPART
from service.models.images.media_types import TAKEN_TYPES
from service.reference import judging, open_inference, pages, platforms
from service.reference.examples import find_examples
from service.reference.openapi import REFERENCE, content, responses, view
from service.reference.tasks import task_paths

_PROBABILITY = {"type": "number", "minimum": 0, "maximum": 1}
_COVERAGE = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}
_TYPES = (
    *(call.request for call in CALLS),
    *(call.answer for call in CALLS),
    answers.Layers,
    answers.LearntRows,
    live_answers.LiveComparison,
    answers.ModelList,
    live_answers.ToLabel,
    answers.Examples,
    answers.Verdict,
    answers.Error,
    *open_inference.TYPES,
)
_TOP = {"type": "integer", "minimum": 1}
_QUERY = {"top": "Answer only the classes of this many highest probabilities"}
"""Each field that may stand in the query has this description."""


def describe_interface(cards: list[Card]) -> dict[str, Any]:
    """Returns the document of OpenAPI 3.1; examples use the names and rows of `cards`, those of the served models."""
    reference, components = _describe_types()
    tasks = sorted({card.task for card in cards if card.kind == "classifier"})
    examples = find_examples(cards)
    names = _order_names(cards, examples)
    example = open_inference.show_example(examples.get("/predict"))

    paths = _call_paths(reference, examples)
    paths |= judging.describe_route(tasks, examples.pop("/judge", None))
    paths |= task_paths(reference, tasks)
    paths |= platforms.describe_routes(reference, names, examples.get("/invocations"))
    paths |= _model_paths(reference, names, _find_networks(cards))
    paths |= open_inference.describe_routes(reference, names, example)
    paths |= _operation_paths()
    paths |= pages.course_paths()

    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Veredicto",
            "version": "1",
            "description": "Prediction, probability and comparison of classifiers. "
            "A row is a list of values in the card's feature order, or an object {feature: value}; features that are "
            "words of a text, as `review: good`, may be left out for the text itself, as `review`, and those that are "
            "parts of a date, as `born_year` and `born_days`, for the date, as `born`: `2024-12-31`; for a model of "
            'images it is {"b64": the file in base64}, and the files themselves may be the body or a form.',
        },
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {"schemas": components},
    }


@cache
def _describe_types() -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the reference to each type by its name, and the schemas that all of them refer to.

    They are the same whatever is served, take 10 ms, and leave a thousand objects that hold each other: garbage that
    each reload would add to.
    """
    schemas, components = msgspec.json.schema_components(_TYPES, ref_template=REFERENCE)
    names = [each.__name__ for each in _TYPES]

    return dict(zip(names, schemas, strict=True)), dict(components)


def _call_paths(reference: dict[str, Any], examples: dict[str, Any]) -> dict[str, Any]:
    """Returns the paths of the table of calls."""
    return {
        call.route: {"post": _describe_call(call, reference, examples)}
        for call in CALLS
    }


def _describe_call(
    call: Call, reference: dict[str, Any], examples: dict[str, Any]
) -> dict[str, Any]:
    answers = responses(reference[call.answer.__name__], 400, 404, 413, 415, 503, 504)
    if call.picture is not None:
        answers["200"]["content"] |= {
            "image/png": {"schema": {"type": "string", "format": "binary"}}
        }

    request = reference[call.request.__name__]
    body = content(request, examples.get(call.route)) | _image_content(call)
    described: dict[str, Any] = {
        "operationId": call.name,
        "tags": [call.tag],
        "summary": call.summary,
        "requestBody": {"required": True, "content": body},
        "responses": answers,
    }
    parameters = _query_parameters(call) + _image_parameters(call)
    if parameters:
        described["parameters"] = parameters

    return described


def _query_parameters(call: Call) -> list[dict[str, Any]]:
    """Returns the fields of a request that may stand in the query."""
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "schema": _TOP,
            "description": _QUERY[name],
        }
        for name in call.query
    ]


def _image_fields(call: Call) -> dict[str, Any]:
    """Returns the single-valued fields beside an image file with their types, without those of the query."""
    fields: dict[str, Any] = {str(call.image_of): {"type": "string"}}
    if call.name == "predict":
        fields |= {
            "task": {"type": "string"},
            "min_probability": _PROBABILITY,
            "coverage": _COVERAGE,
        }
    if call.name in ("predict", "predict_proba"):
        fields["group"] = {"type": "string", "minLength": 1}
    return fields


def _image_parameters(call: Call) -> list[dict[str, Any]]:
    """Returns the parameters that stand in the query where the body is an image file."""
    if call.image_of is None:
        return []

    return [
        {
            "name": field,
            "in": "query",
            "required": False,
            "schema": schema,
            "description": _describe_field(field),
        }
        for field, schema in _image_fields(call).items()
    ]


def _describe_field(field: str) -> str:
    return f"The {field.replace('_', ' ')}, where the body is an image file or CSV"


def _image_content(call: Call) -> dict[str, Any]:
    """Returns the content of a body that is an image file, or a form with several."""
    if call.image_of is None:
        return {}

    file = {"type": "string", "format": "binary"}
    properties: dict[str, Any] = {"image": {"type": "array", "items": file}}
    properties |= _image_fields(call)
    properties |= dict.fromkeys(call.query, _TOP)
    if call.name == "compare":
        names = {"type": "array", "items": {"type": "string"}}
        properties |= {"label": names, "models": names}

    # /predict takes a task instead of a model.
    required = ["image"] if call.name == "predict" else ["image", call.image_of]
    form = {"type": "object", "required": required, "properties": properties}
    media: dict[str, Any] = {media_type: {"schema": file} for media_type in TAKEN_TYPES}
    media[MULTIPART] = {"schema": form}
    media["text/csv"] = {"schema": {"type": "string"}}

    return media


def _order_names(cards: list[Card], examples: dict[str, Any]) -> list[str]:
    """Returns the names of all models, that of the example ahead, so that a path and a body go together."""
    names = [card.name for card in cards]
    first = examples.get("/predict", {}).get("model")
    return sorted(names, key=lambda name: name != first)


def _find_networks(cards: list[Card]) -> list[str]:
    """Returns the names of the networks of images, of which layers can be shown."""
    return [
        card.name
        for card in cards
        if card.family == "cnn" and not isinstance(card.input, FeatureInput)
    ]


def _name_model(names: list[str]) -> dict[str, Any]:
    return {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "examples": names},
    }


def _model_paths(
    reference: dict[str, Any], names: list[str], networks: list[str]
) -> dict[str, Any]:
    card = {
        "type": "object",
        "required": ["name", "task", "family", "kind", "version", "runtime"],
    }
    text = "Layers of a network of images and its first filters; a PNG of them for who takes it"
    schema = reference["Layers"]
    of_network = [_name_model(networks)]
    layers = view(
        "describe_layers", "Models", text, schema, 400, 404, parameters=of_network
    )
    media = layers["get"]["responses"]["200"]["content"]
    media["image/png"] = {"schema": {"type": "string", "format": "binary"}}

    text = "Hashes of the rows that a model was learnt from: base64 of ascending unsigned 64-bit numbers, little-endian"
    schema = reference["LearntRows"]
    of_model = [_name_model(names)]
    learnt = view("list_learnt", "Models", text, schema, 400, 404, parameters=of_model)
    listed = view("list_models", "Models", "Every served model", reference["ModelList"])
    described = view(
        "describe_model",
        "Models",
        "A model's whole card",
        card,
        404,
        parameters=of_model,
    )

    return {
        "/models": listed,
        "/models/{name}": described,
        "/models/{name}/layers": layers,
        "/models/{name}/learnt": learnt,
    }


def _operation_paths() -> dict[str, Any]:
    anything = {"type": "object"}
    return {
        "/livez": view("livez", "Operations", "The process answers", anything),
        "/healthz": view("healthz", "Operations", "The same as /livez", anything),
        "/readyz": view(
            "readyz", "Operations", "Every model is loaded and warmed up", anything, 503
        ),
        "/metrics": view("metrics", "Operations", "Prometheus metrics", None),
        "/docs.json": view("interface", "Operations", "This document", anything),
        "/docs": view("docs", "Operations", "This document for people", None),
        "/": view("home", "Operations", "The page for people", None),
        "/trust": view("trust", "Operations", "The page on whom to trust", None),
        "/live": view(
            "live", "Operations", "The page of champion and challengers", None
        ),
    }
