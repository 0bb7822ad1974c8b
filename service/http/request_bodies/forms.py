"""Requests with image files are a raw body with its query, or multipart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from service.contract.limits import MAX_FORM_FIELDS
from service.contract.requests import MULTIPART
from service.errors import InvalidRequest, hint_at
from service.http.request_bodies.multipart import FILE_FIELD, FormFile, read_form
from service.models.images.media_types import ImageFile

REPEATED = {"labels": "labels", "label": "labels", "models": "models"}
"""These fields may come several times, and make a list of this name."""


def read_request(
    media_type: str,
    body: bytes,
    query: bytes,
    known_fields: tuple[str, ...],
    convert: Callable[[dict[str, Any]], Any],
) -> Any:
    """Returns the request that a raw image or a form makes, with the files as its `inputs`.

    `known_fields` are the fields that the request may have. It raises InvalidRequest for a malformed form, and for a
    field that is unknown, missing or of the wrong type.
    """
    pairs = read_query(query)
    if media_type.startswith(MULTIPART):
        fields, parts = read_form(media_type, body)
        pairs += fields
        files = [_take_image(each) for each in parts]
    else:
        files = [ImageFile(body, media_type)]

    if not files:
        raise InvalidRequest(
            f"expected at least one file in the field {FILE_FIELD!r}, got none"
        )

    values = _collect(pairs, known_fields)
    request = convert(values | {"inputs": []})
    request.inputs = files

    return request


def read_fields(
    query: bytes,
    known_fields: tuple[str, ...],
    convert: Callable[[dict[str, Any]], Any],
) -> Any:
    """Returns the request that a query makes, still without inputs; raises InvalidRequest as `read_request` does."""
    return convert(_collect(read_query(query), known_fields) | {"inputs": []})


def read_query(query: bytes) -> list[tuple[str, str]]:
    """Returns names and values in the order in which they stand; raises InvalidRequest for too many."""
    try:
        return parse_qsl(
            query.decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=MAX_FORM_FIELDS,
        )
    except ValueError:
        raise InvalidRequest(
            f"the query has more than the limit of {MAX_FORM_FIELDS} fields"
        ) from None


def read_parameters(query: bytes) -> dict[str, str]:
    """Returns the value of each parameter; raises InvalidRequest for one that comes again, and as `read_query` does."""
    values: dict[str, str] = {}
    for name, value in read_query(query):
        if name in values:
            raise InvalidRequest(
                f"query parameter {name[:100]!r}: expected it once, got it again"
            )
        values[name] = value

    return values


def _collect(
    pairs: list[tuple[str, str]], known_fields: tuple[str, ...]
) -> dict[str, Any]:
    """Returns the values of fields; raises InvalidRequest for one that is unknown, or that may not come again."""
    known = [each for each in known_fields if each != "inputs"]
    values: dict[str, Any] = {}
    for name, value in pairs:
        field = REPEATED.get(name, name)
        if field not in known:
            raise InvalidRequest(
                f"unknown field {name[:100]!r}{hint_at(name, known)}; "
                f"beside the image this call takes {', '.join(known)}"
            )

        if field in REPEATED.values():
            values.setdefault(field, []).append(value)
        elif field in values:
            raise InvalidRequest(f"field {name!r}: expected it once, got it again")
        else:
            values[field] = value

    return values


def _take_image(file: FormFile) -> ImageFile:
    if file.field != FILE_FIELD:
        raise InvalidRequest(
            f"form file {file.field[:100]!r}: expected files in the field {FILE_FIELD!r}"
        )

    return ImageFile(file.content, file.media_type)
