"""Callers of gRPC are let in as those of HTTP are, by the `authorization` of their metadata."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any

import grpc

from service.access.rights import find_method_rights
from service.access.tokens import Access
from service.errors import InvalidRequest, Overloaded, Unauthenticated, VeredictoError
from service.execution.metrics import RouteMetrics
from service.observability.ended_request import EndedRequest
from service.observability.observer import Observer
from service.observability.request_ids import (
    REQUEST_ID,
    make_request_id,
    read_request_id,
    read_traceparent,
)

REQUEST_ID_KEY = "x-request-id"
TRACEPARENT_KEY = "traceparent"
_Handlers = Callable[[Any], Awaitable[Any]]


class AccessInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[misc]  # it publishes no types
    """The interceptor refuses calls of any service of the server whose token has no right to them."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._metrics = RouteMetrics("gRPC refused")

    async def intercept_service(self, continuation: _Handlers, details: Any) -> Any:
        """Returns the handler of a call, or one that refuses it."""
        metadata = details.invocation_metadata or ()
        try:
            authorization = _find_authorization(metadata)
            self._access.require(find_method_rights(details.method), authorization)
        except VeredictoError as error:
            request_id = _find(metadata, REQUEST_ID_KEY)
            handler = await continuation(details)
            return self._refuse(handler, error, read_request_id(request_id))

        return await continuation(details)

    def _refuse(
        self, handler: Any, error: VeredictoError, request_id: str | None
    ) -> Any:
        """Returns a handler that refuses a call, counted under one label; None where there is no such method."""
        if handler is None:
            return None

        codes = grpc.StatusCode
        code = codes.PERMISSION_DENIED
        if isinstance(error, Unauthenticated):
            code = codes.UNAUTHENTICATED
        elif isinstance(error, Overloaded):
            code = codes.UNAVAILABLE
        elif isinstance(error, InvalidRequest):
            code = codes.INVALID_ARGUMENT

        async def refuse(_: Any, context: Any) -> None:
            self._metrics.record(code.name, 0.0)
            if request_id is not None:
                context.set_trailing_metadata(((REQUEST_ID_KEY, request_id),))
            await context.abort(code, str(error))

        return _make_handler(handler, refuse)


def _make_handler(handler: Any, refuse: Any) -> Any:
    """Returns a handler of the same kind as another."""
    if handler.request_streaming and handler.response_streaming:
        return grpc.stream_stream_rpc_method_handler(refuse)
    if handler.request_streaming:
        return grpc.stream_unary_rpc_method_handler(refuse)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(refuse)

    return grpc.unary_unary_rpc_method_handler(refuse)


def _find_authorization(metadata: Any) -> bytes | None:
    """Returns the one authorization; raises InvalidRequest where two differ, of which a proxy may believe the other."""
    if len({value for key, value in metadata if key == "authorization"}) > 1:
        raise InvalidRequest("expected one authorization, got two that differ")
    return _find(metadata, "authorization")


def _find(metadata: Any, name: str) -> bytes | None:
    value = next((value for key, value in metadata if key == name), None)
    return value.encode("latin-1", "replace") if isinstance(value, str) else value


class ObservedRequest:
    """An observed request remembers the names of a call until it is answered."""

    def __init__(self, observer: Observer, method: str, context: Any) -> None:
        metadata = context.invocation_metadata() or ()
        self._observer = observer
        self._method = method
        self._started = perf_counter()
        self.request_id = read_request_id(_find(metadata, REQUEST_ID_KEY))
        self._traceparent = read_traceparent(_find(metadata, TRACEPARENT_KEY))
        if observer.is_on:
            self.request_id = self.request_id or make_request_id()

        REQUEST_ID.set(self.request_id)
        names = (
            (REQUEST_ID_KEY, self.request_id),
            (TRACEPARENT_KEY, self._traceparent),
        )
        given = tuple((key, value) for key, value in names if value is not None)
        if given:
            context.set_trailing_metadata(given)

    def finish(self, status: str, n_bytes: int, records: Any = ()) -> None:
        """Tells the observer, where it is on, that the call has ended."""
        if self._observer.is_on:
            self._observer.finish(
                EndedRequest(
                    "gRPC",
                    self._method,
                    status,
                    perf_counter() - self._started,
                    n_bytes,
                    self.request_id,
                    self._traceparent,
                    None,
                    records,
                )
            )
