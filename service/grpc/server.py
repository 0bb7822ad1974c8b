"""The Open Inference Protocol v2 over gRPC has its methods and their errors here. Only this module knows gRPC's server.

Each method takes one message, and is served as one that takes a stream of them: so a request is in flight from its
arrival, and not only when all of it has come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from string import ascii_letters, digits, punctuation
from time import perf_counter
from typing import Any, NoReturn
from urllib.parse import quote

import grpc
from grpc.aio import EOF

from service import errors
from service.access.tokens import Access
from service.calls.data_plane import DataPlane
from service.contract.limits import Limits
from service.errors import InvalidRequest, NotReady, TooLarge, VeredictoError
from service.execution.admission import MAX_ERROR_CHARS, Admission
from service.execution.batching import Batches
from service.execution.descriptors import count_connections
from service.execution.metrics import RouteMetrics
from service.execution.pipeline import Pipeline
from service.execution.run import Pending, Reply
from service.grpc import messages
from service.grpc.credentials import make_credentials
from service.grpc.gate import AccessInterceptor, ObservedRequest
from service.grpc.health import add_services
from service.grpc.infer_route import INFER, InferRoute
from service.grpc.lost_calls import keep_quiet
from service.grpc.port import cannot_listen, show_address
from service.grpc.views import make_views
from service.observability.observer import Observer
from service.open_inference import compression
from service.settings import Settings

SERVICE = f"{messages.PACKAGE}.GRPCInferenceService"
MAX_VIEW_BYTES = 64_000
"""A message that asks for no inference has at most this many bytes."""
MAX_OPTION = 2**31 - 1
"""gRPC's options are integers of 32 bits."""
REFUSING_S = 0.3
READ_FACTOR = 2
"""gRPC reads messages up to this many times our limit, so that we word the refusal; longer ones it refuses unread."""
CODES: dict[type[VeredictoError], Any] = {
    errors.InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    errors.TooLarge: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.NotReady: grpc.StatusCode.UNAVAILABLE,
    errors.Overloaded: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlinePassed: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Defect: grpc.StatusCode.INTERNAL,
}
MAX_STATUS_BYTES = 7000
"""An error has at most this many bytes on the wire, where most characters beyond ASCII take twelve.

Clients take 8 KiB of headers.
"""
_UNQUOTED = ascii_letters + digits + punctuation.replace("%", "") + " "


