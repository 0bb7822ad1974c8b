"""The page's files are sent compressed, under an address that changes with them; the page itself holds no code."""

from __future__ import annotations

import gzip
import re
from functools import partial
from pathlib import Path

import pytest

import service
from service.errors import NotFound
from service.http.responses import Response
from service.http.static_files import StaticFiles, prefers_html

PAGES = Path(service.__file__).parent / "pages"
GZIP = [(b"accept-encoding", b"gzip, deflate, br")]
MAX_FIRST_SCREEN_BYTES = 60_000
MAX_ALL_BYTES = 500_000


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """A page with one style and one script of its own."""
    (tmp_path / "static" / "inner").mkdir(parents=True)
    (tmp_path / "home.html").write_text("<link href={{static}}/a.css>")
    (tmp_path / "model.html").write_text("<link href=../{{static}}/a.css>")
    (tmp_path / "course.html").write_text(
        "<link href={{static}}/a.css><a href={{root}}>"
    )
    for name in ("live.html", "models.html", "trust.html"):
        (tmp_path / name).write_text("<link href={{static}}/a.css>")
    (tmp_path / "static" / "a.css").write_text("a { color: red }\n" * 100)
    (tmp_path / "static" / "inner" / "b.js").write_text("export {};\n")
    return tmp_path


def header(response: Response, name: bytes) -> bytes | None:
    return dict(response.headers).get(name)


def test_the_page_names_its_files_by_what_they_hold(pages: Path) -> None:
    """Another content is another address, and the same content is the same one."""
    before = StaticFiles(pages)
    assert (
        before.show_home([]).body
        == f"<link href=static/{before.version}/a.css>".encode()
    )
    assert StaticFiles(pages).version == before.version

    (pages / "static" / "inner" / "b.js").write_text("export default 1;\n")
    assert StaticFiles(pages).version != before.version


def test_a_file_is_kept_for_ever_and_the_page_is_asked_for_again(pages: Path) -> None:
    """A file's address never has another content, while the page's has."""
    files = StaticFiles(pages)
    style = files.show(f"/static/{files.version}/a.css", [])
    assert style.content_type == b"text/css; charset=utf-8"
    assert header(style, b"cache-control") == b"public, max-age=31536000, immutable"
    assert header(files.show_home([]), b"cache-control") == b"no-cache"


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        (b"gzip", True),
        (b"br;q=1.0, GZIP;q=0.8", True),
        (b"*", True),
        (b"br", False),
        (b"gzip;q=0", False),
        (b"gzip; q=0.00", False),
        (b"", False),
    ],
)
def test_who_takes_gzip_gets_it(
    pages: Path, *, accepted: bytes, is_compressed: bool
) -> None:
    """A weight of zero refuses it, and caches are told that the answer depends on it."""
    files = StaticFiles(pages)
    style = files.show(
        f"/static/{files.version}/a.css", [(b"accept-encoding", accepted)]
    )
    content = gzip.decompress(style.body) if is_compressed else style.body
    assert content == (pages / "static" / "a.css").read_bytes()
    assert (header(style, b"content-encoding") == b"gzip") == is_compressed
    assert header(style, b"vary") == b"accept-encoding"


def test_a_photograph_is_sent_as_it_is(pages: Path) -> None:
    """A photograph, which would not shrink, is sent unpacked, and its type is said."""
    content = bytes(range(256)) * 4
    (pages / "static" / "cat.jpg").write_bytes(content)
    files = StaticFiles(pages)
    shown = files.show(
        f"/static/{files.version}/cat.jpg", [(b"accept-encoding", b"gzip")]
    )
    assert (shown.content_type, shown.body) == (b"image/jpeg", content)
    assert header(shown, b"content-encoding") is None


def test_who_has_the_page_is_told_so(pages: Path) -> None:
    """A request with the tag of the page is answered by 304 and no body."""
    files = StaticFiles(pages)
    tag = header(files.show_home([]), b"etag")
    assert tag is not None
    again = files.show_home([(b"if-none-match", b'"other", W/' + tag)])
    assert (again.status, again.body) == (304, b"")
    assert files.show_home([(b"if-none-match", b" * ")]).status == 304
    assert files.show_home([(b"if-none-match", b'"other"')]).status == 200


def test_the_compressed_file_has_a_tag_of_its_own(pages: Path) -> None:
    """Other bytes have another tag (RFC 9110, 8.8.3), and who has either form has the file."""
    files = StaticFiles(pages)
    path = f"/static/{files.version}/a.css"
    plain, compressed = (files.show(path, asked) for asked in ([], GZIP))
    tags = [header(each, b"etag") for each in (plain, compressed)]

    assert plain.body != compressed.body
    assert len(set(tags)) == 2
    for tag in tags:
        assert tag is not None
        for asked in ([], GZIP):
            again = files.show(path, [*asked, (b"if-none-match", tag)])
            assert again.status == 304
    # What no other form has keeps one tag, whatever the client takes.
    script = f"/static/{files.version}/inner/b.js"
    assert header(files.show(script, GZIP), b"etag") == header(
        files.show(script, []), b"etag"
    )


