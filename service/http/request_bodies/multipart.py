"""A form of several parts is read from a body: its fields and its files, in their order.

This is the only module that knows the parser.
"""

from __future__ import annotations

import logging
import re
from binascii import a2b_qp
from typing import Any, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.contract.codec import decode_base64
from service.contract.limits import (
    MAX_FORM_FIELD_BYTES,
    MAX_FORM_FIELDS,
    MAX_PART_FIELD_BYTES,
    MAX_PART_FIELDS,
)
from service.errors import InvalidRequest

FILE_FIELD = "image"

# A client's fault is answered, and need not be logged too.
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)


class FormFile(NamedTuple):
    """A form has a file in a field, with the name and the media type that the client states."""

    field: str
    name: str
    content: bytes
    media_type: str


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
_CALLBACKS = (
    "on_part_begin",
    "on_header_field",
    "on_header_value",
    "on_header_end",
    "on_part_data",
    "on_part_end",
    "on_end",
)
_FOLD = re.compile(rb"\r\n[ \t]+")
_MAX_HEAD_BYTES = MAX_PART_FIELDS * MAX_PART_FIELD_BYTES
_EXTENDED_NAME = re.compile(rb";\s*filename\*\s*=", re.IGNORECASE)


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


class _Parts:
    """The parts of a form are collected while the parser goes through it.

    The library's own classes for fields and files know no file without a name, and take base64 in lines for broken.
    """

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[FormFile] = []
        self.has_ended = False
        self._head: dict[bytes, bytes] = {}
        self._name = b""
        self._value = b""
        self._content = bytearray()

    def on_part_begin(self) -> None:
        """Begins a part that has no head yet."""
        self._head = {}
        self._content = bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        """Takes some of the name of a field of the head."""
        self._name += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        """Takes some of its value."""
        self._value += data[start:end]

    def on_header_end(self) -> None:
        """Keeps a field of the head."""
        self._head[self._name.lower()] = self._value.strip(b" \t")
        self._name = self._value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Takes some of the part's content."""
        self._content += data[start:end]

    def on_part_end(self) -> None:
        """Takes a part as a file or as a field; raises InvalidRequest for one that has no name, or too long a value."""
        said = self._head.get(b"content-disposition", b"")
        _, options = parse_options_header(said)
        if b"name" not in options:
            raise InvalidRequest(
                "malformed multipart: expected a Content-Disposition with a name in the head of each part, "
                f"got {said[:100].decode('latin-1')!r}"
            )

        name = _text(options[b"name"])
        media_type = self._head.get(b"content-type", b"").decode("latin-1")
        encoding = self._head.get(b"content-transfer-encoding", b"").lower()
        content = _decode_part(bytes(self._content), encoding, name)
        file_name = options.get(b"filename")
        if file_name is not None or _is_file(name, said):
            self.files.append(FormFile(name, _text(file_name), content, media_type))
            return

        if len(content) > MAX_FORM_FIELD_BYTES:
            raise InvalidRequest(
                f"form field {name!r}: expected at most {MAX_FORM_FIELD_BYTES} bytes"
            )
        self.fields.append((name, _text(content)))

    def on_end(self) -> None:
        """Notes that the last boundary was there."""
        self.has_ended = True


def _is_file(name: str, disposition: bytes) -> bool:
    """Returns whether a part without a plain file name is a file all the same.

    RFC 7578 lets a file have no name, and some clients write one that is no ASCII as `filename*`, which it forbids.
    """
    return name == FILE_FIELD or _EXTENDED_NAME.search(disposition) is not None


def _decode_part(content: bytes, encoding: bytes, name: str) -> bytes:
    """Returns what a part's Content-Transfer-Encoding stands for; mail programs and old libraries send base64."""
    if encoding == b"quoted-printable":
        return a2b_qp(content)
    if encoding != b"base64":
        return content

    try:
        return decode_base64(content.decode("latin-1"))
    except ValueError as error:
        raise InvalidRequest(
            f"malformed multipart: {name[:100]!r} is not base64, as its Content-Transfer-Encoding says: {error}"
        ) from error


def _parse_parts(
    form: bytes, boundary: bytes
) -> tuple[list[tuple[str, str]], list[FormFile]]:
    """Returns the fields and files between the boundaries; raises InvalidRequest where they are no form."""
    parts = _Parts()
    callbacks: Any = {name: getattr(parts, name) for name in _CALLBACKS}
    try:
        parser = MultipartParser(
            boundary,
            callbacks,
            max_header_count=MAX_PART_FIELDS,
            max_header_size=MAX_PART_FIELD_BYTES,
        )
        parser.write(form)
        parser.finalize()
    except (FormParserError, ValueError) as error:
        raise InvalidRequest(f"malformed multipart: {_explain(error)}") from error

    if not parts.has_ended:
        raise InvalidRequest(
            "malformed multipart: the body ends before its last boundary"
        )

    return parts.fields, parts.files


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

    blanks = rb"[ \t]+(?=\r\n)"
    first = re.compile(re.escape(line[2:]) + blanks).match(body)
    if first is not None:
        body = line[2:] + body[first.end() :]
    # A pattern that begins with plain text is found quickly.
    padding = re.compile(re.escape(line) + blanks)
    if padding.search(body):
        body = padding.sub(lambda _: line, body)

    return _unfold_heads(body, line)


def _unfold_heads(form: bytes, line: bytes) -> bytes:
    """Returns a form with each field of a part's head on one line; mail programs go on after a blank on the next."""
    if not _FOLD.search(form):
        return form

    parts = []
    done = 0
    start = len(line)
    while True:
        end = form.find(b"\r\n\r\n", start - 2, start + _MAX_HEAD_BYTES)
        if end > start and _FOLD.search(form, start, end):
            parts += [form[done:start], _FOLD.sub(b" ", form[start:end])]
            done = end
        found = form.find(line, max(start, end))
        if found < 0:
            break
        start = found + len(line) + 2

    return b"".join([*parts, form[done:]]) if parts else form


def _explain(error: ValueError) -> str:
    """Returns the parser's message in our words, and where the form is wrong."""
    text = str(error)
    offset = getattr(error, "offset", -1)
    where = f" (byte {offset} of the form)" if offset >= 0 else ""
    ours = [words for start, words in _WORDS if text.startswith(start)]

    return (ours[0] if ours else text) + where


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
