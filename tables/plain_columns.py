"""Columns of texts become numbers or names as the table reader makes them, without polars.

Only plain notations are numbers here: a column whose numbers are written otherwise is refused and never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
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
    NUMBER_END,
    POINT,
    POINT_GROUPS,
    SPREADSHEET_TEXT,
    TELEPHONE,
    YES_AND_NO,
)

_GAP = re.compile(MISSING_AMONG_NUMBERS)
_INTEGER = re.compile(INTEGER)
_POINT = re.compile(POINT)
_COMMA = re.compile(rf"{COMMA}|^[+-]?\d+{NUMBER_END}")
"""R writes 3e-05 beside decimal commas."""
_GROUPS = re.compile(f"{POINT_GROUPS}|{COMMA_GROUPS}")
_POINT_GROUPS = re.compile(POINT_GROUPS)
_COMMA_GROUPS = re.compile(COMMA_GROUPS)
_NUMBER = re.compile(NUMBER)
_CODE = re.compile(f"{LEADING_ZERO}|{EXPONENT_CODE}")
_TELEPHONE = re.compile(TELEPHONE)
_ORNAMENTS = re.compile(r"[€$£¥%\s'’\u00a0\u202f]")
_SPREADSHEET_TEXT = re.compile(SPREADSHEET_TEXT)
_MISSING = frozenset(MISSING)
_PLAIN = {".": frozenset("0123456789.+-eE"), ",": frozenset("0123456789,+-eE")}
_MARKED = ";\t|"
"""Values that one of these parts may have commas before their decimals."""
_TRUTHS = frozenset(("true", "false", *YES_AND_NO))

_MARKS = frozenset(".,٫٬．，")
"""One of these may stand before three digits."""

Value = float | str | None
Texts = Sequence[str | None]


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


class TextTable:
    """A table has texts by column, which become numbers or names; one mark stands before the decimals of all of them.

    It yields its rows as texts by name. A column is read when it is first asked for, so that others cost nothing.
    """

    def __init__(
        self, names: Sequence[str], rows: Sequence[Sequence[str]], separator: str
    ) -> None:
        self.names = names
        self._rows = rows
        self._separator = separator
        self._positions = {name: at for at, name in enumerate(names)}
        self._texts: dict[str, Texts] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[dict[str, str | None]]:
        for row in self._rows:
            yield dict(zip(self.names, strip_texts(row), strict=True))

    @cached_property
    def mark(self) -> str:
        """Returns the mark before decimals, which all of the table tells."""
        columns = map(self.read, self.names) if self._separator in _MARKED else ()
        return find_decimal_mark(
            (text for column in columns for text in column), self._separator
        )

    def read(self, column: str) -> Texts:
        """Returns a column's texts without spaces around them, None for those that mean a missing value."""
        texts = self._texts.get(column)
        if texts is None:
            at = self._positions[column]
            texts = self._texts[column] = strip_texts([row[at] for row in self._rows])
        return texts

    def choose_mark(self, column: str, learnt: Range | None) -> str:
        """Returns the mark before decimals of a column: that of the table, unless models learnt from others.

        Where all marks of the column are points as in 2.345, beside decimal commas, these are decimal where numbers as
        2345 were not learnt from.
        """
        if learnt is None or self.mark == ".":
            return self.mark

        known = [each for each in self.read(column) if each is not None]
        has_commas = any("," in each for each in known)
        return self.mark if has_commas else choose_learnt_mark(known, learnt) or ","

    def name(self, column: str, known: Collection[str] = ()) -> Texts:
        """Returns the names of a column's values, as they are written where more of them are `known` so.

        A known name that means a missing value elsewhere is a name here.
        """
        texts = self.read(column)
        kept = _MISSING.intersection(known)
        if kept:
            at = self._positions[column]
            written = (_unwrap(row[at].strip()) for row in self._rows)
            texts = [
                each if each in kept else text
                for each, text in zip(written, texts, strict=True)
            ]

        names = name_texts(texts, self.mark)
        n_written, n_named = (sum(each in known for each in s) for s in (texts, names))
        return texts if n_written > n_named else names


