"""The codec decodes and checks JSON requests with msgspec in one pass, and encodes answers with orjson."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from struct import error, pack
from typing import Any

import msgspec
import numpy as np
import orjson
from numpy.typing import NDArray

from service.contract.extreme_numbers import (
    MIN_CHECKED_BYTES,
    check_numbers,
    may_have_extremes,
)
from service.contract.limits import MAX_JSON_DEPTH
from service.contract.number_rows import (
    MIN_BYTES,
    looks_quick,
    read_number_rows,
)
from service.contract.repeated_names import check_names
from service.errors import InvalidRequest, hint_at

UTF8_BOM = b"\xef\xbb\xbf"
MIN_PACKED_COLUMNS = 64
"""One row of fewer values is converted by numpy as quickly as it is packed."""


def to_matrix(rows: Sequence[Sequence[float]]) -> NDArray[np.float64] | None:
    """Returns a read-only matrix `(n_rows, n_columns)`; None where rows differ in length, or have none."""
    if not rows or not rows[0]:
        return None

    n_columns = len(rows[0])
    if len(rows) == 1 and n_columns < MIN_PACKED_COLUMNS:
        return np.array(rows, dtype=np.float64)

    row_format = f"{n_columns}d"

    try:
        packed = b"".join([pack(row_format, *row) for row in rows])
    except error:
        return None

    return np.frombuffer(packed).reshape(len(rows), -1)


Numbers = list[list[float]]
NESTED = f"arrays and objects are nested too deeply; expected at most {MAX_JSON_DEPTH} levels"
_UNKNOWN_FIELD = re.compile(r"unknown field `(.*?)`")
NOT_FINITE = "NaN and infinity are not numbers; every value must be finite"
_NOT_FINITE = (b"NaN", b"Inf", b"-Inf", b"nan", b"inf")
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe{", b"\xfe\xff\x00{")
"""Objects begin with these in UTF-8 and UTF-16 as PowerShell and Notepad write them."""
_WORDS = {
    "`": "",
    "Object ": "",
    "bool | float | str | null": "number or name",
    "object | array": "list of values or object {feature: value}",
    "float": "number",
}
"""msgspec's messages have the keys, ours the values; they are replaced in this order."""


