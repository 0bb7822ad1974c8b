"""`python -m tests.support.page_picture` takes the picture of the page that the README shows, of a real server."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.support.browser import open_page, start_browser, wait_for_verdict
from tests.support.server import ROOT, serve

PICTURE = ROOT / "docs" / "pictures" / "page.png"
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


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    sys.exit(take_picture())
