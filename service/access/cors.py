"""Pages of other sites may ask the server from a browser only where the operator lists them.

A browser lets any page send a POST without looking at the answer first; so such a request is refused by what the
browser says of its origin. A client that is no browser says nothing of the kind, and is not concerned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from service.errors import Forbidden

ORIGIN = b"origin"
FETCH_SITE = b"sec-fetch-site"
ASKED_METHOD = b"access-control-request-method"
_OWN = (b"same-origin", b"none")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_ALLOWED = (
    (b"access-control-allow-methods", b"GET, HEAD, POST"),
    (
        b"access-control-allow-headers",
        b"accept, accept-encoding, authorization, content-encoding, content-type, "
        b"inference-header-content-length, traceparent, tracestate, x-request-id",
    ),
    (b"access-control-max-age", b"600"),
)
_EXPOSED = (
    b"access-control-expose-headers",
    b"inference-header-content-length, retry-after, traceparent, www-authenticate, x-request-id",
)
_VARY = (b"vary", b"origin")
Headers = tuple[tuple[bytes, bytes], ...]


class CorsPolicy:
    """The policy has the origins whose pages may ask, beside the server's own."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(each.encode() for each in origins)

    def check(
        self, method: str, found: Mapping[bytes, bytes], host: bytes | None
    ) -> None:
        """Raises Forbidden for a request that may change something and comes from a page of a site not listed."""
        origin = found.get(ORIGIN)
        fetch_site = found.get(FETCH_SITE)
        if method in _SAFE_METHODS or fetch_site in _OWN or origin in self._origins:
            return
        if fetch_site is None and (origin is None or _is_at(origin, host)):
            return

        shown = (origin or fetch_site or b"").decode("latin-1")[:100]
        raise Forbidden(
            f"a page of another site ({shown}) may not ask this server; VEREDICTO_CORS lists the sites that may"
        )

    def list_headers(self, origin: bytes | None) -> Headers:
        """Returns the headers that let a page of a listed origin read an answer."""
        if not self._origins:
            return ()
        if origin not in self._origins or origin is None:
            return (_VARY,)
        return ((b"access-control-allow-origin", origin), _EXPOSED, _VARY)

    def answer_preflight(self, method: str, found: Mapping[bytes, bytes]) -> Headers:
        """Returns the headers that answer a browser that asks first; none where it does not, or nobody is listed.

        It raises Forbidden for an origin that is not listed.
        """
        if method != "OPTIONS" or ASKED_METHOD not in found or not self._origins:
            return ()

        origin = found.get(ORIGIN)
        if origin is None or origin not in self._origins:
            raise Forbidden("VEREDICTO_CORS does not list this origin")

        return ((b"access-control-allow-origin", origin), *_ALLOWED, _VARY)


def _is_at(origin: bytes, host: bytes | None) -> bool:
    """Returns whether an origin is the server itself, as the client names it; behind a proxy the scheme may differ."""
    return host is not None and origin.partition(b"://")[2].lower() == host.lower()
