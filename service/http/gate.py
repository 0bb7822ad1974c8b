"""The gate looks at each request's headers before anything is done: who asks, from which page, under which id.

Most requests have none of the headers that matter here, and pass at the cost of one look through their names.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import Any

from service.access.cors import ASKED_METHOD, FETCH_SITE, ORIGIN, CorsPolicy
from service.access.rights import REPOSITORY, find_rights
from service.access.tokens import Access
from service.errors import VeredictoError
from service.http.lifespan import Send
from service.http.responses import SECURITY, Headers, Message, Response
from service.observability.ended_request import EndedRequest
from service.observability.observer import Observer
from service.observability.request_ids import (
    REQUEST_ID,
    make_request_id,
    read_request_id,
    read_traceparent,
)
from service.settings import Settings

MAX_SHOWN_CHARS = 200
"""A path that a client made up is cut to this many characters in a log line."""
AUTHORIZATION = b"authorization"
REQUEST_ID_HEADER = b"x-request-id"
TRACEPARENT = b"traceparent"
WATCHED = frozenset(
    {
        AUTHORIZATION,
        REQUEST_ID_HEADER,
        TRACEPARENT,
        ORIGIN,
        FETCH_SITE,
        ASKED_METHOD,
    }
)
"""A request with none of these headers is let in by a gate that is open, without a closer look."""


class ObservedRequest:
    """An observed request is one of which something must be remembered until it is answered."""

    __slots__ = (
        "_method",
        "_observer",
        "_path",
        "_refusal",
        "_started",
        "_traceparent",
        "caller",
        "headers",
        "preflight",
        "request_id",
    )

    def __init__(self, observer: Observer, method: str, path: str) -> None:
        self._observer = observer
        self._method = method
        self._path = path
        self._started = perf_counter()
        self._refusal: VeredictoError | None = None
        self.headers: Headers = ()
        self._traceparent: str | None = None
        self.caller: str | None = None
        self.preflight: Response | None = None
        self.request_id: str | None = None

    def check(self) -> None:
        """Raises VeredictoError where the request is refused for who asks, or from where."""
        if self._refusal is not None:
            raise self._refusal

    def enter_task(self) -> None:
        """Gives the log lines of the task that answers the request its id."""
        REQUEST_ID.set(self.request_id)

    def leave(
        self, response: Response, route: str | None = None, records: Any = ()
    ) -> Response:
        """Returns the response with the headers of this request, and tells the observer that it has ended."""
        self.finish(response.status, len(response.body), route, records)
        if not self.headers:
            return response
        return response._replace(headers=(*response.headers, *self.headers))

    def finish(
        self, status: int, n_bytes: int, route: str | None = None, records: Any = ()
    ) -> None:
        """Tells the observer, where it is on, that the request has ended."""
        if self._observer.is_on:
            self._observer.finish(
                EndedRequest(
                    self._method,
                    route or self._path[:MAX_SHOWN_CHARS],
                    status,
                    perf_counter() - self._started,
                    n_bytes,
                    self.request_id,
                    self._traceparent,
                    self.caller,
                    records,
                )
            )

    def refuse(self, error: VeredictoError) -> None:
        """Keeps the error for `check`."""
        self._refusal = error

    def name(self, request_id: str | None, traceparent: str | None) -> None:
        """Gives the request its names, which go back to the client."""
        self.request_id = request_id
        self._traceparent = traceparent
        if request_id is not None:
            self.headers = ((REQUEST_ID_HEADER, request_id.encode()),)
        if traceparent is not None:
            self.headers = (*self.headers, (TRACEPARENT, traceparent.encode()))

    def add_headers(self, headers: Headers) -> None:
        """Adds headers to the response that is to come."""
        self.headers = (*self.headers, *headers)


class Gate:
    """The gate knows who may ask for what, which sites' pages may, and whether requests are observed."""

    def __init__(self, access: Access, cors: CorsPolicy, observer: Observer) -> None:
        self.access = access
        self._cors = cors
        self.observer = observer
        self.is_open = access.is_open and not observer.is_on
        """Everyone may ask for everything but changes of the models, and nothing is observed."""

    @classmethod
    def of(cls, settings: Settings, *, waits: bool = False) -> Gate:
        """Returns the gate that the settings ask for; raises SettingsError as `Access.of` does."""
        access = Access.of(settings.tokens, settings.public, waits=waits)
        return cls(access, CorsPolicy(settings.cors), Observer.of(settings))

    def with_access(self, access: Access) -> Gate:
        """Returns the same gate with an access of its own, for another thread."""
        return Gate(access, self._cors, self.observer)

    def follow(self, observed: ObservedRequest | None, send: Send) -> Send:
        """Returns what sends the answer of another application, with the headers that ours have."""
        status = n_bytes = 0
        more = SECURITY if observed is None else (*SECURITY, *observed.headers)

        async def send_with_headers(message: Message) -> None:
            nonlocal status, n_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), *more]
            else:
                n_bytes += len(message.get("body", b""))
                if observed is not None and not message.get("more_body"):
                    observed.finish(status, n_bytes)
            await send(message)

        return send_with_headers

    def enter(
        self, method: str, path: str, headers: Iterable[tuple[bytes, bytes]]
    ) -> ObservedRequest | None:
        """Returns a request that is refused, named or observed, and None for one that is simply let in.

        With no header of interest that takes 0.5 us, with a token that is known 1.0 us.
        """
        found: dict[bytes, bytes] | None = None
        for header in headers:
            if header[0] in WATCHED:
                if found is None:
                    found = {}
                found[header[0]] = header[1]

        if found is None:
            if self.is_open and not path.startswith(REPOSITORY):
                return None
            found = {}

        try:
            caller = self.access.require(find_rights(path), found.get(AUTHORIZATION))
        except VeredictoError as error:
            return self._begin(method, path, headers, found, refusal=error)

        is_alone = len(found) == (AUTHORIZATION in found)
        if is_alone and not self.observer.is_on:
            return None

        observed = self._begin(method, path, headers, found)
        observed.caller = caller

        return observed

    def _begin(
        self,
        method: str,
        path: str,
        headers: Iterable[tuple[bytes, bytes]],
        found: dict[bytes, bytes],
        *,
        refusal: VeredictoError | None = None,
    ) -> ObservedRequest:
        observed = ObservedRequest(self.observer, method, path)
        request_id = read_request_id(found.get(REQUEST_ID_HEADER))
        traceparent = read_traceparent(found.get(TRACEPARENT))
        if self.observer.is_on:
            request_id = request_id or make_request_id()
        observed.name(request_id, traceparent)

        if refusal is not None:
            observed.refuse(refusal)
        if ORIGIN in found or FETCH_SITE in found:
            self._look_at_site(observed, method, headers, found)

        return observed

    def _look_at_site(
        self,
        observed: ObservedRequest,
        method: str,
        headers: Iterable[tuple[bytes, bytes]],
        found: dict[bytes, bytes],
    ) -> None:
        """Adds what a browser needs to know to the observed request, or refuses it."""
        try:
            asked = self._cors.answer_preflight(method, found)
            if asked:
                observed.preflight = Response(204, b"", headers=asked)
                return

            observed.add_headers(self._cors.list_headers(found.get(ORIGIN)))
            if method != "OPTIONS":
                host = next((value for name, value in headers if name == b"host"), None)
                self._cors.check(method, found, host)
        except VeredictoError as error:
            observed.refuse(error)
