"""A call of the contract is an HTTP route: JSON or image files in, JSON or a picture out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, Protocol

from service.contract.calls import NEVER_INLINE, Call
from service.contract.codec import RequestDecoder, encode
from service.contract.limits import Limits
from service.contract.requests import MULTIPART, Row, Value
from service.errors import InvalidRequest, UnsupportedMediaType, hint_at
from service.execution.metrics import RouteMetrics
from service.execution.pipeline import Cost, Head, Route
from service.execution.run import Outcome, Reply
from service.http.request_bodies.csv_rows import CSV, read_csv
from service.http.request_bodies.forms import read_fields, read_parameters, read_request
from service.http.responses import JSON, PNG, Response
from service.models.graph import Graph
from service.models.images.media_types import MEDIA_TYPES, TAKEN_TYPES
from service.models.images.rows import has_encoded_image

MAX_INLINE_VALUES = 2_000
"""Rows that are no matrix of numbers are looked at value by value, which takes a microsecond of each."""
MAX_INLINE_CHARS = 4_000
"""Texts are split into words, which takes one to six milliseconds of so many characters."""
MAX_DIGITS = 9
"""A count in a query has at most this many digits."""
_PLAIN_JSON = (b"content-type", JSON)
FORM = "application/x-www-form-urlencoded"
"""curl calls the body of `-d` so where nobody names its type; one that begins as an object is JSON all the same."""
_WATCHED = frozenset({b"content-type", b"content-encoding"})
_REFUSED_KIND = re.compile(r";\s*q=0(\.0*)?\s*(;|$)")


class CallHead(NamedTuple):
    """Headers and query say which media type a body has that is no JSON, and whether the client takes a picture."""

    max_bytes: int
    max_inline_bytes: int
    media_type: str = ""
    query: bytes = b""
    takes_picture: bool = False
    max_matrix_bytes: int = 0
    """The longest body that is read where it came, where it is plain JSON and has rows of numbers alone."""


class HTTPRoute(Route, Protocol):
    """A route over HTTP reads what it needs of headers and query, and its replies are Responses."""

    path: str

    def read_head(
        self, headers: Iterable[tuple[bytes, bytes]], query: bytes = b"", /
    ) -> Head:
        """Returns what headers and query say; raises UnsupportedMediaType or InvalidRequest."""
        ...


def _count_chars(rows: list[Row]) -> int:
    """Returns how many characters the texts of all rows have; rows of numbers are passed over quickly."""
    n_chars = 0
    for row in rows:
        values = _list_values(row)
        if str in map(type, values):
            n_chars += sum(len(each) for each in values if isinstance(each, str))

    return n_chars


def _list_values(row: Row) -> Iterable[Value]:
    return row.values() if isinstance(row, dict) else row


class ContractRoute:
    """`POST /<call>` answers with JSON, or with a PNG where the call has a picture and the client takes one."""

    graph: Graph | None = None
    """Each request says which model it is for."""

    def __init__(
        self,
        call: Call,
        method: Callable[[Any], Outcome],
        draw: Callable[[Any], bytes | None] | None,
        limits: Limits,
    ) -> None:
        decoder = RequestDecoder(call.request)
        self.path = call.route
        self.metrics = RouteMetrics(call.route)
        self._call = call
        self._method = method
        self._draw = draw
        self._max_image_bytes = limits.max_image_bytes
        self._max_rows = limits.max_rows
        self._plain = CallHead(limits.max_json_bytes, call.max_inline_bytes)
        self._plainest = self._plain._replace(max_matrix_bytes=call.max_matrix_bytes)
        self._slow_field = call.slow_field
        self._takes_images = call.image_of is not None
        self._has_rows = decoder.has_rows
        self._decode_json = decoder.decode
        self._may_be_matrix = decoder.may_be_matrix
        self._decode_matrix = decoder.decode_matrix
        self._convert = partial(decoder.convert, strict=False)
        self._fields = decoder.fields

    def read_head(
        self, headers: Iterable[tuple[bytes, bytes]], query: bytes = b""
    ) -> CallHead:
        """Reads the headers that matter here; raises UnsupportedMediaType."""
        media_type = ""
        for header in headers:
            if header[0] in _WATCHED and header != _PLAIN_JSON:
                checked = _check_header(*header, takes_images=self._takes_images)
                media_type = checked or media_type

        if not media_type and not query and self._draw is None:
            return self._plainest

        takes_picture = self._draw is not None and takes_pictures(headers)
        if media_type == FORM:
            return self._plain._replace(
                media_type=FORM, query=query, takes_picture=takes_picture
            )
        if media_type == CSV:
            limit = self._plain.max_bytes
            return CallHead(limit, NEVER_INLINE, CSV, query, takes_picture)
        if media_type:
            limit = self._max_image_bytes
            return CallHead(limit, NEVER_INLINE, media_type, query, takes_picture)

        return self._plain._replace(query=query, takes_picture=takes_picture)

    def decode(self, body: bytes, head: CallHead) -> Any:
        """Returns the request in a body of JSON, of CSV, of an image file, or of a form; raises InvalidRequest."""
        if head.media_type == FORM:
            return self._decode_unnamed(body, head)
        if head.media_type == CSV:
            request = read_fields(head.query, self._fields, self._convert)
            request.inputs = read_csv(body, max_rows=self._max_rows)
            return request
        if head.media_type:
            return read_request(
                head.media_type, body, head.query, self._fields, self._convert
            )

        request = self._decode_json(body)
        if head.query:
            self._apply_query(head.query, request)

        return request

    def _decode_unnamed(self, body: bytes, head: CallHead) -> Any:
        """Returns the request in JSON that came as a form's fields; raises UnsupportedMediaType for such fields."""
        if body.lstrip()[:1] != b"{":
            raise _refuse_type(FORM, takes_images=self._takes_images)

        return self.decode(body, head._replace(media_type=""))

    def may_be_matrix(self, body: bytes, head: Head) -> bool:
        """Returns whether a body is worth a look for rows of numbers alone where it came."""
        is_short = isinstance(head, CallHead) and len(body) <= head.max_matrix_bytes
        return is_short and self._may_be_matrix(body)

    def decode_matrix(self, body: bytes) -> Any | None:
        """Returns the request in a body of plain JSON that has rows of numbers; None for any other."""
        return self._decode_matrix(body)

    def find_cost(self, request: Any) -> Cost:
        """Returns whether the answer is drawn from samples, or rows have images or many values to look at."""
        if self._slow_field and getattr(request, self._slow_field) is not None:
            return Cost.LONG
        if not self._has_rows or type(request.inputs) is not list:
            return Cost.SMALL

        rows = request.inputs
        if has_encoded_image(rows):
            return Cost.COSTLY

        if (
            sum(map(len, rows)) > MAX_INLINE_VALUES
            or _count_chars(rows) > MAX_INLINE_CHARS
        ):
            return Cost.LONG
        return Cost.SMALL

    def answer(self, request: Any, head: CallHead) -> Outcome:
        """Returns what the data plane makes of the request, to be written as a Response."""
        if self._draw is not None and head.takes_picture:
            png = self._draw(request)
            if png is not None:
                return Reply(Response(200, png, PNG))

        return self._method(request).encode_with(_respond)

    def _apply_query(self, query: bytes, request: Any) -> None:
        """Sets the fields that stand in the query, all of which are counts; raises InvalidRequest."""
        known = self._call.query
        for name, text in read_parameters(query).items():
            if name not in known:
                in_body = "; in JSON it is a field of the body"
                raise InvalidRequest(
                    f"unknown query parameter {name!r}{hint_at(name, known)}; "
                    f"query parameters of this call: {', '.join(known) or 'none'}"
                    f"{in_body if name in self._fields else ''}"
                )

            is_number = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
            if not is_number or not int(text):
                raise InvalidRequest(
                    f"query parameter {name!r}: expected a whole number of at least 1, got {text!r}"
                )

            setattr(request, name, int(text))


