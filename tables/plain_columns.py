"""Columns of texts become numbers or names as the table reader makes them, without polars.

Only plain notations are numbers here: a column whose numbers are written otherwise is refused and never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from tables.digits import write_ascii_digits
from tables.notations import (
    COMMA,
    COMMA_GROUPS,
    EXPONENT_CODE,
    INTEGER,
    LEADING_ZERO,
    MIN_TELEPHONES,
    MISSING,
    MISSING_AMONG_NUMBERS,
    NUMBER,
    POINT,
    POINT_GROUPS,
    SPREADSHEET_TEXT,
    TELEPHONE,
    YES_AND_NO,
)

_GAP = re.compile(MISSING_AMONG_NUMBERS)
_INTEGER = re.compile(INTEGER)
_POINT = re.compile(POINT)
_COMMA = re.compile(COMMA)
_GROUPS = re.compile(f"{POINT_GROUPS}|{COMMA_GROUPS}")
_POINT_GROUPS = re.compile(POINT_GROUPS)
_COMMA_GROUPS = re.compile(COMMA_GROUPS)
_NUMBER = re.compile(NUMBER)
_CODE = re.compile(f"{LEADING_ZERO}|{EXPONENT_CODE}")
_TELEPHONE = re.compile(TELEPHONE)
_ORNAMENTS = re.compile(r"[€$£¥%\s'’\u00a0\u202f]")
_SPREADSHEET_TEXT = re.compile(SPREADSHEET_TEXT)
_MISSING = frozenset(MISSING)
_TRUTHS = frozenset(("true", "false", *YES_AND_NO))

Value = float | str | None


class Range(NamedTuple):
    """The smallest and the largest of the numbers that models have learnt from, and whether all of them were whole."""

    low: float
    high: float
    are_whole: bool = False


NO_RANGES: Mapping[str, Range] = {}


class UnclearNumber(Exception):
    """A text is a number in a notation that is not read here."""

    def __init__(self, text: str, mark: str) -> None:
        super().__init__(
            f"expected numbers with {'a comma' if mark == ',' else 'a point'} before decimals and no other mark, "
            f"got {text!r}"
        )


def strip_texts(texts: Iterable[str]) -> list[str | None]:
    """Returns texts without spaces around them or Excel's ="...", None for those that mean a missing value."""
    stripped = [_SPREADSHEET_TEXT.sub(r"\1", text.strip()).strip() for text in texts]
    return [None if text in _MISSING else text for text in stripped]


def find_decimal_mark(texts: Iterable[str | None], separator: str) -> str:
    """Returns the decimal mark of a table; only where a semicolon parts the values it may be a comma."""
    if separator != ";":
        return "."

    marks = {
        "," if "," in text else "."
        for text in texts
        if text is not None
        and re.search("[.,]", text)
        and (_POINT.match(text) or _COMMA.match(text))
        and not _GROUPS.match(text)
    }
    return "." if marks == {"."} else ","


def proves_mark(texts: Iterable[str], mark: str) -> bool:
    """Tells whether any text can only be read with this mark before its decimals."""
    pattern = _POINT if mark == "." else _COMMA
    return any(
        mark in text and pattern.match(text) and not _GROUPS.match(text)
        for text in texts
    )


def read_numbers(texts: Sequence[str | None], mark: str) -> list[Value]:
    """Returns numbers where all known texts are some, else the texts; raises UnclearNumber for another notation."""
    pattern = _POINT if mark == "." else _COMMA
    known = {text: write_ascii_digits(text) for text in texts if text is not None}
    odd = {
        text
        for text, plain in known.items()
        if not (pattern.match(plain) or _INTEGER.match(plain) or _GAP.match(plain))
    }
    for text in sorted(odd):
        if _NUMBER.match(_ORNAMENTS.sub("", known[text])):
            raise UnclearNumber(text, mark)
    if odd:
        return list(texts)

    numbers = {
        text: None if _GAP.match(plain) else float(plain.replace(",", "."))
        for text, plain in known.items()
    }
    return [None if text is None else numbers[text] for text in texts]


