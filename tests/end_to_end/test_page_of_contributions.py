"""The bench of rows shows what each value adds, and where on its slider the class flips."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Route, expect

from tests.support.browser import PHONE, open_page, start_browser, wait_for_verdict
from tests.support.server import Server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Returns the one browser of all tests of this part of the page."""
    with start_browser() as started:
        yield started


def test_contributions_are_shown_by_one_action(
    server: Server, browser: Browser
) -> None:
    """A click shows bars of the first model and marks on the sliders; another model has its own, and they follow a
    value.
    """
    with open_page(browser, f"{server.url}/?task=wine") as page:
        wait_for_verdict(page)
        page.click("text=What each value adds")
        told = page.locator(".adds .told")
        expect(told).to_have_text(re.compile(r"From .* for usual rows to .* for this"))
        expect(page.locator(".adds li").first).to_contain_text("proline")
        expect(page.locator(".flip:visible").first).to_have_attribute(
            "title", re.compile(r"at .*: class \d")
        )

        page.select_option("#adds-model", "wine-mlp")
        expect(told).to_contain_text("± is one standard error")
        before = told.inner_text()
        page.fill("#feature-12", "300")
        expect(told).not_to_have_text(before)

        page.click("text=What each value adds")
        expect(page.locator(".flip:visible")).to_have_count(0)


def test_what_is_waited_for_can_be_read(server: Server, browser: Browser) -> None:
    """axe finds nothing while an explanation is on its way, and the mark of waiting goes when it is there."""
    held: list[Route] = []
    is_holding = True

    def hold(route: Route) -> None:
        if is_holding:
            held.append(route)
        else:
            route.continue_()

    with open_page(browser, f"{server.url}/?task=wine") as page:
        wait_for_verdict(page)
        assert page.locator(".waiting").count() == 0
        page.route("**/explain", hold)
        page.click("text=What each value adds")
        expect(page.locator(".adds.waiting")).to_have_count(1)

        found = Axe().run(page)

        assert found.violations_count == 0, found.generate_report()
        is_holding = False
        for each in held:
            each.continue_()
        expect(page.locator(".waiting")).to_have_count(0)


@pytest.mark.parametrize("language", ["en", "es"])
def test_regressors_have_contributions_and_no_flips(
    server: Server, browser: Browser, language: str
) -> None:
    """Numbers are explained in both languages, on a phone without a page that is too wide, and by the rules of axe."""
    address = f"{server.url}/?task=diabetes"
    with open_page(browser, address, size=PHONE, language=language) as page:
        wait_for_verdict(page)
        page.click(".adds summary")
        expect(page.locator(".adds li").first).to_be_visible()
        unit = {"en": "value.", "es": "valor."}[language]
        expect(page.locator(".adds .told")).to_contain_text(unit)

        assert page.locator(".flip:visible").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]

        found = Axe().run(page)

        assert found.violations_count == 0, found.generate_report()


def test_a_server_that_is_gone_is_told_beside_the_bars(
    server: Server, browser: Browser
) -> None:
    """A call that nobody answers is a sentence in the place of the bars."""
    address = f"{server.url}/?task=wine"
    complaints: list[str] = []
    with open_page(browser, address, complaints=complaints) as page:
        wait_for_verdict(page)
        page.route("**/explain", lambda route: route.abort())
        page.click(".adds summary")
        expect(page.locator(".adds .told")).to_have_text(
            re.compile("^The server does not answer")
        )
        expect(page.locator(".adds li")).to_have_count(0)

    assert complaints
