"""The call that judges labelled rows is described here: a CSV as its body, or a form of a CSV or of images."""

from __future__ import annotations

from typing import Any

from service.contract import answers
from service.contract.requests import MULTIPART
from service.reference.openapi import responses

_EVIDENCE = {
    "type": "object",
    "required": ["format", "schema_version", "task", "classes", "data", "truth"],
    "properties": {
        "format": {"type": "string", "const": "veredicto evidence"},
        "task": {"type": "string"},
        "classes": {"type": "array", "items": {"type": "string"}},
        "truth": {"type": "array", "items": {"type": "integer"}},
        "answers": {"type": "array", "items": {"type": "object"}},
        "numbers": {"type": "object"},
        "verdict": {"type": "object"},
        "notes": {"type": "array", "items": {"type": "string"}},
    },
}
_FIELDS: dict[str, dict[str, Any]] = {
    "task": {"type": "string"},
    "label": {
        "type": "string",
        "description": "The column of true classes; of images one for each, in their order",
    },
    "by": {"type": "string", "enum": list(answers.VERDICT_METRICS)},
    "group": {
        "type": "string",
        "description": "The column whose equal values mean that rows belong together",
    },
    "keep_learnt": {
        "type": "integer",
        "enum": [0, 1],
        "description": "1: rows that models were learnt from are judged too",
    },
}


def describe_route(tasks: list[str], example: str | None) -> dict[str, Any]:
    """Returns the path of the call, with the names of tasks that have classifiers and an example of a CSV."""
    fields = _FIELDS | {"task": _FIELDS["task"] | {"examples": tasks}}
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    form = {
        "type": "object",
        "required": ["task"],
        "properties": {
            **fields,
            "label": {"type": "array", "items": {"type": "string"}},
            "data": {"type": "string", "contentMediaType": "text/csv"},
            "image": {"type": "array", "items": file},
        },
    }
    parameters = [
        {"name": name, "in": "query", "required": False, "schema": schema}
        for name, schema in fields.items()
    ]
    return {
        "/judge": {
            "post": {
                "operationId": "judge",
                "tags": ["Predict and compare"],
                "summary": "The evidence of a report on labelled rows, of which nothing is kept",
                "parameters": parameters,
                "requestBody": {
                    "required": True,
                    "content": {
                        "text/csv": {"schema": {"type": "string"}}
                        | ({"example": example} if example else {}),
                        MULTIPART: {"schema": form},
                    },
                },
                "responses": responses(_EVIDENCE, 400, 404, 413, 415, 503, 504),
            }
        }
    }
