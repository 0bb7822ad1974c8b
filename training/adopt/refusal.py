"""This module holds the one exception of an adoption."""

from __future__ import annotations


class AdoptionError(Exception):
    """An AdoptionError says in one sentence why a file is not adopted and what would work; nothing was written."""


def shorten(names: list[str], limit: int = 8) -> str:
    """Returns names joined by commas, of many only the first."""
    return ", ".join(names[:limit]) + (", ..." if len(names) > limit else "")
