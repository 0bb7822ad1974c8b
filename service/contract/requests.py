"""Requests, decoded and checked in one pass by msgspec, and answers, encoded by orjson."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from service.contract.arrays import to_matrix
from service.errors import InvalidRequest

MULTIPART = "multipart/form-data"

Value = float | str | bool | None
Row = list[Value] | dict[str, Value]
Rows = list[Row] | NDArray[np.float64]
"""What a request holds: rows as they were sent, or the matrix of rows that are numbers throughout."""

Numbers = list[list[float]]


class PredictRequest(msgspec.Struct, forbid_unknown_fields=True):
    """{"model": NAME (or "task": TASK), "inputs": [ROW, ...], "min_probability": P (optional, of classifiers)}"""

    inputs: list[Row]
    model: str | None = None
    task: str | None = None
    min_probability: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class PredictProbaRequest(msgspec.Struct, forbid_unknown_fields=True):
    """{"model": NAME, "inputs": [ROW, ...], "top": K (optional)}"""

    model: str
    inputs: list[Row]
    top: Annotated[int, msgspec.Meta(ge=1)] | None = None


class CompareRequest(msgspec.Struct, forbid_unknown_fields=True):
    """{"task": TASK, "inputs": [ROW, ...], "models": [NAME, ...] (optional), "labels": [CLASS, ...] (optional)}"""

    task: str
    inputs: list[Row]
    models: list[str] | None = None
    labels: list[str | int] | None = None


class TransformRequest(msgspec.Struct, forbid_unknown_fields=True):
    """{"model": NAME, "inputs": [ROW, ...]}"""

    model: str
    inputs: list[Row]


class GenerateRequest(msgspec.Struct, forbid_unknown_fields=True):
    """{"model": NAME, "count": N (optional, 16), "seed": S (optional)}"""

    model: str
    count: Annotated[int, msgspec.Meta(ge=1)] = 16
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None


class ExplainRequest(
    msgspec.Struct, forbid_unknown_fields=True, rename={"class_name": "class"}
):
    """{"model": NAME, "inputs": [ROW, ...], "class": CLASS (optional), "layer": NAME (optional, of images)}"""

    model: str
    inputs: list[Row]
    class_name: str | None = None
    layer: str | None = None


class FeedbackRequest(msgspec.Struct, forbid_unknown_fields=True):
    """{"id": ID of an answer, or ID/ROW of one of several rows, "label": CLASS}"""

    id: str
    label: str | int


class RequestDecoder:
    """JSON bytes to requests of one type.

    Rows of numbers alone, by far the most frequent, are decoded as such and become a matrix at once. The
    general type, with names and objects, is tried where that fails, and has the words for what is wrong.
    """

    def __init__(self, request_type: Any) -> None:
        self._usage = request_type.__doc__
        self._type = request_type
        self._has_rows = "inputs" in request_type.__struct_fields__
        numbers = request_type
        if self._has_rows:
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

    def decode(self, body: bytes) -> Any:
        """Raises InvalidRequest, which says where the body is wrong and what this call takes."""
        try:
            request = self._decode_numbers(body)
        except msgspec.ValidationError:
            return self._decode_rows(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(_explain_malformed(str(error), body)) from error

        if self._has_rows:
            matrix = to_matrix(request.inputs)
            if matrix is not None:  # rows of unequal length stay lists
                request.inputs = matrix

        return request

    def convert(self, fields: dict[str, Any], *, strict: bool = True) -> Any:
        """The same from Python values; not strict, a text may stand for a number."""
        try:
            return msgspec.convert(fields, self._type, strict=strict)
        except msgspec.ValidationError as error:
            raise self._refusal(error) from error

    def _decode_rows(self, body: bytes) -> Any:
        try:
            return self._decode(body)
        except msgspec.ValidationError as error:
            raise self._refusal(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidRequest(_explain_malformed(str(error), body)) from error

    def _refusal(self, error: msgspec.ValidationError) -> InvalidRequest:
        return InvalidRequest(f"{_explain(str(error))}; this call takes {self._usage}")


def _explain(text: str) -> str:
    """msgspec's words in the order of ours: where, expected, got."""
    text = (
        text.replace("`", "")
        .replace("Object ", "")
        .replace("bool | float | str | null", "number or name")
    )
    text = text.replace(
        "object | array", "list of values or object {feature: value}"
    ).replace("float", "number")
    message, _, where = text.partition(" - at $.")
    message = message[0].lower() + message[1:]

    return f"{where}: {message}" if where else message


def _explain_malformed(text: str, body: bytes) -> str:
    place = re.search(r"byte (\d+)", text)
    if place and body[int(place[1]) :].startswith(
        (b"NaN", b"Inf", b"-Inf", b"nan", b"inf")
    ):
        return f"malformed JSON at byte {place[1]}: NaN and infinity are not numbers; every value must be finite"

    if not body:
        return "malformed JSON: the body is empty"

    return f"malformed JSON: {text.removeprefix('JSON is malformed: ')}"
