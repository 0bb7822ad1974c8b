"""ModelInfer is a route of the pipeline, as an inference over HTTP is."""

from __future__ import annotations

from typing import Any

from service.calls.data_plane import DataPlane
from service.contract.calls import NEVER_INLINE
from service.contract.limits import Limits
from service.errors import VeredictoError
from service.execution.metrics import RouteMetrics
from service.execution.pipeline import BodyLimits, Cost
from service.execution.run import Run
from service.grpc import infer_message, messages
from service.models.graph import Graph
from service.open_inference import compression

INFER = "ModelInfer"
MAX_INLINE_BYTES = 64_000
MAX_INLINE_PARTS = 500
"""Each part takes microseconds: 64,000 bytes of them took 33 ms of the event loop."""


class InferRoute:
    """ModelInfer is a route of the pipeline; a message says which graph it is for."""

    graph: Graph | None = None

    def __init__(self, plane: DataPlane, limits: Limits, metrics: RouteMetrics) -> None:
        self.metrics = metrics
        self._registry = plane.registry
        self._limits = limits

    def read_head(self, content: bytes) -> BodyLimits:
        """Returns the limits of a message: one that is compressed takes a thread."""
        is_packed = bool(compression.find_compression(content))
        max_inline_bytes = NEVER_INLINE if is_packed else MAX_INLINE_BYTES
        return BodyLimits(self._limits.max_bytes, max_inline_bytes)

    def decode(self, body: bytes, head: BodyLimits) -> tuple[Graph, Any]:
        """Returns the graph and the message; raises NotFound, InvalidRequest or TooLarge."""
        limit = self._limits.max_bytes
        content = compression.decompress_message(body, limit, self._limits.name(limit))
        message = messages.decode(f"{INFER}Request", content)
        version = message.model_version or None

        return self._registry.find_graph(message.model_name, version), message

    def find_cost(self, request: tuple[Graph, Any]) -> Cost:
        """Returns whether the request has images to decode, or many parts to look at."""
        graph, message = request
        if graph.takes_images:
            return Cost.COSTLY

        return (
            Cost.LONG
            if infer_message.count_parts(message) > MAX_INLINE_PARTS
            else Cost.SMALL
        )

    def answer(self, request: tuple[Graph, Any], head: BodyLimits) -> Run:
        """Returns the run that the message asks for."""
        graph, message = request
        try:
            decoded = infer_message.decode(graph, message)
            return infer_message.plan(graph, decoded, self._limits)
        except VeredictoError as error:
            error.model = graph
            raise
