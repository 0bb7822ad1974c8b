"""Requests with image files are a raw body with its query, or multipart.

This is the only module that knows the parser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import FormParser, parse_options_header

from service.contract.requests import MULTIPART
from service.errors import InvalidRequest
from service.models.images import ImageFile

FILE_FIELD = "image"
REPEATED = {"labels": "labels", "label": "labels", "models": "models"}
"""These fields may come several times, and make a list of this name."""
MAX_FIELDS = 20_000
MAX_FIELD_BYTES = 10_000


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
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if media_type.startswith(MULTIPART):
        fields, files = _parse(media_type, body)
        pairs += fields
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


def _collect(
    pairs: list[tuple[str, str]], known_fields: tuple[str, ...]
) -> dict[str, Any]:
    """Returns the values of fields; raises InvalidRequest for one that is unknown, or that may not come again."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        field = REPEATED.get(name, name)
        if field not in known_fields:
            takes = ", ".join(each for each in known_fields if each != "inputs")
            raise InvalidRequest(
                f"unknown field {name[:100]!r}; beside the image this call takes {takes}"
            )

        if field in REPEATED.values():
            values.setdefault(field, []).append(value)
        elif field in values:
            raise InvalidRequest(f"field {name!r}: expected it once, got it again")
        else:
            values[field] = value

    return values


def _parse(
    media_type: str, body: bytes
) -> tuple[list[tuple[str, str]], list[ImageFile]]:
    """Returns the fields and files of a form, in their order; everything stays in memory, where the body is already."""
    _, options = parse_options_header(media_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise InvalidRequest(
            f"malformed multipart: expected a boundary in the Content-Type, got {media_type[:200]!r}"
        )

    fields: list[tuple[str, str]] = []
    files: list[ImageFile] = []
    ended: list[bool] = []
    limits = {"MAX_MEMORY_FILE_SIZE": len(body) + 1, "MAX_FIELDS": MAX_FIELDS}

    try:
        parser = FormParser(
            MULTIPART,
            lambda field: fields.append(_read_field(field)),
            lambda file: files.append(_read_file(file)),
            on_end=lambda: ended.append(True),
            boundary=boundary,
            config=limits,
        )
        parser.write(body)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise InvalidRequest(f"malformed multipart: {error}") from error

    if not ended:
        raise InvalidRequest(
            "malformed multipart: the body ends before its last boundary"
        )

    return fields, files


def _read_field(field: Any) -> tuple[str, str]:
    name = _text(field.field_name)
    value = field.value or b""
    if len(value) > MAX_FIELD_BYTES:
        raise InvalidRequest(
            f"form field {name!r}: expected at most {MAX_FIELD_BYTES} bytes"
        )

    return name, _text(value)


def _read_file(file: Any) -> ImageFile:
    name = _text(file.field_name)
    if name != FILE_FIELD:
        raise InvalidRequest(
            f"form file {name[:100]!r}: expected files in the field {FILE_FIELD!r}"
        )

    file.file_object.seek(0)

    return ImageFile(file.file_object.read(), file.content_type or "")


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
