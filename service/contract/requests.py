"""The requests of the calls declare their fields, types and limits; errors quote each docstring as the call's usage."""

from __future__ import annotations

from typing import Annotated

import msgspec

MULTIPART = "multipart/form-data"
DEFAULT_COUNT = 16
"""So many images are generated where the request does not say."""

Value = float | str | bool | None
GroupName = Annotated[str, msgspec.Meta(min_length=1)]
Row = list[Value] | dict[str, Value]


class PredictRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """{"model": NAME (or "task": TASK), "inputs": [ROW, ...], "min_probability"?: P, "coverage"?: P, "group"?: NAME}"""

    model: str | None = None
    inputs: list[Row]
    task: str | None = None
    min_probability: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    coverage: Annotated[float, msgspec.Meta(gt=0, lt=1)] | None = None
    group: GroupName | list[GroupName] | None = None


class PredictProbaRequest(msgspec.Struct, forbid_unknown_fields=True):
    """{"model": NAME, "inputs": [ROW, ...], "top": K (optional), "group": NAME or [NAME, ...] (optional)}"""

    model: str
    inputs: list[Row]
    top: Annotated[int, msgspec.Meta(ge=1)] | None = None
    group: GroupName | list[GroupName] | None = None


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
    count: Annotated[int, msgspec.Meta(ge=1)] | None = DEFAULT_COUNT
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None


class ExplainRequest(
    msgspec.Struct, forbid_unknown_fields=True, rename={"class_name": "class"}
):
    """{"model": NAME, "inputs": [ROW, ...], "class"?: CLASS, "method"?: NAME, "flips"?: true, "layer"?: NAME}"""

    model: str
    inputs: list[Row]
    class_name: str | None = None
    layer: str | None = None
    method: str | None = None
    flips: bool | None = False


class FeedbackRequest(msgspec.Struct, forbid_unknown_fields=True):
    """{"id": ID of an answer, or ID/ROW of one of several rows, "label": CLASS, "group": NAME (optional)}"""

    id: str
    label: str | int
    group: GroupName | None = None


class InvocationsRequest(
    msgspec.Struct, forbid_unknown_fields=True, rename={"inputs": "instances"}
):
    """{"instances": [ROW, ...], "parameters": {"model": NAME, "call": CALL} (optional, both of its fields too)}"""

    inputs: list[Row]
    parameters: dict[str, str | None] | None = None
    signature_name: str | None = None
