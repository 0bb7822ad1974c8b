"""The documentation's site is built strictly, works from a folder, and each example of its reference is true."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from docs.site.pages import find_pages, lead_links
from docs.site.reference import write_reference
from tests.support.browser import PHONE, WIDE, open_page, start_browser
from tests.support.documents import ROOT, address, find_code, read_document, run_curl
from tests.support.server import Server

PAGES = [name for name in find_pages() if name != "README.md"]
LANGUAGES = {
    "apache",
    "caddyfile",
    "console",
    "csv",
    "javascript",
    "json",
    "nginx",
    "python",
    "sh",
    "text",
    "vcl",
    "yaml",
    "",
}
PROGRAMS = {"curl", "docker", "helm", "kubectl", "make", "printf", "serve", "veredicto"}
"""Commands begin with one of these, of which `serve` is Ray's, or run a module of ours."""
MODULE = re.compile(r"(?:\.venv/bin/)?python3? -m ([\w.]+)(.*)", re.S)
OF_OTHERS = ("pytest", "venv")
VOLATILE = ("latency_ms", "load_ms", "warm_up_ms", "model_stats")
"""Times differ from answer to answer."""
OPENED = "#operations-Predict_and_compare-predict_proba"
"""This call of the service's own reference is looked at."""
GROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 20, 20)"}
N_OF_A_KIND = 5
THIN_OUT = """(most) => {
    const found = new Map();
    for (const token of document.querySelectorAll(".highlight pre span[class]")) {
        const block = token.closest("[class*=highlight-]")?.className;
        const kind = [block, token.className, token.checkVisibility()].join();
        found.set(kind, (found.get(kind) ?? 0) + 1);
        if (found.get(kind) > most && !token.children.length)
            token.replaceWith(token.textContent);
    }
}"""
"""Of coloured words of code some are left of each colour: the long page has ten thousand, and axe looks at each."""


@pytest.fixture(scope="module")
def document(server: Server) -> dict[str, Any]:
    """The OpenAPI document of the shipped models, with its examples."""
    found: dict[str, Any] = server.client.get("/docs.json").json()
    return found