class Server:
    """The gRPC server stands beside the HTTP one, over the same models and with the same limits."""

    def __init__(
        self,
        plane: DataPlane,
        settings: Settings,
        admission: Admission,
        batches: Batches,
        *,
        access: Access | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._access = access or Access.of(settings.tokens, settings.public)
        self._observer = observer or Observer.of(settings)
        self._is_draining = False
        self._is_refusing = False
        self._plane = plane
        self._settings = settings
        self._admission = admission
        self._pipeline = Pipeline(batches)
        self._limits = Limits(settings)
        self._views = make_views(plane, settings)
        self._changes: dict[str, tuple[Callable[..., Pending], str]] = {
            "RepositoryModelLoad": (plane.repository.load, "isLoaded"),
            "RepositoryModelUnload": (plane.repository.unload, "isUnloaded"),
        }
        self._server: Any = None

    async def start(self) -> None:
        """Listens; raises SettingsError where the port is taken. Several workers share it."""
        keep_quiet()
        settings = self._settings
        # gRPC would decompress a message whole before it looks at its length, and keep idle connections for good.
        options = [
            (
                "grpc.max_receive_message_length",
                min(READ_FACTOR * self._limits.max_bytes, MAX_OPTION),
            ),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", int(settings.workers > 1)),
            ("grpc.per_message_decompression", 0),
            ("grpc.max_allowed_incoming_connections", count_connections(settings)),
            (
                "grpc.max_connection_idle_ms",
                min(1000 * settings.keep_alive_s, MAX_OPTION),
            ),
        ]
        server = grpc.aio.server(
            interceptors=(AccessInterceptor(self._access),), options=options
        )
        names = (*self._views, *self._changes, INFER)
        handlers = {name: self._make_handler(name) for name in names}
        handler = grpc.method_handlers_generic_handler(SERVICE, handlers)
        server.add_generic_rpc_handlers((handler,))
        add_services(server, self._is_serving, SERVICE)

        try:
            self._listen(server)
        except RuntimeError as error:
            raise cannot_listen(
                self._settings, "another process has the port, or the host is not here"
            ) from error

        await server.start()
        self._server = server

    def _listen(self, server: Any) -> None:
        address = show_address(self._settings)
        credentials = make_credentials(self._settings)
        if credentials is None:
            server.add_insecure_port(address)
        else:
            server.add_secure_port(address, credentials)

    def _is_serving(self) -> bool:
        return not self._is_draining and self._plane.is_ready()

    def drain(self) -> None:
        """Tells those who ask for its health that the server is about to end, and goes on serving."""
        self._is_draining = True

    async def stop(self) -> None:
        """Answers what is in flight, refuses what comes, and ends; a second call does nothing.

        gRPC cancels the calls that reach a server in the moment of its end, and no client tries those again. So calls
        are refused as unavailable first, for long enough that clients turn to another server.
        """
        self.drain()
        server = self._server
        self._server = None
        if server is not None:
            self._is_refusing = True
            await asyncio.sleep(REFUSING_S)
            await server.stop(self._settings.deadline_s)

    def _make_handler(self, name: str) -> Any:
        metrics = RouteMetrics(f"/{SERVICE}/{name}")
        answer: Callable[[Any], Awaitable[Reply]] = partial(self._show, name)
        if name == INFER:
            answer = self._make_infer(metrics)
        elif name in self._changes:
            answer = partial(self._change, name)

        # The message is read from the context, not from the stream.
        async def handle(stream: Any, context: Any) -> bytes:
            observed = ObservedRequest(self._observer, metrics.route, context)
            return await self._call(answer, metrics, context, observed)

        return grpc.stream_unary_rpc_method_handler(handle)

    async def _call(
        self,
        answer: Callable[[Any], Awaitable[Reply]],
        metrics: RouteMetrics,
        context: Any,
        observed: ObservedRequest,
    ) -> bytes:
        started = perf_counter()
        if self._is_refusing:
            answer = _refuse_all

        try:
            reply = await self._admission.admit(answer(context), started, metrics.route)
        except VeredictoError as error:
            code = CODES[type(error)]
            metrics.record(code.name, perf_counter() - started)
            observed.finish(code.name, 0)
            error.forget_frames()
            await _refuse(context, code, str(error))

        seconds = perf_counter() - started
        metrics.record("OK", seconds)
        if reply.records:
            self._admission.models.succeed(reply.records, seconds)

        content: bytes = reply.content
        observed.finish("OK", len(content), reply.records)

        return content

    def _make_infer(self, metrics: RouteMetrics) -> Callable[[Any], Awaitable[Reply]]:
        route = InferRoute(self._plane, self._limits, metrics)

        async def infer(context: Any) -> Reply:
            self._admission.check_room()
            # A call that is cancelled, or over its client's deadline, ends its work as any task that is cancelled.
            content = await _read(context)
            self._limits.check_body(len(content), self._limits.max_bytes)
            outcome = self._pipeline.start(route, content, route.read_head(content))
            return await self._pipeline.complete(outcome)

        return infer

    async def _show(self, name: str, context: Any) -> Reply:
        """Returns the answer of a method that describes something."""
        request = await self._read_view(name, context)
        return Reply(messages.encode(f"{name}Response", self._views[name](request)))

    async def _change(self, name: str, context: Any) -> Reply:
        """Returns the answer of a method that loads or unloads a model, once all workers have."""
        request = await self._read_view(name, context)
        # KServe's clients write the name where Triton's have a repository's.
        model = request.model_name or request.repository_name
        change, done = self._changes[name]
        await self._pipeline.complete(change(model, dict(request.parameters)))

        return Reply(
            messages.encode(f"{name}Response", {"model_name": model, done: True})
        )

    async def _read_view(self, name: str, context: Any) -> Any:
        """Returns the message of a method that is no inference; raises TooLarge and InvalidRequest."""
        content = await _read(context)
        if len(content) > MAX_VIEW_BYTES:
            raise TooLarge(
                f"a message of {len(content)} bytes is over the limit of {MAX_VIEW_BYTES} for {name}"
            )

        content = compression.decompress_message(content, MAX_VIEW_BYTES, name)

        return messages.decode(f"{name}Request", content)


async def _refuse_all(_: Any) -> Reply:
    """Raises NotReady, since the server is about to end."""
    raise NotReady("the server is stopping: ask another one")


async def _read(context: Any) -> bytes:
    """Returns the one message of a call; raises InvalidRequest where there is none."""
    content = await context.read()
    if content is EOF:
        raise InvalidRequest("expected one message, got none")

    message: bytes = content

    return message


async def _refuse(context: Any, code: Any, text: str) -> NoReturn:
    """Ends a call with an error, which gRPC does by raising."""
    shown = text[:MAX_ERROR_CHARS]
    fits = len(quote(shown, safe=_UNQUOTED)) <= MAX_STATUS_BYTES
    await context.abort(code, shown if fits else shown[: MAX_STATUS_BYTES // 12])
    raise AssertionError("not reached")
