"""Probes and load balancers ask `grpc.health.v1`, and tools ask by reflection which services there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from service.grpc import messages

LOOK_EVERY_S = 0.25
MAX_WATCHERS = 100
"""So many callers at once are told of changes; others may ask again and again."""
NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
_STATUS = health_pb2.HealthCheckResponse.ServingStatus


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]  # it publishes no types
    """The server, named by an empty text or by its service, is serving while it is ready."""

    def __init__(self, is_ready: Callable[[], bool], service: str) -> None:
        self._is_ready = is_ready
        self._names = ("", service)
        self._n_watchers = 0

    async def Check(self, request: Any, context: Any) -> Any:  # noqa: N802  # the protocol's name
        """Returns whether a service is serving; an unknown one is not found."""
        status = self._find_status(request.service)
        if status == _STATUS.SERVICE_UNKNOWN:
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"unknown service {request.service[:100]!r}; known: {self._names[1]}, or none",
            )

        return health_pb2.HealthCheckResponse(status=status)

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802  # the protocol's name
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
    health_pb2_grpc.add_HealthServicer_to_server(Health(is_ready, service), server)
    pool = messages.make_pool(
        health_pb2.DESCRIPTOR.serialized_pb, reflection_pb2.DESCRIPTOR.serialized_pb
    )
    names = (service, NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(names, server, pool=pool)
