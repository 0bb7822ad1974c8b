"""The Open Inference Protocol v2 over gRPC: its methods and their errors. The only module that knows gRPC.

Each method takes one message, and is served as one that takes a stream of them: so a request is in flight from its
arrival, and not only when all of it has come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from string import ascii_letters, digits, punctuation
from time import perf_counter, perf_counter_ns
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote

import grpc
from grpc.aio import EOF

from service import errors
from service.calls.data_plane import DataPlane
from service.errors import InvalidRequest, TooLarge, VeredictoError
from service.execution.admission import LONGEST_ERROR, Admission
from service.execution.batching import Batches
from service.execution.metrics import RouteMetrics
from service.execution.run import Ran, Work, do_or_defer
from service.grpc import infer_message, messages
from service.grpc.port import cannot_listen, show_address
from service.models.graph import Graph
from service.open_inference import compression, metadata
from service.settings import Settings

SERVICE = f"{messages.PACKAGE}.GRPCInferenceService"
INFER = "ModelInfer"
INLINE_BYTES = 64_000
MOST_VIEW_BYTES = 64_000
"""Of a message that asks for no inference."""
READ_TIMES = 2
"""The limit of a message that gRPC reads, so that the refusal is in our words; what is longer it refuses unread."""
CODES: dict[type[VeredictoError], Any] = {
    errors.InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.TooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Overloaded: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlinePassed: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Defect: grpc.StatusCode.INTERNAL,
}
MOST_STATUS_BYTES = 7000
"""Of an error on the wire, where most characters beyond ASCII take twelve: clients take 8 KiB of headers."""
_UNQUOTED = ascii_letters + digits + punctuation.replace("%", "") + " "


class Done(NamedTuple):
    """The bytes of an answer, and the models' parts in it."""

    content: bytes
    runs: tuple[Ran, ...] = ()