def _respond(answer: Any) -> Response:
    return Response(200, encode(answer))


def _check_header(name: bytes, value: bytes, *, takes_images: bool) -> str:
    """Returns the media type of a body that is an image or a form; empty for JSON, or where nothing is said of it."""
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
    if text == FORM:
        return FORM
    if takes_images and text == CSV:
        return CSV
    if takes_images and (text in MEDIA_TYPES or text == MULTIPART):
        return text + given[len(text) :]

    raise _refuse_type(text, takes_images=takes_images)


def _refuse_type(text: str, *, takes_images: bool) -> UnsupportedMediaType:
    images = f" (or {CSV}, or for images {', '.join(TAKEN_TYPES)}, {MULTIPART})"
    files = ", or of a photograph -H 'Content-Type: image/jpeg'"
    return UnsupportedMediaType(
        f"expected Content-Type application/json{images if takes_images else ''}, got {text!r}; "
        f"with curl: -H 'Content-Type: application/json'{files if takes_images else ''}"
    )


def takes_pictures(given: Iterable[tuple[bytes, bytes]]) -> bool:
    """Returns whether the client takes a PNG: one that says nothing does, BentoML's reads JSON whatever it says."""
    headers = [(name, value.decode("latin-1").lower()) for name, value in given]
    agents = [value for name, value in headers if name == b"user-agent"]
    if any(agent.startswith("bentoml http client") for agent in agents):
        return False

    accepts = [value for name, value in headers if name == b"accept"]
    accepted = ",".join(accepts) or "*/*"
    taken = [kind for kind in accepted.split(",") if not _REFUSED_KIND.search(kind)]
    kinds = {kind.partition(";")[0].strip() for kind in taken}
    takes_png = not kinds.isdisjoint({"image/png", "image/*", "*/*"})

    return takes_png or kinds.isdisjoint({"application/json", "application/*"})
