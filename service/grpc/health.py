"""Probes and load balancers ask `grpc.health.v1`, and tools ask by reflection which services there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import grpc
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection, reflection_pb2

from service.errors import TooLarge, VeredictoError
from service.grpc import messages
from service.open_inference.compression import decompress_message

LOOK_EVERY_S = 0.25
MAX_MESSAGE_BYTES = 64_000
"""A message that asks for health or for services has at most this many bytes."""
MAX_WATCHERS = 100
"""So many callers at once are told of changes; others may ask again and again."""
NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
REFLECTION = "grpc.reflection.v1.ServerReflection"
_STATUS = health_pb2.HealthCheckResponse.ServingStatus


class Health:
    """The server, named by an empty text or by its service, is serving while it is ready."""

    def __init__(self, is_ready: Callable[[], bool], service: str) -> None:
        self._is_ready = is_ready
        self._names = ("", service)
        self._n_watchers = 0

    async def check(self, request: Any, context: Any) -> Any:
        """Returns whether a service is serving; an unknown one is not found."""
        status = self._find_status(request.service)
        if status == _STATUS.SERVICE_UNKNOWN:
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"unknown service {request.service[:100]!r}; known: {self._names[1]}, or none",
            )

        return health_pb2.HealthCheckResponse(status=status)

    async def watch(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """Yields whether a service is serving, now and whenever that changes."""
        if self._n_watchers >= MAX_WATCHERS:
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{MAX_WATCHERS} callers watch already: ask by Check",
            )

        self._n_watchers += 1
        try:
            shown = None
            while True:
                status = self._find_status(request.service)
                if status != shown:
                    shown = status
                    yield health_pb2.HealthCheckResponse(status=status)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._n_watchers -= 1

    def _find_status(self, service: str) -> int:
        if service not in self._names:
            return int(_STATUS.SERVICE_UNKNOWN)
        return int(_STATUS.SERVING if self._is_ready() else _STATUS.NOT_SERVING)


def add_services(server: Any, is_ready: Callable[[], bool], service: str) -> None:
    """Adds health and reflection to a server, of which `service` is the service that it is there for."""
    file: bytes = reflection_pb2.DESCRIPTOR.serialized_pb
    newer = messages.rename_package(file, "v1alpha", "v1")
    pool = messages.make_pool(health_pb2.DESCRIPTOR.serialized_pb, file, newer)
    names = (service, NAME, reflection.SERVICE_NAME, REFLECTION)
    servicer = reflection.aio.ReflectionServicer(names, pool=pool)
    reflects = _make_reflection_handlers(servicer.ServerReflectionInfo)
    # Both versions have the same messages: clients ask for the newer first, and some for no other.
    services: Mapping[str, Mapping[str, Any]] = {
        NAME: _make_health_handlers(Health(is_ready, service)),
        reflection.SERVICE_NAME: reflects,
        REFLECTION: reflects,
    }
    for name, handlers in services.items():
        handler = grpc.method_handlers_generic_handler(name, handlers)
        server.add_generic_rpc_handlers((handler,))


def _make_health_handlers(health: Health) -> Mapping[str, Any]:
    """Returns the handlers of both methods, which take bytes: gRPC would log what is no message as a defect of ours."""
    kind = health_pb2.HealthCheckRequest

    async def check(content: bytes, context: Any) -> Any:
        return await health.check(await _decode(kind, content, context), context)

    async def watch(content: bytes, context: Any) -> AsyncIterator[Any]:
        async for answer in health.watch(
            await _decode(kind, content, context), context
        ):
            yield answer

    return {
        "Check": grpc.unary_unary_rpc_method_handler(
            check, response_serializer=_serialize
        ),
        "Watch": grpc.unary_stream_rpc_method_handler(
            watch, response_serializer=_serialize
        ),
    }


def _make_reflection_handlers(
    reflect: Callable[..., AsyncIterator[Any]],
) -> Mapping[str, Any]:
    """Returns the handler of reflection's one method, which takes a stream of bytes."""
    kind = reflection_pb2.ServerReflectionRequest

    async def decode_all(
        contents: AsyncIterator[bytes], context: Any
    ) -> AsyncIterator[Any]:
        async for content in contents:
            yield await _decode(kind, content, context)

    async def show(contents: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
        async for answer in reflect(decode_all(contents, context), context):
            yield answer

    handler = grpc.stream_stream_rpc_method_handler(
        show, response_serializer=_serialize
    )
    return {"ServerReflectionInfo": handler}


async def _decode(kind: Any, content: bytes, context: Any) -> Any:
    """Returns the message of a kind that the bytes hold, compressed or not; ends the call where they hold none."""
    codes = grpc.StatusCode
    try:
        if len(content) > MAX_MESSAGE_BYTES:
            raise TooLarge(
                f"a message of {len(content)} bytes is over the limit of {MAX_MESSAGE_BYTES}"
            )
        unpacked = decompress_message(content, MAX_MESSAGE_BYTES, kind.DESCRIPTOR.name)
        return messages.decode_as(kind, unpacked)
    except TooLarge as error:
        await context.abort(codes.RESOURCE_EXHAUSTED, str(error))
    except VeredictoError as error:
        await context.abort(codes.INVALID_ARGUMENT, str(error))


def _serialize(answer: Any) -> bytes:
    content: bytes = answer.SerializeToString()
    return content
