"""Codes that are written as numbers stay texts: postcodes, telephones, addresses of networks, and codes as 12E3."""

from __future__ import annotations

import polars as pl

from tables.notations import (
    EXPONENT_CODE,
    INTEGER,
    LEADING_ZERO,
    MIN_TELEPHONES,
    MISSING_AMONG_NUMBERS,
    NETWORK_ADDRESS,
    TELEPHONE,
)


def are_addresses(known: pl.Series) -> bool:
    """Tells whether all texts but gaps are addresses of a network, whose points part no thousands."""
    is_address = known.str.contains(NETWORK_ADDRESS)
    if not is_address.any():
        return False
    others = known.filter(~is_address)
    return bool(others.str.contains(MISSING_AMONG_NUMBERS).all())


def describe_codes(different: pl.Series) -> str:
    """Returns why a column of these different texts, without gaps, is kept as it is written, else nothing."""
    if not len(different):
        return ""
    if are_addresses(different):
        return "these are addresses of a network, so they are texts"
    if len(different) >= MIN_TELEPHONES and different.str.contains(TELEPHONE).all():
        return "these are written as telephone numbers, so they are texts"

    codes = different.filter(different.str.contains(EXPONENT_CODE)).sort()
    whole = different.str.contains(INTEGER) | different.str.contains(EXPONENT_CODE)
    if not whole.all():
        return ""
    if different.str.contains(LEADING_ZERO).any():
        return "leading zeros are kept, so these are texts"
    if len(codes):
        return f"{codes[0]!r} may be a code or {float(codes[0]):.0f}, and is kept, so these are texts"

    return ""
