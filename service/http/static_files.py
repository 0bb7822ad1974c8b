"""The page and its files are read once and sent compressed; the name of each says what all of them hold."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from service.errors import NotFound
from service.http.page_security import PAGE_HEADERS
from service.http.responses import ASK_AGAIN, HTML, Headers, Response
from service.reference.pages import N_CLASSES

PREFIX = "/static/"
HOME = "home.html"
MODEL = "model.html"
COURSE = "course.html"
COURSES = ("/course", "/curso")
"""The course has an address in English and one in Spanish, and below each one for every class."""
MODELS = "/models"
"""Browsers get the page of all models at the path where programs get their list."""
PAGES = {"/live": "live.html", MODELS: "models.html", "/trust": "trust.html"}
"""Further pages that stand beside the first have these paths."""
MIN_GZIP_BYTES = 512
"""A shorter file hardly shrinks."""
_PLACE = b"{{static}}"
"""The page has this where the address of its files belongs."""
_ROOT = b"{{root}}"
"""The page has this where the way up to the service's root belongs."""
_MODULE = b"{{module}}"
"""The page of a model has this where the name of its script belongs, which is another one without a card."""
_CLASSES = frozenset(map(str, range(1, N_CLASSES + 1)))
_TYPES = {
    ".bin": b"application/octet-stream",
    ".css": b"text/css; charset=utf-8",
    ".html": HTML,
    ".jpg": b"image/jpeg",
    ".js": b"text/javascript; charset=utf-8",
    ".png": b"image/png",
    ".svg": b"image/svg+xml",
}
_COMPRESSED = frozenset({b"image/jpeg", b"image/png"})
"""Files of these types would not shrink."""
_TAG_ENDS = (b"", b"-gzip")
"""The tags of a file as it is, and compressed, end so."""
_VARY = (b"vary", b"accept-encoding")
_VARY_ACCEPT = (b"vary", b"accept")
_FOR_EVER = (b"cache-control", b"public, max-age=31536000, immutable")


class StaticFile:
    """A static file is sent as it is, or compressed where the client takes that, or not at all where it has it."""

    def __init__(self, content: bytes, content_type: bytes, headers: Headers) -> None:
        self.content = content
        self._content_type = content_type
        self._headers = headers

    @cached_property
    def _compressed(self) -> bytes:
        return gzip.compress(self.content, compresslevel=9, mtime=0)

    @cached_property
    def _hash(self) -> bytes:
        return sha256(self.content).hexdigest()[:32].encode()

    def respond(self, headers: Iterable[tuple[bytes, bytes]]) -> Response:
        """Returns the response to a request with these headers.

        The compressed file has a tag of its own, as RFC 9110, 8.8.3 has it: a tag without `W/` is that of the same
        bytes. Who has either of the two has the file.
        """
        asked = dict(headers)
        is_large = len(self.content) >= MIN_GZIP_BYTES
        can_shrink = is_large and self._content_type not in _COMPRESSED
        shrinks = can_shrink and _takes_gzip(asked.get(b"accept-encoding", b""))
        tags = [b'"%s%s"' % (self._hash, end) for end in _TAG_ENDS]
        own = (*self._headers, (b"etag", tags[shrinks]), _VARY)

        known = asked.get(b"if-none-match", b"")
        if any(tag in known for tag in tags) or known.strip() == b"*":
            return Response(304, b"", self._content_type, own)

        if shrinks:
            own = (*own, (b"content-encoding", b"gzip"))
            return Response(200, self._compressed, self._content_type, own)

        return Response(200, self.content, self._content_type, own)