def strip_texts(texts: Iterable[str]) -> list[str | None]:
    """Returns texts without spaces around them or Excel's ="...", None for those that mean a missing value."""
    stripped = [
        _unwrap(text) if text[:1] == "=" else text for text in map(str.strip, texts)
    ]
    return [None if text in _MISSING else text for text in stripped]


def _unwrap(text: str) -> str:
    return _SPREADSHEET_TEXT.sub(r"\1", text).strip()


def find_decimal_mark(texts: Iterable[str | None], separator: str) -> str:
    """Returns the decimal mark of a table; it may be a comma unless commas part the values.

    Where nothing proves a point it is one beside semicolons, as spreadsheets write both, and beside tabs and bars where
    all that proves a mark proves this one.
    """
    if separator not in _MARKED:
        return "."

    marks = {
        "," if "," in text else "."
        for text in texts
        if text is not None
        and re.search("[.,]", text)
        and (_POINT.match(text) or _COMMA.match(text))
        and not _GROUPS.match(text)
    }
    if separator == ";":
        return "." if marks == {"."} else ","
    return "," if marks == {","} else "."


def proves_mark(texts: Iterable[str], mark: str) -> bool:
    """Tells whether any text can only be read with this mark before its decimals."""
    pattern = _POINT if mark == "." else _COMMA
    return any(
        mark in text and pattern.match(text) and not _GROUPS.match(text)
        for text in texts
    )


def read_numbers(texts: Texts, mark: str) -> list[Value]:
    """Returns numbers where all known texts are some, else the texts; raises UnclearNumber for another notation."""
    cells = read_cells(texts, mark)
    odd = {each for each in cells if isinstance(each, str)}
    for text in sorted(odd):
        if is_other_number(text):
            raise UnclearNumber(text, mark)

    return list(texts) if odd else cells


def read_cells(texts: Texts, mark: str) -> list[Value]:
    """Returns the number of each text that is one, None where it is missing among numbers, and else the text."""
    quickly = _read_quickly(texts, mark)
    if quickly is not None:
        return quickly

    pattern = _POINT if mark == "." else _COMMA
    read: dict[str | None, Value] = {None: None}
    for text in texts:
        if text is not None and text not in read:
            read[text] = _read_number(text, pattern)

    return [read[text] for text in texts]


def _read_quickly(texts: Texts, mark: str) -> list[Value] | None:
    """Returns the numbers of texts that are all as a program writes them; None where any is not, or may not be.

    What consists of these characters is a number to Python where it is one to the patterns.
    """
    known = [text for text in texts if text is not None]
    if not _PLAIN[mark].issuperset("".join(known)):
        return None

    try:
        if len(known) == len(texts) and mark == ".":
            return list(map(float, known))
        return [
            None if text is None else float(text.replace(",", ".")) for text in texts
        ]
    except ValueError:
        return None


def _read_number(text: str, pattern: re.Pattern[str]) -> Value:
    plain = write_ascii_digits(text)
    if pattern.match(plain) or _INTEGER.match(plain):
        return float(plain.replace(",", "."))
    return None if _GAP.match(plain) else text


def is_other_number(text: str) -> bool:
    """Tells whether a text is a number as people write it, with marks between thousands or a currency."""
    return _NUMBER.match(_ORNAMENTS.sub("", write_ascii_digits(text))) is not None


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


def find_doubtful(texts: Texts, mark: str, learnt: Range) -> int | None:
    """Returns where the first of numbers stands that is as 2.345, and rather 2345 by what models learnt from."""
    for at, text in enumerate(texts):
        # Most numbers are told by these two looks.
        if text is None or text[-4:-3] not in _MARKS:
            continue
        plain = write_ascii_digits(text)
        if not is_group(plain):
            continue
        if (
            not learnt.low
            <= float(plain.replace(".", "").replace(",", ""))
            <= learnt.high
        ):
            continue
        if choose_learnt_mark([plain], learnt) not in ("", mark):
            return at

    return None


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