@pytest.fixture(scope="module")
def reference(document: dict[str, Any]) -> str:
    """Returns the page of the HTTP interface in Markdown."""
    return write_reference(document)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Path:
    """The site as `make docs` builds it; a link that leads nowhere would have failed it."""
    folder = tmp_path_factory.mktemp("site") / "docs"
    words = ["--url", server.url, "--output", str(folder)]
    finished = subprocess.run(
        [sys.executable, "-m", "docs.site", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's browser runs once for all tests of this file."""
    with start_browser() as running:
        yield running


@pytest.fixture(scope="module")
def calls(server: Server, browser: Browser) -> Iterator[Page]:
    """One page of `/docs` has a call opened; it is long, and takes seconds to be drawn."""
    with open_page(browser, f"{server.url}/docs", bench=OPENED) as page:
        page.locator(f"{OPENED} .opblock-summary-control").click()
        expect(page.locator(f"{OPENED} .responses-inner")).to_be_visible()
        yield page


def find_examples(reference: str) -> list[tuple[str, str, str, Any]]:
    """Returns of each example its curl, Python and JavaScript, and the answer, which is None for a text."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", reference, re.M | re.S)
    found = []
    for place, (language, code) in enumerate(blocks):
        if language == "console":
            (_, python), (_, javascript) = blocks[place + 1 : place + 3]
            after = blocks[place + 3] if place + 3 < len(blocks) else ("", "")
            answer = json.loads(after[1]) if after[0] == "json" else None
            found.append((code, python, javascript, answer))

    return found


def same_start(shown: Any, found: Any) -> bool:
    """Tells whether an answer is the one that is shown, whose long texts are cut and whose times are others."""
    if isinstance(shown, dict):
        return shown.keys() == found.keys() and all(
            same_start(shown[name], found[name])
            for name in shown
            if name not in VOLATILE
        )
    if isinstance(shown, list):
        return len(shown) <= len(found) and all(map(same_start, shown, found))
    if isinstance(shown, str) and shown.endswith("..."):
        return str(found).startswith(shown.removesuffix("..."))
    if isinstance(shown, float):
        return bool(found == pytest.approx(shown, rel=1e-4))

    return bool(shown == found)


def test_the_reference_has_each_call_and_most_have_an_example(
    document: dict[str, Any], reference: str
) -> None:
    """Every operation has a heading; only those have no example whose answer would change the server."""
    operations = [
        f"### {method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    ]
    sections = {
        each.partition("\n")[0]: each
        for each in re.split(r"^(?=### )", reference, flags=re.M)
    }
    bare = [each for each in operations if "```console" not in sections[each]]

    assert set(operations) <= sections.keys()
    assert bare == [
        "### POST /feedback",
        "### POST /judge",
        "### GET /tasks/{task}/comparison",
        "### GET /tasks/{task}/to-label",
        "### POST /v2/repository/index",
        "### POST /v2/repository/models/{name}/load",
        "### POST /v2/repository/models/{name}/unload",
        "### POST /v2/models/{name}/versions/{version}/infer",
        "### GET /docs.json",
    ]


def test_the_curls_of_the_reference_give_their_answers(
    server: Server, reference: str
) -> None:
    """A real server gives the answer that is shown below each of them."""
    for curl, _, _, answer in find_examples(reference):
        printed = run_curl(curl, server)
        if answer is None:
            assert printed
        else:
            assert same_start(answer, json.loads(printed)), curl


def test_the_python_of_the_reference_runs(
    server: Server, reference: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each example needs nothing but Python, and prints what curl prints."""
    for _, python, _, answer in find_examples(reference):
        exec(address(python, server), {})
        printed = capsys.readouterr().out
        assert answer is None or list(eval(printed)) == list(answer)


def test_the_javascript_of_the_reference_runs(
    server: Server, reference: str, browser: Browser
) -> None:
    """Each example runs in a page of the server, and logs what the server answers."""
    for _, _, javascript, answer in find_examples(reference):
        (logged,) = run_javascript(javascript, server, browser)
        assert answer is None or same_start(answer, logged), javascript


def run_javascript(code: str, server: Server, browser: Browser) -> list[Any]:
    """Returns what the code logs in a page of the server."""
    page = browser.contexts[0].pages[0] if browser.contexts else browser.new_page()
    if not page.url.startswith(server.url):
        page.goto(f"{server.url}/livez")
    body = address(code, server).replace("console.log(", "logged.push(")
    logged: list[Any] = page.evaluate(
        f"(async () => {{ const logged = []; {body} return logged; }})()"
    )
    return logged


def test_the_javascript_of_the_quick_start_runs(
    server: Server, browser: Browser
) -> None:
    """The JavaScript of the quick start logs the class in a page of the server."""
    (code,) = find_code(read_document("docs/quick-start.md"), "javascript")
    assert run_javascript(code, server, browser) == [["orange"]]


def test_the_site_asks_no_server_for_anything(site: Path) -> None:
    """No page and no style of the built site loads from an address of its own."""
    loads = re.compile(
        r'<(?:script|img|iframe|source)[^>]*\ssrc="(?:https?:)?//|<link[^>]*href="(?:https?:)?//'
        r"|url\(\s*[\"']?(?:https?:)?//|@import"
    )
    for path in site.rglob("*"):
        if path.suffix in (".html", ".css"):
            assert not loads.search(path.read_text(encoding="utf-8")), path.name


def test_the_site_has_a_page_of_each_document(site: Path) -> None:
    """Each document under `docs/` that is for users is a page, and the reference of the calls too."""
    names = {*find_pages().values(), "http.md", "search.md"}
    assert {str(path.relative_to(site)) for path in site.rglob("*.html")} == {
        *(name.replace(".md", ".html") for name in names),
        "genindex.html",
    }


@pytest.mark.parametrize(
    ("size", "theme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide", "phone"]
)
def test_the_site_works_from_a_folder(
    site: Path, browser: Browser, size: tuple[int, int], theme: str
) -> None:
    """The site can be searched in a folder, examples change their language together, and nothing is too wide."""
    url = (site / "http.html").as_uri()
    with open_page(browser, url, size=size, theme=theme, bench=".languages") as page:
        page.get_by_role("tab", name="JavaScript").first.click()
        shown = page.get_by_role("tabpanel").filter(has_text="await fetch")
        expect(shown.first).to_be_visible()
        assert page.locator("[role=tab][aria-selected=true]").all_inner_texts()[1:] == (
            ["JavaScript"] * (len(page.locator(".languages").all()) - 1)
        )
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0]

        page.goto((site / "search.html").as_uri() + "?q=calibration")
        found = page.locator("#search-results li a")
        expect(found.filter(has_text="Train").first).to_be_visible()


@pytest.mark.parametrize(
    ("name", "theme"), [("http.html", "light"), ("compare.html", "dark")]
)
def test_axe_finds_nothing_on_a_page_of_the_site(
    site: Path, browser: Browser, name: str, theme: str
) -> None:
    """Contrast, names and landmarks are right on pages that have tables, code and tabs."""
    said: list[str] = []
    url = (site / name).as_uri()
    with open_page(browser, url, theme=theme, bench="h1", complaints=said) as page:
        page.evaluate(THIN_OUT, N_OF_A_KIND)
        # It reads styles by requests, which a browser refuses to pages from a folder.
        options = {"preload": False, "resultTypes": ["violations"]}
        found = Axe().run(page, options=options).response["violations"]

    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_on_the_reference_of_the_service(
    calls: Page, theme: Literal["light", "dark"]
) -> None:
    """`/docs` follows the theme of the system, with a call opened and its answer shown."""
    calls.emulate_media(color_scheme=theme)
    ground = calls.evaluate(
        "getComputedStyle(document.documentElement).backgroundColor"
    )
    assert ground == GROUNDS[theme]
    found = Axe().run(calls).response["violations"]
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


def test_a_field_that_is_left_empty_is_not_sent(server: Server, calls: Page) -> None:
    """The reference sends the example as it stands, and the server answers it with the answer that was shown."""
    with calls.expect_response(lambda each: "/predict_proba" in each.url) as answer:
        calls.locator(f"{OPENED} .btn.execute").click()

    assert urlsplit(answer.value.url).query == ""
    assert answer.value.status == 200
    sent = calls.evaluate(
        """() => leaveOutEmpty({url: "predict?top=&model=points-mlp"}).url"""
    )
    assert sent == f"{server.url}/predict?model=points-mlp"


def test_links_are_led_to_the_site() -> None:
    """A link to a document leads to its page, one to the README to the first page, of one to code the words stay."""
    pages = find_pages()
    text = "[a](../SECURITY.md#x) [b](../README.md) [c](../service/app.py) [d](train.md) [e](https://example.org)"
    assert lead_links(text, "docs/predict.md", pages) == (
        "[a](security.md#x) [b](index.md) c [d](train.md) [e](https://example.org)"
    )


def list_commands(text: str) -> Iterator[str]:
    """Yields the commands of all console and shell blocks, without variables ahead of them and answers below."""
    for block in [*find_code(text, "console"), *find_code(text, "sh")]:
        joined = re.sub(r"\\\n\s*", " ", block)
        is_shown = "\n$ " in f"\n{joined}"
        for line in joined.splitlines():
            if is_shown and not line.startswith("$ "):
                continue
            yield re.sub(r"^(\$ )?([A-Z_]+=\S+ +)*", "", line)


@pytest.mark.parametrize("page", PAGES)
def test_every_block_is_of_a_kind_that_is_tested(page: str) -> None:
    """Each block says what it is, and each command begins with a program that the tests of the pages know."""
    text = read_document(page)
    assert set(re.findall(r"^```(\w*)\n.*?^```", text, re.M | re.S)) <= LANGUAGES

    for command in list_commands(text):
        program = shlex.split(command, comments=True)[0] if command.strip() else ""
        known = program in PROGRAMS or MODULE.match(command) or program.endswith("pip")
        assert not command.strip() or known, command


def list_typed() -> list[tuple[str, str]]:
    """Returns of each command of the pages that runs a package with a parser the package and its words."""
    found = []
    for page in PAGES:
        for command in list_commands(read_document(page)):
            match = MODULE.match(command)
            ours = re.match(r"veredicto (\w+)(.*)", command, re.S)
            package = match[1] if match else ours and OWN.get(ours[1])
            if package in PARSED:
                words = (match or ours)[2]  # type: ignore[index]  # one of them is there
                found.append((package, words))

    return found


OWN = {
    "evaluate": "evaluation",
    "load": "loadtest",
    "score": "scoring",
    "tune": "tuning",
}
"""Of commands of `veredicto` the packages that they run."""
PARSED = tuple(OWN.values())


@pytest.mark.parametrize(("package", "words"), list_typed())
def test_a_command_of_a_page_can_be_typed(package: str, words: str) -> None:
    """The parser of the command takes its words; training's are tried by the tests of its pages."""
    from importlib import import_module

    parse = import_module(f"{package}.arguments").parse
    assert parse(shlex.split(words, comments=True)) is not None


def test_make_docs_knows_its_folder_and_help() -> None:
    """The command says where the site goes, and that it needs no server of yours."""
    finished = subprocess.run(
        ["make", "-n", "docs"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "-m docs.site" in finished.stdout
