"""One POST route of the contract: its body decoded, answered and encoded, as JSON or as a picture."""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from service.errors import InvalidRequest
from service.metrics import RouteMetrics
from service.payloads import RequestDecoder, encode

Message = MutableMapping[str, Any]

JSON = b"application/json"
PNG = b"image/png"
NEVER_INLINE = -1
"""Bytes, for a call whose cost does not show in its body."""
_NO = re.compile(r";\s*q=0(\.0*)?\s*(;|$)")


class Response(NamedTuple):
    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Call:
    """One POST route: JSON body in, JSON answer out, or a PNG where the route has one and the client takes it."""

    def __init__(
        self,
        route: str,
        request_type: Any,
        answer: Callable[[Any], Any],
        *,
        inline_bytes: int,
        query: tuple[str, ...] = (),
        picture: Callable[[Any], bytes] | None = None,
    ) -> None:
        self.metrics = RouteMetrics(route)
        self.inline_bytes = inline_bytes
        self._decode = RequestDecoder(request_type).decode
        self._answer = answer
        self._query = query
        self._picture = picture

    def __call__(self, body: bytes, scope: Message) -> Response:
        request = self._decode(body)
        if scope["query_string"]:
            self._apply(scope["query_string"], request)
        if self._picture is not None and _takes_pictures(scope):
            return Response(200, self._picture(request), content_type=PNG)
        return Response(200, encode(self._answer(request)))

    def _apply(self, query: bytes, request: Any) -> None:
        """Query parameters that stand for a field; all of them are counts."""
        for name, text in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name not in self._query:
                known = ", ".join(self._query) or "none"
                raise InvalidRequest(f"unknown query parameter {name!r}; query parameters of this call: {known}")
            if not text.isascii() or not text.isdigit() or not 1 <= int(text[:10]) < 10**9:
                raise InvalidRequest(f"query parameter {name!r}: expected a whole number of at least 1, got {text!r}")
            setattr(request, name, int(text))


def _takes_pictures(scope: Message) -> bool:
    """Whether the client takes a PNG: one that says nothing does, BentoML's reads JSON whatever it says."""
    headers = [(name, value.decode("latin-1").lower()) for name, value in scope["headers"]]
    if any(name == b"user-agent" and value.startswith("bentoml http client") for name, value in headers):
        return False
    accepted = ",".join(value for name, value in headers if name == b"accept") or "*/*"
    kinds = {kind.partition(";")[0].strip() for kind in accepted.split(",") if not _NO.search(kind)}
    return bool(kinds & {"image/png", "image/*", "*/*"}) or not kinds & {"application/json", "application/*"}
