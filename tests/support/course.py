"""A class of the course is opened in a browser, its controls are moved, and its figures are read at full precision."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.server import Server

SHOWN = ".demo[data-demo]"
_NUMBER = re.compile(r"^-?[\d.]+(e-?\d+)?$")


def open_class(page: Page, server: Server, number: int) -> None:
    """Opens a class in English and waits for its demonstration."""
    page.goto(f"{server.url}/course/{number}")
    page.wait_for_selector(SHOWN)


def choose_demonstration(page: Page, name: str) -> None:
    """Opens another demonstration of a class that has several."""
    page.click(f".demos [data-demo={name}]")
    page.wait_for_selector(f".demo[data-demo={name}]")


def move(page: Page, label: str, position: float) -> None:
    """Moves the slider of this name to a position."""
    page.get_by_label(label, exact=True).fill(str(position))


def press(page: Page, text: str, *, times: int = 1) -> None:
    """Presses a button of the demonstration so many times."""
    button = page.locator(".stage").get_by_role("button", name=text, exact=True)
    for _ in range(times):
        button.click()


def read(page: Page, name: str) -> float:
    """Returns the value of a figure, once it has one."""
    figure = page.locator(f"#figure-{name}")
    expect(figure).to_have_attribute("data-value", _NUMBER)
    return float(figure.get_attribute("data-value") or "nan")


def compute(page: Page, module: str, expression: str, given: Any = None) -> Any:
    """Returns what an expression over a module of the course, `m`, gives in the page."""
    return page.evaluate(
        f"""async ([name, given]) => {{
        const page = document.querySelector("script[type=module]").src;
        const m = await import(new URL(name, page));
        return {expression}; }}""",
        [module, given],
    )
