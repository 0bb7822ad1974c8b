"""A response is what goes out over HTTP; each error of the domain has its status here."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, NamedTuple

from service import errors
from service.contract.codec import encode
from service.errors import VeredictoError
from service.execution.admission import MAX_ERROR_CHARS

Message = MutableMapping[str, Any]
"""A message of ASGI, or its scope, is a mapping."""
Headers = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
PNG = b"image/png"
HTML = b"text/html; charset=utf-8"
METRICS = b"text/plain; version=0.0.4; charset=utf-8"
RETRY_AFTER_S = b"1"
SECURITY: Headers = ((b"x-content-type-options", b"nosniff"),)
"""Every answer has these headers."""
ASK_AGAIN = (b"cache-control", b"no-cache")
"""A cache in front asks anew before it gives such an answer again: Varnish keeps for two minutes what says nothing."""
CLOSE = (b"connection", b"close")
BODILESS = frozenset({204, 304})
"""Responses of these statuses end with their headers."""
_MORE: dict[int, Headers] = {
    401: ((b"www-authenticate", b"Bearer"),),
    408: (CLOSE,),
    503: ((b"retry-after", RETRY_AFTER_S),),
}
"""Answers of these statuses have these headers too; more of a body may come after a 408, which ends the connection."""

STATUSES: dict[type[VeredictoError], int] = {
    errors.InvalidRequest: 400,
    errors.NotFound: 404,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.TooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.BodyTooSlow: 408,
    errors.NotReady: 503,
    errors.Overloaded: 503,
    errors.DeadlinePassed: 504,
    errors.Defect: 500,
}


class Response(NamedTuple):
    """A response is held whole: status, body and headers."""

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: Headers = ()


def respond(document: Any, *, status: int = 200, headers: Headers = ()) -> Response:
    """Returns the response that has a document as JSON."""
    return Response(status, encode(document), JSON, headers)


def respond_to_error(error: VeredictoError) -> Response:
    """Returns the response to a request without an answer; a 503 asks the client to try again in a second.

    The id of a defect's log line goes with it, and the frames of the error do not outlive it.
    """
    error.forget_frames()
    status = STATUSES[type(error)]
    headers = _MORE.get(status, ())
    if error.request_id is not None:
        headers = (*headers, (b"x-request-id", error.request_id.encode()))

    return respond(
        {"error": str(error)[:MAX_ERROR_CHARS]}, status=status, headers=headers
    )


def forbid_stale(response: Response) -> Response:
    """Returns the answer to a GET, which no cache may give again unasked, unless it says itself how long it holds."""
    if any(name == ASK_AGAIN[0] for name, _ in response.headers):
        return response
    return response._replace(headers=(*response.headers, ASK_AGAIN))


def list_headers(response: Response) -> list[tuple[bytes, bytes]]:
    """Returns all headers of a response, its length among them.

    What has no body has no length either, by RFC 9110, 8.6: a cache takes that of a 304 for that of what it keeps.
    """
    length: Headers = ((b"content-length", b"%d" % len(response.body)),)
    if response.status in BODILESS:
        length = ()

    return [
        (b"content-type", response.content_type),
        *length,
        *SECURITY,
        *response.headers,
    ]