def test_a_file_of_another_version_is_not_found(pages: Path) -> None:
    """The error says what helps; nothing outside of the folder has an address."""
    files = StaticFiles(pages)
    for path in ("/static/000000000000/a.css", f"/static/{files.version}/../home.html"):
        with pytest.raises(NotFound, match="the page may be of another version"):
            files.show(path, [])


@pytest.mark.parametrize("course", ["/course", "/curso"])
def test_the_course_has_a_page_for_each_class(pages: Path, course: str) -> None:
    """The page of a class is one folder deeper than the index; a class that the course has not is not found."""
    files = StaticFiles(pages)
    address = f"static/{files.version}/a.css"
    index = files.show_course(course, [])
    assert index.body == f"<link href=./{address}><a href=./>".encode()

    for path in (f"{course}/", f"{course}/1", f"{course}/27"):
        one = files.show_course(path, [])
        assert one.body == f"<link href=../{address}><a href=../>".encode()
        assert header(one, b"cache-control") == b"no-cache"

    for number in ("0", "28", "01", "1/", "one"):
        with pytest.raises(NotFound, match="the course has classes 1 to 27"):
            files.show_course(f"{course}/{number}", [])


def test_the_page_has_no_code_of_its_own_and_names_no_other_host() -> None:
    """Scripts and styles are files, and every address is one of the service."""
    page = "".join(
        (PAGES / name).read_text(encoding="utf-8")
        for name in (
            "course.html",
            "home.html",
            "live.html",
            "model.html",
            "models.html",
            "trust.html",
        )
    )
    assert not re.search(r"<script(?![^>]* src=)|<style|\bstyle=|\bon\w+=", page)

    texts = [
        page,
        *(
            path.read_text()
            for path in (PAGES / "static").rglob("*.*")
            if path.suffix in (".css", ".js", ".svg")
        ),
    ]
    hosts = {host for text in texts for host in re.findall(r"\w+://([\w.]+)", text)}
    assert hosts == {"www.w3.org"}


@pytest.mark.parametrize(
    ("page", "first"),
    [
        ("course.html", "course/course.js"),
        ("home.html", "app.js"),
        ("live.html", "live/page.js"),
        ("models.html", "catalogue/page.js"),
        ("trust.html", "trust/page.js"),
    ],
)
def test_a_page_fetches_ahead_every_module_that_its_first_screen_imports(
    *, page: str, first: str
) -> None:
    """No module waits until another has come."""
    text = (PAGES / page).read_text(encoding="utf-8")
    named = set(
        re.findall(r'(?:module|modulepreload)" \w+="\{\{static\}\}/(.+?)"', text)
    )
    static = (PAGES / "static").resolve()
    waiting, found = [first], set()
    while waiting:
        name = waiting.pop()
        found.add(name)
        path = static / name
        for imported in re.findall(r'^import .* from "(.*)";$', path.read_text(), re.M):
            beside = (path.parent / imported).resolve().relative_to(static).as_posix()
            if beside not in found:
                waiting.append(beside)

    assert named == found


@pytest.mark.parametrize("page", ["/", "/live", "/models", "/trust"])
def test_a_page_is_light(page: str) -> None:
    """The first screen is at most 60 kB as it is sent, and all files are at most 500 kB."""
    files = StaticFiles(PAGES)
    show = files.show_home if page == "/" else partial(files.show_page, page)
    text = show([]).body.decode()
    sizes = {path: len(files.show(path, GZIP).body) for path in files.list_paths()}
    first = [path for path in sizes if path.removeprefix("/") in text]

    assert len(first) > 10
    n_bytes = len(show(GZIP).body) + sum(sizes[path] for path in first)
    assert n_bytes <= MAX_FIRST_SCREEN_BYTES
    course = files.show_course("/course", []).body.decode()
    n_bytes = sum(size for path, size in sizes.items() if path[1:] in course)
    assert n_bytes <= MAX_FIRST_SCREEN_BYTES
    assert sum(sizes.values()) <= MAX_ALL_BYTES


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        (b"application/json, text/html;q=0.9", False),
        (b"text/html;q=0.9, application/json;q=0.5", True),
        (b"text/html;q=much", False),
        (b"*/*", False),
        (b"", False),
    ],
)
def test_a_page_is_for_who_names_html_first(*, accepted: bytes, expected: bool) -> None:
    """Browsers do, programs that take anything or JSON do not."""
    assert prefers_html([(b"accept", accepted)]) == expected
