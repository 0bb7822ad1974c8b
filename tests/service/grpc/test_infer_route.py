"""The route of an inference tells by its parts whether it takes a thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.calls.data_plane import DataPlane
from service.contract.limits import Limits
from service.execution.metrics import RouteMetrics
from service.execution.pipeline import Cost
from service.grpc import messages
from service.grpc.infer_route import InferRoute
from service.models.registry import Registry
from service.settings import Settings
from tests.support.graphs import write_identity


@pytest.mark.parametrize(
    ("model", "fields", "cost"),
    [
        ("small", {}, Cost.SMALL),
        ("small", {"outputs": [{"name": "y"}] * 500}, Cost.LONG),
        ("small", {"parameters": {str(n): {} for n in range(500)}}, Cost.LONG),
        ("texts", {"raw_input_contents": [b"\0" * 4 * 499]}, Cost.SMALL),
        ("texts", {"raw_input_contents": [b"\0" * 4 * 500]}, Cost.LONG),
    ],
)
def test_a_message_of_many_parts_takes_a_thread(
    tmp_path: Path, model: str, fields: dict[str, Any], cost: Cost
) -> None:
    """An input, an output, a parameter and a text take microseconds each, however few bytes they are."""
    write_identity(tmp_path, "small", 1, ["n"])
    write_identity(tmp_path, "texts", 8, ["n"])
    settings = Settings(models=tmp_path)
    plane = DataPlane(Registry.load(tmp_path), settings)
    route = InferRoute(plane, Limits(settings), RouteMetrics("infer"))
    datatype = "BYTES" if model == "texts" else "FP32"
    entry = {"name": "x", "datatype": datatype, "shape": [1]}
    message = {"model_name": model, "inputs": [entry], **fields}

    content = messages.encode("ModelInferRequest", message)
    request = route.decode(content, route.read_head(content))

    assert route.find_cost(request) is cost