def name_texts(texts: Sequence[str | None], mark: str) -> list[str | None]:
    """Returns the names that training gives these texts as classes or categories."""
    known = {text for text in texts if text is not None}
    lower = {text.lower() for text in known}
    is_boolean = lower <= {"true", "false"}
    has_spellings = lower <= set(YES_AND_NO) and len(lower) < len(known)
    if known and (is_boolean or has_spellings):
        return [None if text is None else text.lower() for text in texts]
    gaps = {text for text in known if _GAP.match(text)}
    if _are_codes({write_ascii_digits(text) for text in known - gaps}):
        return [None if text in gaps else text for text in texts]

    try:
        values = read_numbers(texts, mark)
    except UnclearNumber:
        return list(texts)
    if any(isinstance(value, str) for value in values):
        return list(texts)

    return _name_numbers([value for value in values if not isinstance(value, str)])


def find_spelling(text: str, names: Collection[str]) -> str:
    """Returns the one of names for yes and no, or true and false, that a text is but for its capitals, else the text.

    Training reads them so where a column has them in several spellings, of which a part of it may have another.
    """
    if text in names or not _TRUTHS.issuperset(names):
        return text
    lower = text.lower()
    return lower if lower in names else text


def _are_codes(texts: Collection[str]) -> bool:
    """Tells whether texts are written as numbers, but are codes, as `tables.codes` has it."""
    if len(texts) >= MIN_TELEPHONES and all(map(_TELEPHONE.match, texts)):
        return True
    is_code = [_CODE.match(text) is not None for text in texts]
    return any(is_code) and all(
        told or _INTEGER.match(text) for told, text in zip(is_code, texts, strict=True)
    )


def _name_numbers(numbers: Sequence[float | None]) -> list[str | None]:
    """Returns whole numbers without a point where all are whole."""
    is_whole = all(number is None or number.is_integer() for number in numbers)
    return [
        None if number is None else str(int(number) if is_whole else number)
        for number in numbers
    ]


def choose_learnt_mark(texts: Iterable[str], learnt: Range) -> str:
    """Returns the mark before decimals by which more of the texts lie in the range that models learnt from.

    Texts that are no numbers with a mark before three digits say nothing; where both marks fit as well the answer is
    an empty text.
    """
    n_fit = {".": 0, ",": 0}
    for text in texts:
        if _POINT_GROUPS.match(text):
            sign = "."
        elif _COMMA_GROUPS.match(text):
            sign = ","
        else:
            continue

        other = "," if sign == "." else "."
        n_fit[sign] += text.count(sign) == 1 and _fits(text.replace(sign, "."), learnt)
        n_fit[other] += _fits(text.replace(sign, ""), learnt)

    if n_fit["."] == n_fit[","]:
        return ""
    return max(n_fit, key=n_fit.__getitem__)


def is_group(text: str) -> bool:
    """Tells whether a text is a number with one mark, or several alike, before three digits each."""
    return _GROUPS.match(text) is not None


def describe_groups(text: str, mark: str, learnt: Range) -> str:
    """Returns how a text that may be thousands or decimals was read, and why."""
    sign = "," if "," in text else "."
    number = text.replace(sign, "." if sign == mark else "")
    return f"{text!r} was read as {number}, since models learnt from {learnt.low:.15g} to {learnt.high:.15g}"


def refuse_groups(text: str, learnt: Range) -> str:
    """Returns what is said of a text that looks like a decimal number, and would be learnt as thousands."""
    whole = re.sub("[.,]", "", text)
    return (
        f"{text!r} may be {whole}, as the model learnt from {learnt.low:.15g} to {learnt.high:.15g}: write {whole}, "
        f"or {text}0 if it has decimals"
    )


def _fits(text: str, learnt: Range) -> bool:
    number = float(text)
    is_known = number.is_integer() or not learnt.are_whole
    return is_known and learnt.low <= number <= learnt.high
