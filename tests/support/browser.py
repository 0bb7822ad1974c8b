"""The system's Chromium opens the page; nothing is downloaded, and whatever it complains of fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
"""The first that is there is taken: the shell, which has no window, opens a page in a third of the time."""
NO_BROWSER = (
    "the page is tried in a browser, and none is found: apt-get install chromium-headless-shell or chromium, "
    "or name one by VEREDICTO_TEST_BROWSER"
)
POPUPS = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup")
"""Pages of the browser's own, which each new profile loads behind its address bar; they took half of what ours take."""
NOT_ASKED_FOR = (
    "AimEnabled",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)
"""Playwright turns these off by an argument that ours takes the place of, so that they are named again."""
ARGUMENTS = (
    "--no-sandbox",  # so it runs for root too, as in containers; it sees no page but ours
    "--disable-gpu",
    f"--disable-features={','.join((*NOT_ASKED_FOR, *POPUPS))}",
)
LIMIT_MS = 20_000
WIDE = (1280, 720)
PHONE = (390, 844)


def find_browser() -> str:
    """Returns the path of a browser; without one it skips the test, or fails it where CI is set."""
    named = os.environ.get("VEREDICTO_TEST_BROWSER")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(NO_BROWSER)

    return found


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Starts the browser, which runs until the block ends."""
    path = find_browser()
    expect.set_options(timeout=LIMIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def open_page(
    browser: Browser,
    url: str,
    *,
    size: tuple[int, int] = WIDE,
    language: str = "en",
    theme: str = "light",
    bench: str = "#bench > *",
    complaints: list[str] | None = None,
) -> Iterator[Page]:
    """Opens an address in an empty profile and waits for its `bench`; fails where the console has said anything.

    `complaints` takes what the console says where that is expected.
    """
    found: list[str] = [] if complaints is None else complaints
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale=language,
        color_scheme=theme,  # type: ignore[arg-type]  # a literal
        reduced_motion="reduce",
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(LIMIT_MS)
    page.on("console", lambda message: found.append(message.text))
    page.on("pageerror", lambda error: found.append(str(error)))

    page.goto(url)
    page.wait_for_selector(bench)
    yield page
    if complaints is None:
        assert found == []
    context.close()


def wait_for_verdict(page: Page) -> str:
    """Returns the headline once the latest input is answered."""
    expect(page.locator(".took")).not_to_be_empty()
    page.wait_for_selector(".headline b")
    return page.inner_text(".headline")
