"""One POST route of the contract: its body decoded, answered and encoded, as JSON or as a picture."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, MutableMapping
from functools import partial
from time import perf_counter_ns
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

from service.contract.codec import encode
from service.contract.requests import MULTIPART, RequestDecoder
from service.errors import InvalidRequest, UnsupportedMediaType
from service.execution.metrics import RouteMetrics
from service.execution.run import Answered, Promised, Ran, Work, do_or_defer
from service.http.forms import read_request
from service.models.image_rows import has_encoded_image
from service.models.images import MEDIA_TYPES, TAKEN_TYPES
from service.settings import Settings

Message = MutableMapping[str, Any]

JSON = b"application/json"
PNG = b"image/png"
BEGUN = "veredicto.begun"
"""Key of a scope: what has been made of a request that was taken for a small one."""
NEVER_INLINE = -1
"""Bytes, for a call whose cost does not show in its body."""
_PLAIN_JSON = (b"content-type", JSON)
_WATCHED = frozenset({b"content-type", b"content-encoding"})
_NO = re.compile(r";\s*q=0(\.0*)?\s*(;|$)")


class Response(NamedTuple):
    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    runs: tuple[Ran, ...] = ()
    """Of models, for the answer."""


class Later(NamedTuple):
    """What is left of a call that turned out to be no small one, for a thread."""

    go_on: Callable[[], Response | Work | Promised]


class Route(Protocol):
    """What the front needs of a POST route; `given` is what its headers say, None or empty for JSON alone."""

    route: str
    metrics: RouteMetrics

    def read_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> Any:
        """Raises UnsupportedMediaType, or InvalidRequest."""
        ...

    def most_bytes(self, given: Any, /) -> int:
        """The limit of its body."""
        ...

    def is_small(self, body: bytes, given: Any, /) -> bool:
        """Whether it is answered sooner than a thread is found."""
        ...

    def __call__(
        self, body: bytes, scope: Message, given: Any, /
    ) -> Response | Work | Promised | Later:
        """The answer, or the work of a model that takes its time, which makes a Response, or what finds out which."""
        ...


def _respond(document: Any, runs: tuple[Ran, ...]) -> Response:
    return Response(200, encode(document), JSON, (), runs)


class Call:
    """One POST route: JSON body in, JSON answer out, or a PNG where the route has one and the client takes it."""

    def __init__(
        self,
        route: str,
        request_type: Any,
        answer: Callable[[Any], Any],
        settings: Settings,
        *,
        inline_bytes: int,
        query: tuple[str, ...] = (),
        takes_images: bool = False,
        picture: Callable[[Any], bytes | None] | None = None,
    ) -> None:
        self.route = route
        self.metrics = RouteMetrics(route)
        self._settings = settings
        self.inline_bytes = inline_bytes
        self.takes_images = takes_images
        decoder = RequestDecoder(request_type)
        self._decode = decoder.decode
        self._convert = partial(decoder.convert, strict=False)
        self._fields: tuple[str, ...] = request_type.__struct_encode_fields__
        self._answer = answer
        self._query = query
        self._picture = picture

    def read_headers(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The media type of a body that is no JSON; raises UnsupportedMediaType."""
        media_type = ""
        for header in headers:
            if header[0] in _WATCHED and header != _PLAIN_JSON:
                media_type = (
                    _check_header(*header, takes_images=self.takes_images) or media_type
                )

        return media_type

    def most_bytes(self, media_type: str) -> int:
        return (
            self._settings.max_image_bytes
            if media_type
            else self._settings.max_body_bytes
        )

    def __call__(
        self, body: bytes, scope: Message, media_type: str
    ) -> Response | Work | Promised | Later:
        """Answers a body of JSON, or of the media type of an image or a form."""
        started_ns = perf_counter_ns()
        if media_type:
            request = read_request(
                media_type, body, scope["query_string"], self._fields, self._convert
            )
        else:
            request = self._decode(body)
            if scope["query_string"]:
                self._apply(scope["query_string"], request)
            if self.takes_images and has_encoded_image(request.inputs):
                return Later(partial(self._finish, request, scope, started_ns))

        return self._finish(request, scope, started_ns)

    def _finish(
        self, request: Any, scope: Message, started_ns: int
    ) -> Response | Work | Promised:
        if self._picture is not None and takes_pictures(scope):
            png = self._picture(request)
            if png is not None:
                return Response(200, png, content_type=PNG)

        answer = self._answer(request)
        if isinstance(answer, Work):
            return do_or_defer(answer, _respond, started_ns)
        if isinstance(answer, Promised):
            return answer._replace(answer=_respond(answer.answer, ()))

        runs: tuple[Ran, ...] = ()
        if isinstance(answer, Answered):
            answer, runs = answer

        return _respond(answer, runs)

    def is_small(self, body: bytes, media_type: str) -> bool:
        """Files never are; images in JSON are found when it is read."""
        return not media_type and len(body) <= self.inline_bytes

    def _apply(self, query: bytes, request: Any) -> None:
        """Query parameters that stand for a field; all of them are counts."""
        for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name not in self._query:
                known = ", ".join(self._query) or "none"
                raise InvalidRequest(
                    f"unknown query parameter {name!r}; query parameters of this call: {known}"
                )

            if (
                not text.isascii()
                or not text.isdigit()
                or len(text) > 9
                or not int(text)
            ):
                raise InvalidRequest(
                    f"query parameter {name!r}: expected a whole number of at least 1, got {text!r}"
                )

            setattr(request, name, int(text))


def _check_header(name: bytes, value: bytes, *, takes_images: bool) -> str:
    """The media type of a body that is an image or a form; empty for JSON, or where nothing is said of it."""
    given = value.decode("latin-1").strip()
    text = given.partition(";")[0].strip().lower()
    if name == b"content-encoding":
        if text not in ("identity", ""):
            raise UnsupportedMediaType(
                f"content encoding {text!r} is not taken here: send it as it is"
            )
        return ""

    if text in ("application/json", ""):
        return ""
    if takes_images and (text in MEDIA_TYPES or text == MULTIPART):
        return text + given[len(text) :]

    images = (
        f" (or for images {', '.join(TAKEN_TYPES)}, {MULTIPART})"
        if takes_images
        else ""
    )
    raise UnsupportedMediaType(
        f"expected Content-Type application/json{images}, got {text!r}; with curl: -H 'Content-Type: application/json'"
    )


def takes_pictures(scope: Message) -> bool:
    """Whether the client takes a PNG: one that says nothing does, BentoML's reads JSON whatever it says."""
    headers = [
        (name, value.decode("latin-1").lower()) for name, value in scope["headers"]
    ]
    if any(
        name == b"user-agent" and value.startswith("bentoml http client")
        for name, value in headers
    ):
        return False

    accepted = ",".join(value for name, value in headers if name == b"accept") or "*/*"
    kinds = {
        kind.partition(";")[0].strip()
        for kind in accepted.split(",")
        if not _NO.search(kind)
    }

    return bool(kinds & {"image/png", "image/*", "*/*"}) or not kinds & {
        "application/json",
        "application/*",
    }
