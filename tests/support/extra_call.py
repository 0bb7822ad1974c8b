"""This service has one more call, `count_rows`: its request, its answer, its method and its line in the table."""

# ruff: noqa: E402
# The line is in the table before the modules that read the table are imported.

from __future__ import annotations

from typing import TypedDict

import msgspec

from service.contract import calls


class CountRequest(msgspec.Struct, forbid_unknown_fields=True):
    """{"inputs": [ROW, ...]}"""

    inputs: list[list[float]]


class Count(TypedDict):
    """{"n_rows": N}"""

    n_rows: int


calls.CALLS += (
    calls.Call(
        "count_rows",
        CountRequest,
        Count,
        "The number of rows",
        max_inline_bytes=64_000,
    ),
)

from service.calls.data_plane import DataPlane
from service.execution.run import Reply


def count_rows(self: DataPlane, request: CountRequest) -> Reply:
    """Returns the number of rows of the request."""
    return Reply({"n_rows": len(request.inputs)})


DataPlane.count_rows = count_rows  # type: ignore[attr-defined]  # the new method

from service.app import Veredicto

__all__ = ["Veredicto"]