class RequestDecoder:
    """A decoder turns JSON bytes into requests of one type.

    Rows of numbers alone, by far the most frequent, are decoded as such and become a matrix at once. The general type,
    with names and objects, is tried where that fails, and has the words for what is wrong.
    """

    def __init__(self, request_type: Any) -> None:
        self.fields: tuple[str, ...] = request_type.__struct_encode_fields__
        self._usage = request_type.__doc__
        self._type = request_type
        self.has_rows = "inputs" in request_type.__struct_fields__
        numbers = request_type
        if self.has_rows:
            numbers = msgspec.defstruct(
                f"{request_type.__name__}OfNumbers",
                [("inputs", Numbers)],
                bases=(request_type,),
                forbid_unknown_fields=True,
            )

        self._decode_numbers: Callable[[bytes], Any] = msgspec.json.Decoder(
            numbers
        ).decode
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(request_type).decode
        known = msgspec.structs.fields(request_type)
        self._n_required = sum(each.required for each in known)
        self._optional = [
            (each.name, each.default) for each in known if not each.required
        ]

    def decode(self, body: bytes) -> Any:
        """Returns the request; raises InvalidRequest, which says where the body is wrong and what this call takes.

        PowerShell and Excel write a byte order mark ahead of UTF-8, which is passed over.
        """
        if len(body) >= MIN_CHECKED_BYTES:
            check_numbers(body)
        if self.has_rows and len(body) >= MIN_BYTES:
            quickly = self._decode_quickly(body)
            if quickly is not None:
                return quickly

        try:
            request = self._decode_numbers(body)
        except msgspec.ValidationError:
            return self._decode_rows(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            if body.startswith(UTF8_BOM):
                return self.decode(body[len(UTF8_BOM) :])
            raise InvalidRequest(explain_malformed(str(error), body)) from error

        n_names = self._count_names(request)
        if body.count(b":") > n_names:
            check_names(body, n_names)
        if self.has_rows:
            # Rows of unequal length stay lists.
            matrix = to_matrix(request.inputs)
            if matrix is not None:
                request.inputs = matrix

        return request

    def may_be_matrix(self, body: bytes) -> bool:
        """Returns whether `decode_matrix` is worth a try; names of columns or texts show in the first row."""
        return self.has_rows and looks_quick(body)

    def decode_matrix(self, body: bytes) -> Any | None:
        """Returns the request of rows of numbers alone; None for any other body, which `decode` has the words for."""
        return None if may_have_extremes(body) else self._decode_quickly(body)

    def _decode_quickly(self, body: bytes) -> Any | None:
        """Returns the request of rows of numbers; None for any other, and where something else is wrong with it."""
        found = read_number_rows(body)
        if found is None:
            return None

        try:
            request = msgspec.convert({**found.fields, "inputs": []}, self._type)
        except msgspec.ValidationError:
            return None

        request.inputs = found.rows

        return request

    def convert(self, fields: dict[str, Any], *, strict: bool = True) -> Any:
        """Returns the request that Python values make; where `strict` is false a text may stand for a number."""
        try:
            return msgspec.convert(fields, self._type, strict=strict)
        except msgspec.ValidationError as error:
            raise self._refusal(error) from error

    def _decode_rows(self, body: bytes) -> Any:
        try:
            request = self._decode(body)
        except msgspec.ValidationError as error:
            raise self._refusal(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(explain_malformed(str(error), body)) from error

        in_rows = sum(len(row) for row in request.inputs if type(row) is dict)
        check_names(body, self._count_names(request) + in_rows)

        return request

    def _count_names(self, request: Any) -> int:
        """Returns how many different names a request has for certain, but for those in its rows."""
        n_names = self._n_required
        for name, default in self._optional:
            value = getattr(request, name)
            if value is not default:
                n_names += 1
                if type(value) is dict:
                    n_names += len(value)

        return n_names

    def _refusal(self, error: msgspec.ValidationError) -> InvalidRequest:
        text = str(error)
        unknown = _UNKNOWN_FIELD.search(text)
        hint = hint_at(unknown[1], self.fields) if unknown else ""

        return InvalidRequest(f"{_explain(text)}{hint}; this call takes {self._usage}")


def _explain(text: str) -> str:
    """Returns msgspec's message in the order where, expected, got."""
    for theirs, ours in _WORDS.items():
        text = text.replace(theirs, ours)

    message, _, where = text.partition(" - at $.")
    message = message[0].lower() + message[1:]

    return f"{where}: {message}" if where else message


def explain_malformed(text: str, body: bytes) -> str:
    """Returns in our words what msgspec says of a body that is no JSON."""
    if not body.strip():
        return "malformed JSON: the body is empty"
    if body.startswith(_BYTE_ORDER_MARKS):
        return "malformed JSON: expected UTF-8, got a byte order mark: send the text in UTF-8 without one"

    if "codec can't decode" in text:
        return f"malformed JSON: expected UTF-8, got {_find_other_byte(body)}: send the text in UTF-8"
    if b"\0" in body[:4]:
        return "malformed JSON: expected UTF-8, got zero bytes, as UTF-16 has: send the text in UTF-8"

    place = re.search(r"byte (\d+)", text)
    if place and body.startswith(_NOT_FINITE, int(place[1])):
        return f"malformed JSON at byte {place[1]}: {NOT_FINITE}"

    return f"malformed JSON: {text.removeprefix('JSON is malformed: ')}"


def _find_other_byte(body: bytes) -> str:
    """Returns the first byte that is not of UTF-8, and where it stands; msgspec counts from the start of its text."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f"0x{body[error.start]:02x} at byte {error.start}"
    return "a text that is cut off"


def decode_base64(text: str) -> bytes:
    """Returns the bytes of base64, in lines or in one, padded or not; raises ValueError with what would work."""
    try:
        return b64decode(text, validate=True)
    except ValueError as error:
        plain = "".join(text.splitlines())
        plain += "=" * (-len(plain) % 4)
        if plain != text:
            return decode_base64(plain)
        if text.startswith("data:"):
            raise ValueError("it is a data URL: send what follows its comma") from error
        if "-" in text or "_" in text:
            raise ValueError(
                "it has - or _, of the alphabet for URLs: send + and / for them"
            ) from error

        raise ValueError(
            f"{error}; expected letters, digits, + and /, with = at the end"
        ) from error


def name_classes(classes: tuple[str, ...], label: NDArray[np.int64]) -> list[str]:
    """Returns the class names of labels `(n_rows,)`, one for each row."""
    return list(map(classes.__getitem__, label.tolist()))


def read_switch(field: str, text: str) -> bool:
    """Returns whether a field of a query or of a form is 1; raises InvalidRequest for other than 0, 1 and nothing."""
    if text not in ("", "0", "1"):
        raise InvalidRequest(f"{field}: expected 0 or 1, got {text[:40]!r}")
    return text == "1"


def encode(answer: Any) -> bytes:
    """Returns an answer as JSON; float32 arrays are written with the digits that float32 has."""
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def read_json(content: bytes) -> Any:
    """Returns plain Python values; raises ValueError for what is no JSON."""
    return orjson.loads(content)


def as_json(answer: Any) -> Any:
    """Returns an answer as the plain Python values that a client reads from its JSON."""
    return orjson.loads(encode(answer))
