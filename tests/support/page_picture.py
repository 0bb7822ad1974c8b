"""`python -m tests.support.page_picture` takes the pictures that the README shows: of the page, and of a report."""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image

from evaluation.__main__ import main as evaluate
from tests.support.browser import open_page, start_browser, wait_for_verdict
from tests.support.server import ROOT, serve

PICTURES = ROOT / "docs" / "pictures"
PICTURE = PICTURES / "page.png"
REPORT = PICTURES / "report.png"
TABLE = ROOT / "exported_models" / "digits.held_out.csv"
SIZE = (1280, 720)


def take_picture(path: Path = PICTURE) -> None:
    """Writes the first screen as a visitor sees it, once the sentence on whom to trust is there."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with (
            serve(home, port=3000) as server,
            start_browser() as browser,
            open_page(browser, server.url, size=SIZE) as page,
        ):
            wait_for_verdict(page)
            page.wait_for_selector(".trust p")
            page.screenshot(path=path)


def take_picture_of_report(path: Path = REPORT) -> None:
    """Writes what a report shows of the shipped classifiers of digits, judged on their held-out rows."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "digits.html"
        words = ["--task", "digits", "--data", str(TABLE), "--label", "class"]
        assert evaluate([*words, "--output", str(report)]) == 0

        with (
            start_browser() as browser,
            open_page(browser, report.as_uri(), size=SIZE, bench="h1") as page,
        ):
            page.locator("h2").first.scroll_into_view_if_needed()
            page.evaluate("scrollTo(0, document.querySelector('h2').offsetTop - 16)")
            page.screenshot(path=path)

    # A report has few colours, and its picture a third of the bytes.
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(64).save(path, optimize=True)


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    take_picture()
    take_picture_of_report()
