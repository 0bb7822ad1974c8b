"""Every description of a route is made of these pieces of OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

REFERENCE = "#/components/schemas/{name}"
ERRORS = {
    400: "The request is at fault: malformed JSON, a wrong field, row or value",
    404: "No such path, model or task",
    405: "Wrong method; `Allow` names the right ones",
    413: "Over the limit of bytes or rows, which the text names",
    415: "A content type or encoding that the route does not take",
    503: "More work waiting than allowed, or not ready; `Retry-After` says when to try again",
    504: "The deadline passed",
}


def view(
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
        "responses": responses(schema, *statuses),
    }
    return {"get": description | ({"parameters": parameters} if parameters else {})}


def responses(schema: Any, *statuses: int) -> dict[str, Any]:
    found: dict[str, Any] = {"description": "OK"} | (
        {"content": content(schema)} if schema else {}
    )
    error = content({"$ref": REFERENCE.format(name="Error")})
    return {"200": found} | {
        str(status): {"description": ERRORS[status], "content": error}
        for status in (*statuses, 405)
    }


def content(schema: Any, example: Any = None) -> dict[str, Any]:
    return {
        "application/json": {"schema": schema}
        | ({"example": example} if example else {})
    }