class Server:
    """A gRPC server beside the HTTP one, over the same models and with the same limits."""

    def __init__(
        self,
        plane: DataPlane,
        settings: Settings,
        admission: Admission,
        batches: Batches,
    ) -> None:
        self._plane = plane
        self._settings = settings
        self._admission = admission
        self._batches = batches
        self._most_bytes = max(settings.max_body_bytes, settings.max_image_bytes)
        self._views = self._make_views()
        self._server: Any = None

    async def start(self) -> None:
        """Listens; raises SettingsError where the port is taken. Several workers share it."""
        options = {
            "grpc.max_receive_message_length": min(
                READ_TIMES * self._most_bytes, 2**31 - 1
            ),
            "grpc.max_send_message_length": -1,
            "grpc.so_reuseport": int(self._settings.workers > 1),
            "grpc.per_message_decompression": 0,  # gRPC unpacks a message whole before it looks at its length
        }
        server = grpc.aio.server(options=list(options.items()))
        handlers = {name: self._make_handler(name) for name in (*self._views, INFER)}
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(SERVICE, handlers),)
        )

        try:
            server.add_insecure_port(show_address(self._settings))
        except RuntimeError as error:
            raise cannot_listen(
                self._settings, "another process has the port, or the host is not here"
            ) from error

        await server.start()
        self._server = server

    async def stop(self) -> None:
        """Takes no more requests, and answers those in flight."""
        if self._server is not None:
            await self._server.stop(self._settings.deadline_s)

    def _make_handler(self, name: str) -> Any:
        metrics = RouteMetrics(f"/{SERVICE}/{name}")

        async def handle(stream: Any, context: Any) -> bytes:  # noqa: ARG001  # the message is read from the context
            return await self._call(name, metrics, context)

        return grpc.stream_unary_rpc_method_handler(handle)

    async def _call(self, name: str, metrics: RouteMetrics, context: Any) -> bytes:
        started = perf_counter()
        try:
            done = await self._admission.attend(
                self._answer(name, context), started, metrics.route
            )
        except VeredictoError as error:
            code = CODES[type(error)]
            metrics.record(code.name, perf_counter() - started)
            await _refuse(context, code, str(error))

        seconds = perf_counter() - started
        metrics.record("OK", seconds)
        if done.runs:
            self._admission.models.succeed(done.runs, seconds)

        return done.content

    async def _answer(self, name: str, context: Any) -> Done:
        if name == INFER:
            self._admission.check_room()

        content = await context.read()
        if content is EOF:
            raise InvalidRequest("expected one message, got none")
        if name == INFER:
            return await self._infer(content)

        if len(content) > MOST_VIEW_BYTES:
            raise TooLarge(
                f"a message of {len(content)} bytes is over the limit of {MOST_VIEW_BYTES} for {name}"
            )

        request = messages.decode(
            f"{name}Request", compression.unpack_message(content, MOST_VIEW_BYTES, name)
        )

        return Done(messages.encode(f"{name}Response", self._views[name](request)))

    async def _infer(self, content: bytes) -> Done:
        started_ns = perf_counter_ns()
        if len(content) > self._most_bytes:
            raise self._admission.too_large(len(content), self._most_bytes)

        if len(content) > INLINE_BYTES or compression.find_kind(content):
            done = await self._batches.offload(
                lambda: self._do(*self._find(content), started_ns)
            )
        else:
            graph, request = self._find(content)
            if graph.takes_images:
                done = await self._batches.offload(self._do, graph, request, started_ns)
            else:
                done = self._do(graph, request, started_ns)

        if isinstance(done, Done):
            return done

        finished, ran = await self._batches.carry_out(done)

        return Done(finished.content, (ran,))

    def _find(self, content: bytes) -> tuple[Graph, Any]:
        setting = self._settings.name_limit(self._most_bytes)
        request = messages.decode(
            f"{INFER}Request",
            compression.unpack_message(content, self._most_bytes, setting),
        )
        return self._plane.registry.find_graph(
            request.model_name, request.model_version or None
        ), request

    def _do(self, graph: Graph, request: Any, started_ns: int) -> Done | Work:
        try:
            return do_or_defer(
                infer_message.plan(graph, request, self._settings), Done, started_ns
            )
        except VeredictoError as error:
            error.model = graph
            raise

    def _make_views(self) -> dict[str, Callable[[Any], Mapping[str, Any]]]:
        """What each method but the inference answers to its request."""
        registry = self._plane.registry
        return {
            "ServerLive": lambda _: {"live": True},
            "ServerReady": lambda _: {"ready": self._plane.why_not_ready() is None},
            "ServerMetadata": lambda _: metadata.describe_server(),
            "ModelReady": lambda request: {"ready": _is_served(self._plane, request)},
            "ModelMetadata": partial(_describe_model, self._plane),
            "ModelConfig": lambda request: {
                "config": metadata.configure(
                    registry.find_graph(request.name, request.version or None),
                    self._settings,
                )
            },
            "ModelStatistics": lambda request: metadata.count(
                registry.chosen(request.name, request.version or None)
                if request.name
                else registry
            ),
            "RepositoryIndex": lambda request: {
                "models": metadata.list_repository(registry, only_ready=request.ready)
            },
        }


def _is_served(plane: DataPlane, request: Any) -> bool:
    versions = plane.registry.versions.get(request.name, {})
    return bool(versions) and (not request.version or request.version in versions)


def _describe_model(plane: DataPlane, request: Any) -> dict[str, Any]:
    """The message has no place for a card's properties."""
    graph = plane.registry.find_graph(request.name, request.version or None)
    described: dict[str, Any] = {
        **metadata.describe_model(graph, list(plane.registry.versions[graph.name]))
    }
    described.pop("properties", None)

    return described


async def _refuse(context: Any, code: Any, text: str) -> NoReturn:
    """Raises what gRPC ends a call with."""
    shown = text[:LONGEST_ERROR]
    fits = len(quote(shown, safe=_UNQUOTED)) <= MOST_STATUS_BYTES
    await context.abort(code, shown if fits else shown[: MOST_STATUS_BYTES // 12])
    raise AssertionError("not reached")
