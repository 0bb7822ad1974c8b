"""This module has the types of options, which argparse converts and refuses."""

from __future__ import annotations

import argparse
import re

from loadtest import objectives
from loadtest.sending.schedule import Rate
from service.errors import LoadTestError


def rate(text: str) -> Rate:
    """Returns requests a second, which may rise; raises ArgumentTypeError for what is no rate."""
    try:
        return Rate.parse(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected requests a second, as 200 or 100:1000, got {text!r}"
        ) from None


def slo(text: str) -> list[objectives.Objective]:
    """Returns objectives; raises ArgumentTypeError for what is none."""
    try:
        return objectives.parse(text)
    except LoadTestError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--slo: ")) from None


def method(text: str) -> str:
    """Returns a method of HTTP; raises ArgumentTypeError for another, or one whose answer has no body of its own."""
    if not re.fullmatch("[A-Z]{1,20}", text) or text in ("HEAD", "CONNECT"):
        raise argparse.ArgumentTypeError(
            f"expected a method as GET, POST or PUT, got {text!r}"
        )

    return text


def header_text(text: str) -> str:
    """Returns what may stand in a header: Latin-1 without control characters; raises ArgumentTypeError for others."""
    if not text.isprintable() or any(character > "\xff" for character in text):
        raise argparse.ArgumentTypeError(
            f"expected characters of Latin-1, as headers have them, got {text!r}"
        )

    return text


def count(text: str) -> int:
    """Returns a whole number from 1 to 100,000; raises ArgumentTypeError for another."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 100_000:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from 1 to 100,000, got {text!r}"
        )

    return int(text)


def counts(text: str) -> tuple[int, ...]:
    """Returns whole numbers that commas join, in order; raises ArgumentTypeError as `count` does."""
    return tuple(sorted({count(each.strip()) for each in text.split(",")}))


def seconds(text: str) -> float:
    """Returns a number above 0 and below a million; raises ArgumentTypeError for another."""
    value = _read_number(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, got {text!r}")

    return value


def seconds_or_none(text: str) -> float:
    """Returns 0, or what `seconds` returns."""
    return 0.0 if _read_number(text) == 0 else seconds(text)


def share(text: str) -> float:
    """Returns `0.1` or `10%` as a number from 0 to below 10; raises ArgumentTypeError for another."""
    value = _read_number(text[:-1]) / 100 if text.endswith("%") else _read_number(text)
    if not 0 <= value < 10:
        raise argparse.ArgumentTypeError(
            f"expected a share as 0.1 or 10%, got {text!r}"
        )

    return value


def confidence(text: str) -> float:
    """Returns a share from 0.5 to below 1; raises ArgumentTypeError for another."""
    value = share(text)
    if not 0.5 <= value < 1:
        raise argparse.ArgumentTypeError(
            f"expected a confidence from 0.5 to below 1, got {text!r}"
        )

    return value


def _read_number(text: str) -> float:
    """Returns the number, or one that no option takes."""
    try:
        return float(text)
    except ValueError:
        return -1.0
