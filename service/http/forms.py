"""Requests with image files are a raw body with its query, or multipart.

This is the only module that knows the parser.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import FormParser, parse_options_header

from service.contract.limits import (
    MAX_FORM_FIELD_BYTES,
    MAX_FORM_FIELDS,
    MAX_PART_FIELD_BYTES,
    MAX_PART_FIELDS,
)
from service.contract.requests import MULTIPART
from service.errors import InvalidRequest, hint_at
from service.models.images import ImageFile

FILE_FIELD = "image"


class FormFile(NamedTuple):
    """A form has a file in a field, with the name and the media type that the client states."""

    field: str
    name: str
    content: bytes
    media_type: str


REPEATED = {"labels": "labels", "label": "labels", "models": "models"}
"""These fields may come several times, and make a list of this name."""
_WORDS = (
    (
        "Maximum header size",
        f"a field of a part's head is over the limit of {MAX_PART_FIELD_BYTES} bytes",
    ),
    (
        "Maximum header count",
        f"the head of a part has more than {MAX_PART_FIELDS} fields",
    ),
    ("Did not find", "expected CR LF at the end of a line"),
    ("Found", "the head of a part is not of lines like 'Name: value'"),
    ("Expected boundary", "the first boundary is not followed by a line end"),
)
"""The parser's messages begin with the left, ours say the right."""

# A client's fault is answered, and need not be logged too.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


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
                f"unknown field {name[:100]!r}{hint_at(name, known_fields)}; beside the image this call takes {takes}"
            )

        if field in REPEATED.values():
            values.setdefault(field, []).append(value)
        elif field in values:
            raise InvalidRequest(f"field {name!r}: expected it once, got it again")
        else:
            values[field] = value

    return values


def read_form(
    media_type: str, body: bytes
) -> tuple[list[tuple[str, str]], list[FormFile]]:
    """Returns the fields and files of a form, in their order; everything stays in memory, where the body is already."""
    _, options = parse_options_header(media_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise InvalidRequest(
            f"malformed multipart: expected a boundary in the Content-Type, got {media_type[:200]!r}"
        )

    return _parse_parts(_cut_form(body, boundary), boundary)


def _parse_parts(
    form: bytes, boundary: bytes
) -> tuple[list[tuple[str, str]], list[FormFile]]:
    """Returns the fields and files between the boundaries; raises InvalidRequest where they are no form."""
    fields: list[tuple[str, str]] = []
    files: list[FormFile] = []
    ended: list[bool] = []
    limits = {
        "MAX_MEMORY_FILE_SIZE": len(form) + 1,
        "MAX_FIELDS": MAX_FORM_FIELDS,
        "MAX_HEADER_SIZE": MAX_PART_FIELD_BYTES,
        "MAX_HEADER_COUNT": MAX_PART_FIELDS,
    }

    try:
        parser = FormParser(
            MULTIPART,
            lambda field: fields.append(_read_field(field)),
            lambda file: files.append(_read_file(file)),
            on_end=lambda: ended.append(True),
            boundary=boundary,
            config=limits,
        )
        parser.write(form)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise InvalidRequest(f"malformed multipart: {_explain(error)}") from error

    if not ended:
        raise InvalidRequest(
            "malformed multipart: the body ends before its last boundary"
        )

    return fields, files


def _cut_form(body: bytes, boundary: bytes) -> bytes:
    """Returns the body from its first boundary to its last, without what RFC 2046 lets stand around them.

    It raises InvalidRequest where there is no boundary, or more parts than a form may have.
    """
    line = b"\r\n--" + boundary
    start = 0 if body.startswith(line[2:]) else body.find(line) + 2
    if start == 1:
        shown = boundary[:100].decode("latin-1")
        raise InvalidRequest(
            f"malformed multipart: expected the boundary {shown!r} that the Content-Type names, found none in the body"
        )

    n_parts = body.count(line, start)
    if n_parts > MAX_FORM_FIELDS:
        raise InvalidRequest(
            f"malformed multipart: {n_parts} parts are over the limit of {MAX_FORM_FIELDS}"
        )

    last = body.find(line + b"--", start)
    end = last + len(line) + 2 if last >= 0 else len(body)
    if start or end < len(body):
        body = body[start:end]

    padding = re.compile(re.escape(line) + rb"[ \t]+(?=\r\n)")

    return padding.sub(lambda _: line, body) if padding.search(body) else body


def _explain(error: ValueError) -> str:
    """Returns the parser's message in our words, and where the form is wrong."""
    text = str(error)
    offset = getattr(error, "offset", -1)
    where = f" (byte {offset} of the form)" if offset >= 0 else ""
    ours = [words for start, words in _WORDS if text.startswith(start)]

    return (ours[0] if ours else text) + where


def _read_field(field: Any) -> tuple[str, str]:
    name = _text(field.field_name)
    value = field.value or b""
    if len(value) > MAX_FORM_FIELD_BYTES:
        raise InvalidRequest(
            f"form field {name!r}: expected at most {MAX_FORM_FIELD_BYTES} bytes"
        )

    return name, _text(value)


def _read_file(file: Any) -> FormFile:
    file.file_object.seek(0)

    return FormFile(
        _text(file.field_name),
        _text(file.file_name),
        file.file_object.read(),
        file.content_type or "",
    )


def _take_image(file: FormFile) -> ImageFile:
    if file.field != FILE_FIELD:
        raise InvalidRequest(
            f"form file {file.field[:100]!r}: expected files in the field {FILE_FIELD!r}"
        )

    return ImageFile(file.content, file.media_type)


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