class StaticFiles:
    """The static files stand under one address, which has the hash of all of them in it.

    A module names another by its place beside it, so that all of a page are of one version and nothing is built.
    """

    def __init__(self, pages: Path) -> None:
        folder = pages / "static"
        contents = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES
        }
        self.version = _hash_contents(contents)
        self._files = {}
        for name, content in contents.items():
            content_type = _TYPES[Path(name).suffix]
            path = f"{PREFIX}{self.version}/{name}"
            self._files[path] = StaticFile(content, content_type, (_FOR_EVER,))

        address = f"static/{self.version}".encode()

        def read(
            name: str,
            *headers: tuple[bytes, bytes],
            up: bytes = b"",
            module: bytes = b"",
        ) -> StaticFile:
            content = (pages / name).read_bytes()
            words = {_PLACE: up + address, _ROOT: up, _MODULE: module}
            for place, word in words.items():
                content = content.replace(place, word)

            return StaticFile(content, HTML, (*PAGE_HEADERS, ASK_AGAIN, *headers))

        self._home = read(HOME)
        self._model = read(MODEL, _VARY_ACCEPT, module=b"card")
        self._graph = read(MODEL, _VARY_ACCEPT, module=b"graph")
        self._course = read(COURSE, up=b"./")
        self._class = read(COURSE, up=b"../")
        self._pages = {path: read(name) for path, name in PAGES.items()}
        self._pages[MODELS] = read(PAGES[MODELS], _VARY_ACCEPT)

    def list_paths(self) -> list[str]:
        """Returns the paths of all files but the page."""
        return list(self._files)

    def show_home(self, headers: Iterable[tuple[bytes, bytes]]) -> Response:
        """Returns the page."""
        return self._home.respond(headers)

    def show_page(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> Response:
        """Returns one of the further pages."""
        return self._pages[path].respond(headers)

    def show_model(self, headers: Iterable[tuple[bytes, bytes]]) -> Response:
        """Returns the page of a model, which asks for the card itself."""
        return self._model.respond(headers)

    def show_graph(self, headers: Iterable[tuple[bytes, bytes]]) -> Response:
        """Returns the page of a file without a card, which asks what its graph says."""
        return self._graph.respond(headers)

    def show_course(
        self, path: str, headers: Iterable[tuple[bytes, bytes]]
    ) -> Response:
        """Returns the page of the course, or of a class of it; raises NotFound for a class that it does not have."""
        _, _, number = path[1:].partition("/")
        if path in COURSES:
            return self._course.respond(headers)
        if number and number not in _CLASSES:
            raise NotFound(
                f"unknown class {number[:40]!r}: the course has classes 1 to {N_CLASSES}"
            )

        return self._class.respond(headers)

    def show(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> Response:
        """Returns the file at a path; raises NotFound for one of another version too."""
        file = self._files.get(path)
        if file is None:
            raise NotFound(
                f"unknown file {path[:200]!r}: the page may be of another version; load it again"
            )

        return file.respond(headers)


def prefers_html(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Returns whether a client names HTML, as browsers do, and does not name JSON with at least the same weight."""
    weights = {b"text/html": 0.0, b"application/json": 0.0}
    accepted = dict(headers).get(b"accept", b"").lower()
    for each in accepted.split(b","):
        kind, *parameters = each.replace(b" ", b"").split(b";")
        if kind in weights:
            weights[kind] = _read_weight(parameters)

    return weights[b"text/html"] > weights[b"application/json"]


def _read_weight(parameters: Iterable[bytes]) -> float:
    """Returns the weight among the parameters of a media type, 1 where none is given, 0 where it is no number."""
    for each in parameters:
        if each.startswith(b"q="):
            try:
                return float(each[2:])
            except ValueError:
                return 0.0

    return 1.0


def _hash_contents(contents: dict[str, bytes]) -> str:
    """Returns 12 hex digits of the SHA-256 over all names and contents."""
    digest = sha256()
    for name, content in contents.items():
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)

    return digest.hexdigest()[:12]


def _takes_gzip(accepted: bytes) -> bool:
    """Returns whether a header Accept-Encoding names gzip with a weight that is not zero."""
    for each in accepted.split(b","):
        coding, _, weight = each.replace(b" ", b"").lower().partition(b";")
        if coding in (b"gzip", b"*"):
            without_zeros = weight.rstrip(b"0").rstrip(b".")
            return without_zeros not in (b"q=", b"q=0")

    return False
