"""Every description of a route is made of these pieces of OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

JSON_TYPE = "application/json"
REFERENCE = "#/components/schemas/{name}"
ERRORS = {
    400: "The request is at fault: malformed JSON, a wrong field, row or value",
    401: "A token is needed, and none that is known came",
    403: "The token has not the right for this, or the operator has turned it off",
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
    """Returns the description of a GET; `statuses` are those of its errors beside 405."""
    description: dict[str, Any] = {
        "operationId": operation,
        "tags": [tag],
        "summary": summary,
        "responses": responses(schema, *statuses),
    }
    if parameters:
        description["parameters"] = parameters

    return {"get": description}


def responses(schema: Any, *statuses: int) -> dict[str, Any]:
    """Returns the responses by their statuses, 200 and those of errors, 405 among them."""
    found: dict[str, Any] = {"description": "OK"}
    if schema:
        found["content"] = content(schema)

    described = {"200": found}
    error = content({"$ref": REFERENCE.format(name="Error")})
    for status in (*statuses, 405):
        described[str(status)] = {"description": ERRORS[status], "content": error}

    return described


def content(schema: Any, example: Any = None) -> dict[str, Any]:
    """Returns the content of a body of JSON."""
    media: dict[str, Any] = {"schema": schema}
    if example:
        media["example"] = example

    return {JSON_TYPE: media}
