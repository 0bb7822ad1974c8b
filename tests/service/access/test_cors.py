"""Pages of other sites are told from the server's own by what a browser says of them."""

from __future__ import annotations

import pytest

from service.access.cors import CorsPolicy
from service.errors import Forbidden

LISTED = "https://shop.example"
OTHER = b"https://evil.example"
HOST = b"models.example:3000"
OWN = b"https://models.example:3000"
PREFLIGHT = {b"access-control-request-method": b"POST"}


@pytest.fixture
def sites() -> CorsPolicy:
    """Returns sites of which one is listed."""
    return CorsPolicy([LISTED])


@pytest.mark.parametrize(
    "found",
    [
        {},
        {b"origin": OWN},
        {b"origin": OWN.upper().replace(b"HTTPS", b"http")},
        {b"sec-fetch-site": b"same-origin", b"origin": OWN},
        {b"sec-fetch-site": b"none"},
        {b"sec-fetch-site": b"cross-site", b"origin": LISTED.encode()},
    ],
    ids=["no browser", "own", "own in capitals", "same origin", "typed", "listed"],
)
def test_who_may_change_something(sites: CorsPolicy, found: dict[bytes, bytes]) -> None:
    """No browser, the server's own pages whatever the scheme, and those of a listed site may send a POST."""
    sites.check("POST", found, HOST)


@pytest.mark.parametrize(
    "found",
    [
        {b"origin": OTHER},
        {b"origin": b"null"},
        {b"sec-fetch-site": b"cross-site"},
        {b"sec-fetch-site": b"same-site", b"origin": b"https://blog.models.example"},
        {b"sec-fetch-site": b"cross-site", b"origin": OWN},
        {b"origin": LISTED.encode() + b".evil.example"},
        {b"origin": LISTED.encode().replace(b"https", b"http")},
    ],
    ids=["other", "hidden", "unnamed", "sibling", "forged", "longer", "another scheme"],
)
def test_a_page_of_another_site_is_refused(
    sites: CorsPolicy, found: dict[bytes, bytes]
) -> None:
    """A page that is neither the server's nor listed to the letter may send no POST, and may read."""
    with pytest.raises(Forbidden, match="VEREDICTO_CORS lists the sites that may"):
        sites.check("POST", found, HOST)

    sites.check("GET", found, HOST)


def test_without_a_host_no_page_is_the_servers_own(sites: CorsPolicy) -> None:
    """A request that does not say whom it asks comes from no page of this server."""
    with pytest.raises(Forbidden):
        sites.check("POST", {b"origin": OWN}, None)


def test_only_a_listed_site_may_read(sites: CorsPolicy) -> None:
    """The answer names the origin that may read it, and says that it depends on the origin."""
    listed = dict(sites.list_headers(LISTED.encode()))

    assert listed[b"access-control-allow-origin"] == LISTED.encode()
    assert listed[b"vary"] == b"origin"
    assert sites.list_headers(OTHER) == ((b"vary", b"origin"),)
    assert CorsPolicy([]).list_headers(OTHER) == ()


def test_a_browser_that_asks_first_is_answered(sites: CorsPolicy) -> None:
    """A listed site is told which methods and fields it may use, none of which is any."""
    found = {b"origin": LISTED.encode(), **PREFLIGHT}
    answer = dict(sites.answer_preflight("OPTIONS", found))

    assert answer[b"access-control-allow-origin"] == LISTED.encode()
    assert answer[b"access-control-allow-methods"] == b"GET, HEAD, POST"
    assert b"authorization" in answer[b"access-control-allow-headers"]
    assert b"*" not in b"".join(answer.values())


@pytest.mark.parametrize("origin", [OTHER, b"null", None])
def test_a_browser_of_another_site_is_refused(
    sites: CorsPolicy, origin: bytes | None
) -> None:
    """A page that is not listed is told that it may not, before it sends anything."""
    found = PREFLIGHT if origin is None else {b"origin": origin, **PREFLIGHT}
    with pytest.raises(Forbidden, match="does not list this origin"):
        sites.answer_preflight("OPTIONS", found)


@pytest.mark.parametrize(
    ("method", "found", "origins"),
    [
        ("OPTIONS", {b"origin": LISTED.encode()}, [LISTED]),
        ("POST", {b"origin": LISTED.encode(), **PREFLIGHT}, [LISTED]),
        ("OPTIONS", {b"origin": OTHER, **PREFLIGHT}, []),
    ],
    ids=["asks nothing", "asks for the thing itself", "nobody is listed"],
)
def test_what_is_no_question_of_a_browser_has_no_such_answer(
    method: str, found: dict[bytes, bytes], origins: list[str]
) -> None:
    """Only OPTIONS that names a method is answered so, and only where some site is listed."""
    assert CorsPolicy(origins).answer_preflight(method, found) == ()
