"""This module holds the types of command-line options, which argparse converts and refuses."""

from __future__ import annotations

import argparse
import math
import re


def positive(text: str) -> float:
    """Returns a number above 0; raises ArgumentTypeError for another."""
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
    return value


def penalty(text: str) -> float:
    """Returns a number of at least 0; raises ArgumentTypeError for another."""
    value = float(text)
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number of at least 0, got {text}")
    return value


def share(text: str) -> float:
    """Returns a number from 0 up to, but not including, 1; raises ArgumentTypeError for another."""
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(
            f"expected a number of at least 0 and below 1, got {text}"
        )

    return value


def count(text: str) -> int:
    """Returns a whole number of at least 1; raises ArgumentTypeError for another."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(
            f"expected a whole number of at least 1, got {text}"
        )

    return value


def natural(text: str) -> int:
    """Returns a whole number of at least 0; raises ArgumentTypeError for another."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(
            f"expected a whole number of at least 0, got {text}"
        )

    return value


def widths(text: str) -> str:
    """Returns the text of whole numbers of at least 1, joined by commas; raises ArgumentTypeError for another."""
    if not all(width.isdigit() and int(width) >= 1 for width in text.split(",")):
        raise argparse.ArgumentTypeError(
            f"expected a number for each layer, as in 64,64, got {text!r}"
        )
    return text


def folds(text: str) -> int:
    """Returns 0 for none, or a number from 2 to 20; raises ArgumentTypeError for another."""
    value = int(text)
    if value != 0 and not 2 <= value <= 20:
        raise argparse.ArgumentTypeError(
            f"expected 0 (none) or a whole number from 2 to 20, got {text}"
        )

    return value


def seed(text: str) -> int:
    """Returns a whole number from 0 to 2**32 - 1, which every generator takes; raises ArgumentTypeError for another."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(
            f"expected a whole number from 0 to {2**32 - 1}, got {text}"
        )

    return value


def task(text: str) -> str:
    """Returns a name for a task, as it stands in file names; raises ArgumentTypeError for another."""
    if not re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", text):
        raise argparse.ArgumentTypeError(
            f"expected lower-case words joined by '_', as in my_task, got {text!r}"
        )
    return text
