"""Decides by a column's and a table's texts together what they are: numbers, booleans, dates or texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import polars as pl

from tables.codes import are_addresses, describe_codes
from tables.date_texts import Days
from tables.dates import note_times, read_dates, write_ascii_column
from tables.digits import OTHER_DIGIT
from tables.notations import (
    ACCOUNTING,
    COMMA,
    COMMA_GROUPS,
    CURRENCY,
    INFINITE,
    INTEGER,
    MINUS_BEHIND,
    MISSING,
    MISSING_AMONG_NUMBERS,
    MORE_COMMAS,
    MORE_POINTS,
    NO_CENTS,
    NUMBER,
    POINT,
    POINT_GROUPS,
    SPREADSHEET_TEXT,
    THOUSANDS_SPACES,
    UNSEEN_AROUND,
    YES_AND_NO,
)
from tables.number_faults import describe_both_marks, describe_units, find_sentinel
from tables.plain_columns import NO_RANGES, Range, choose_learnt_mark, describe_groups

MIN_NUMBER_SHARE = 0.8
MIN_DIFFERENT_NUMBERS = 5
"""A column that is a number in so great a share of its rows, and has so many different ones, is taken for one."""
MIN_AMBIGUOUS = 5
BARE = r"^-?[0-9]+(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?$"
DAY_DIGITS = r"^(19|20)\d{2}\.?\d{2}(\d{2})?$"
FIRST_MONTH, LAST_DAY = 190001, 20991231
"""Months and days as whole numbers, 202412 and 20241231, lie between these."""
NO_DAYS: Mapping[str, Days] = {}


@dataclass(kw_only=True)
class Findings:
    """Findings say what was decided of columns beside their types, each by the column's name.

    `faults` tell why a column that looks like numbers or dates stayed text, `odd` its values that are none with their
    rows, `numbers` or `dates` what it is where these are left empty, and `notes` what was assumed, of which `readings`
    have the order of day, month and year of dates. Dates of `guesses` have another order that fits as well. `marks`
    are the words, as None, that count as missing.
    """

    faults: dict[str, str] = field(default_factory=dict)
    odd: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    numbers: dict[str, pl.Series] = field(default_factory=dict)
    dates: dict[str, pl.Series] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    readings: dict[str, str] = field(default_factory=dict)
    guesses: set[str] = field(default_factory=set)
    marks: dict[str, list[str]] = field(default_factory=dict)


def convert_columns(
    columns: list[pl.Series],
    *,
    separator: str = ",",
    learnt: Mapping[str, Days] = NO_DAYS,
    ranges: Mapping[str, Range] = NO_RANGES,
) -> tuple[list[pl.Series], Findings]:
    """Returns columns of texts with their types, and what was found; columns of other types stay as they are.

    `learnt` has the range of days that models know of columns of dates, `ranges` that of numbers.
    """
    texts = [strip_gaps(each) if each.dtype == pl.String else each for each in columns]
    findings = Findings(marks=_find_marks_of_gaps(columns, texts))
    evidence = _find_marks(texts)
    table_mark = _choose_table_mark(list(evidence.values()), separator)
    converted = []
    for each in texts:
        column = each
        if each.dtype == pl.String:
            proven = evidence.get(each.name, "")
            if not proven and each.name in ranges:
                proven = _ask_range(each, ranges[each.name], findings)
            days = learnt.get(each.name)
            column = _convert(each, proven, table_mark, separator, findings, days)
        elif each.dtype.is_numeric():
            column = _convert_days(each, findings, learnt.get(each.name))
        elif each.dtype == pl.Datetime and (note := note_times(each)):
            findings.notes[each.name] = note
        converted.append(column)

    return converted, findings


def take_digits(column: pl.Series, findings: Findings) -> pl.Series:
    """Returns the numbers that a column of dates in digits has, as 202412, which are its names as a category."""
    is_date = column.dtype in (pl.Date, pl.Datetime)
    return findings.numbers.get(column.name, column) if is_date else column


def find_decimal_marks(
    columns: list[pl.Series],
    *,
    separator: str,
    ranges: Mapping[str, Range] = NO_RANGES,
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Returns the mark before decimals of each column of texts, as `convert_columns` has it, a point by default.

    Beside these stands a note on each column whose mark the range of what was learnt has decided.
    """
    texts = [strip_gaps(each) for each in columns]
    evidence = _find_marks(texts)
    table_mark = _choose_table_mark(list(evidence.values()), separator)
    marks = {}
    findings = Findings()
    for each in texts:
        name, proven = each.name, evidence.get(each.name, "")
        if not proven and name in ranges:
            proven = _ask_range(each, ranges[name], findings)
        mark = proven if len(proven) == 1 else table_mark
        if not mark and name in evidence and not proven:
            bare = _unwrap(each)
            mark = _choose_mark(name, bare, proven, "", separator, Findings())
        marks[name] = mark or "."

    notes = (f"{name}: {note}" for name, note in findings.readings.items())

    return marks, tuple(notes)


def read_numbers(texts: pl.Series, mark: str) -> tuple[pl.Series, pl.Series]:
    """Returns numbers, null where a text is none, and whether it marks a missing value.

    A text that can only be read with the other mark before its decimals, as `12,5` among points, is none.
    Texts that are numbers as a program writes them cost one look, 0.1 us; all others are read as a person writes them.
    """
    numbers = (
        texts.cast(pl.Float64, strict=False)
        if mark == "."
        else texts.clear(len(texts)).cast(pl.Float64)
    )
    odd = (numbers.is_null() | numbers.is_nan()) & texts.is_not_null()
    gaps = texts.is_null()
    if not odd.any():
        return numbers, gaps

    at = odd.arg_true()
    bare = _unwrap_each(strip_gaps(texts.gather(at)))
    is_gap = bare.is_null() | bare.str.contains(MISSING_AMONG_NUMBERS)
    plain = _plain(bare, mark).cast(pl.Float64, strict=False)
    is_number = bare.str.contains(NUMBER) | bare.str.contains(INFINITE)
    is_number &= ~_proves(bare, "," if mark == "." else ".")
    read = pl.select(pl.when(is_number).then(plain)).to_series()

    return numbers.scatter(at, read), gaps.scatter(at, is_gap)


def strip_texts(column: pl.Series) -> pl.Series:
    """Returns texts without spaces around them, and without what keeps them texts in Excel."""
    texts = column.str.strip_chars()
    return texts.str.replace(SPREADSHEET_TEXT, "${1}").str.strip_chars()


def strip_gaps(column: pl.Series) -> pl.Series:
    """Returns texts without spaces around them, null where they mark a missing value in every column."""
    texts = strip_texts(column)
    return texts.set(texts.is_in(list(MISSING)), None)


def _find_marks_of_gaps(
    columns: list[pl.Series], texts: list[pl.Series]
) -> dict[str, list[str]]:
    """Returns the words that mark a missing value, of each column that has some."""
    found = {}
    for given, bare in zip(columns, texts, strict=True):
        if given.dtype != pl.String or not bare.null_count():
            continue

        words = strip_texts(given.filter(bare.is_null()).drop_nulls()).unique()
        if marks := sorted(each for each in words if each):
            found[given.name] = marks

    return found


def _find_marks(texts: list[pl.Series]) -> dict[str, str]:
    """Returns the decimal marks that the values of each column prove, if it is mostly numbers."""
    return {
        each.name: _find_decimal_mark(_unwrap(each).unique())
        for each in texts
        if each.dtype == pl.String
        and _is_mostly_number(_unwrap(each))
        and not are_addresses(each.drop_nulls())
    }


def _unwrap(column: pl.Series) -> pl.Series:
    """Returns the known texts without marks of currency or per cent and without spaces between thousands.

    Where all are numbers without any of these one look tells it, which takes a tenth of the time.
    """
    known = column.drop_nulls()
    return known if known.str.contains(BARE).all() else _unwrap_each(known)


def _unwrap_each(known: pl.Series) -> pl.Series:
    known = write_ascii_column(known).str.strip_chars(UNSEEN_AROUND)
    signed = known.str.replace("^[−–－﹣]", "-").str.replace(ACCOUNTING, "-${1}")
    signed = signed.str.replace(MINUS_BEHIND, "-${1}")
    bare = signed.str.replace(rf"^([+-]?)\s*{CURRENCY}\s*", "${1}")
    bare = bare.str.replace(rf"\s*({CURRENCY}|%)$", "").str.replace(r"^%\s*", "")
    bare = bare.str.replace(NO_CENTS, "${1}")
    return pl.select(
        pl.when(
            bare.str.contains(
                rf"^[+-]?[1-9]\d{{0,2}}([{THOUSANDS_SPACES}]\d{{3}})+([.,]\d+)?$"
            )
        )
        .then(bare.str.replace_all(f"[{THOUSANDS_SPACES}]", ""))
        .otherwise(bare)
        .alias(known.name)
    ).to_series()


def _plain(bare: pl.Series, mark: str) -> pl.Series:
    """Returns the texts with a point before decimals and no mark between thousands."""
    if mark == ",":
        points = bare.str.replace_all(".", "", literal=True)
        return points.str.replace(",", ".", literal=True)
    return bare.str.replace_all(",", "", literal=True)


def _is_mostly_number(known: pl.Series) -> bool:
    if not len(known):
        return False
    counted = known.filter(~known.str.contains(MISSING_AMONG_NUMBERS))
    share = counted.str.contains(NUMBER).sum() / max(1, len(counted))
    return bool(len(counted)) and share >= MIN_NUMBER_SHARE


def _find_decimal_mark(values: pl.Series) -> str:
    """Returns the marks that values prove to be decimal, of `.` and `,` none, one or both."""
    return "".join(mark for mark in ",." if _proves(values, mark).any())


def _proves(values: pl.Series, mark: str) -> pl.Series:
    """Returns whether each value is a number that can only be read with this mark before its decimals."""
    if mark == ",":
        is_group = values.str.contains(COMMA_GROUPS)
        return values.str.contains(MORE_POINTS) | (
            values.str.contains(COMMA) & ~is_group
        )

    is_group = values.str.contains(POINT_GROUPS)
    has_point = values.str.contains(".", literal=True)
    return values.str.contains(MORE_COMMAS) | (
        values.str.contains(POINT) & has_point & ~is_group
    )


def _choose_table_mark(evidence: list[str], separator: str) -> str:
    """Returns the decimal mark of the columns that prove one, where these agree; else a semicolon means a comma."""
    marks = set("".join(evidence))
    if len(marks) == 1:
        return marks.pop()
    return "," if separator == ";" and not marks else ""


def _ask_range(column: pl.Series, learnt: Range, findings: Findings) -> str:
    """Returns the mark before decimals that a column has by the range that models learnt from, if it tells one."""
    different = _unwrap(column).unique(maintain_order=True)
    is_group = different.str.contains(f"{POINT_GROUPS}|{COMMA_GROUPS}")
    texts = different.filter(is_group).to_list()
    mark = choose_learnt_mark(texts, learnt)
    if mark and (mark == "," or "," in texts[0]):
        findings.readings[column.name] = describe_groups(texts[0], mark, learnt)

    return mark


def _convert(
    column: pl.Series,
    proven: str,
    table_mark: str,
    separator: str,
    findings: Findings,
    learnt: Days | None,
) -> pl.Series:
    known = column.drop_nulls()
    different = known.unique()
    if not len(different):
        return column
    if different.str.to_lowercase().is_in(["true", "false"]).all():
        return column.str.to_lowercase() == "true"
    if _is_boolean_in_many_spellings(different):
        findings.notes[column.name] = "capitals do not count"
        return column.str.to_lowercase()
    dates = _read_dates(column, findings, learnt)
    if dates is not None:
        if different.str.contains(DAY_DIGITS).all():
            findings.numbers[column.name] = read_numbers(column, ".")[0]
        return dates
    if column.name in findings.dates:
        return column

    bare = _unwrap(column)
    if not _is_mostly_number(bare):
        return column
    is_gap = different.str.contains(MISSING_AMONG_NUMBERS)
    if note := describe_codes(write_ascii_column(different.filter(~is_gap))):
        findings.notes[column.name] = note
        findings.numbers[column.name] = read_numbers(column, ".")[0]
        return column.set(column.is_in(different.filter(is_gap).implode()), None)
    if fault := describe_units(known):
        findings.faults[column.name] = fault
        return column

    mark = _choose_mark(column.name, bare, proven, table_mark, separator, findings)

    return column if not mark else _to_numbers(column, bare, mark, findings)


def _convert_days(
    column: pl.Series, findings: Findings, learnt: Days | None
) -> pl.Series:
    """Returns dates where numbers are days as 20241231 or months as 202412 throughout, else the column as it is."""
    low, high = column.min(), column.max()
    is_within = low is not None and low >= FIRST_MONTH and high <= LAST_DAY  # type: ignore[operator]  # of numbers
    if not is_within or not (column.drop_nulls() % 1 == 0).all():
        return column

    texts = column.cast(pl.Int64).cast(pl.String)
    found = read_dates(texts, learnt)
    if found.dates is None or len(found.odd):
        return column
    if found.note:
        findings.notes[column.name] = found.note
        findings.readings[column.name] = found.note
    findings.numbers[column.name] = column

    return found.dates


def _read_dates(
    column: pl.Series, findings: Findings, learnt: Days | None
) -> pl.Series | None:
    """Returns the dates that a column's texts are, and keeps what is found of them; None where they are none."""
    found = read_dates(column, learnt)
    if found.fault:
        findings.faults[column.name] = found.fault
    if found.note:
        findings.readings[column.name] = found.note
    if found.note or found.times:
        both = filter(None, (found.note, found.times))
        findings.notes[column.name] = "; ".join(both)
    if found.is_guess:
        findings.guesses.add(column.name)
    if found.dates is not None:
        is_gap = column.is_not_null() & found.dates.is_null()
        gaps = set(is_gap.arg_true()) - set(found.odd)
        if gaps:
            _add_marks(column.name, column.gather(sorted(gaps)), findings)
    if found.dates is not None and len(found.odd):
        findings.odd[column.name] = _list_odd(column, found.odd)
        findings.dates[column.name] = found.dates
        return None

    return found.dates


def _list_odd(column: pl.Series, rows: Iterable[int]) -> dict[str, list[int]]:
    """Returns the texts of some rows, each with its rows."""
    rows_of: dict[str, list[int]] = {}
    for row in rows:
        rows_of.setdefault(column[row], []).append(row)

    return rows_of


def _is_boolean_in_many_spellings(different: pl.Series) -> bool:
    """Tells if all are words for yes and no, and one of them is there in capitals and without."""
    lower = different.str.to_lowercase()
    return bool(lower.is_in(list(YES_AND_NO)).all()) and lower.n_unique() < len(lower)


def _choose_mark(
    name: str,
    bare: pl.Series,
    proven: str,
    table_mark: str,
    separator: str,
    findings: Findings,
) -> str:
    """Returns the column's decimal mark, or an empty text where that would be a guess, which is a fault."""
    if len(proven) == 1:
        return proven
    if proven:
        findings.faults[name] = describe_both_marks(bare)
        return ""

    points = bare.filter(bare.str.contains(POINT_GROUPS))
    commas = bare.filter(bare.str.contains(COMMA_GROUPS))
    if not len(points) and not len(commas):
        return "."
    if table_mark == "," or (len(points) and len(commas)):
        mark = "," if table_mark != "." else ""
    elif len(commas):
        mark = "." if table_mark == "." or separator == "," else ""
    else:
        mark = "" if _looks_like_groups(bare, points) else "."

    if not mark:
        example = (points if len(points) else commas)[0]
        whole = re.sub("[.,]", "", example)
        findings.faults[name] = (
            f"may be thousands or decimals: {example!r} is {whole} or {example.replace(',', '.')}; "
            "write them without a mark, or with other digits after it"
        )
    elif any(
        len(each) and sign != mark for each, sign in ((points, "."), (commas, ","))
    ):
        example = (points if mark == "," else commas)[0]
        findings.notes[name] = f"{example!r} was read as {re.sub('[.,]', '', example)}"

    return mark


def _looks_like_groups(bare: pl.Series, points: pl.Series) -> bool:
    """Tells if some have a point before three digits and all that have none are under a thousand."""
    whole = bare.filter(bare.str.contains(INTEGER))
    return (
        len(points) >= MIN_AMBIGUOUS
        and len(whole) > 0
        and bool((whole.str.len_chars() <= 4).all())
        and bool((whole.cast(pl.Float64, strict=False).abs() < 1000).all())
    )


def _to_numbers(
    column: pl.Series, bare: pl.Series, mark: str, findings: Findings
) -> pl.Series:
    """Returns numbers where all texts are some or mark a missing value, and else the texts, with what is odd."""
    plain = _plain(bare, mark)
    numbers = plain.cast(pl.Float64, strict=False)
    is_number = (
        bare.str.contains(NUMBER) | bare.str.contains(INFINITE)
    ) & numbers.is_finite().fill_null(value=False)
    is_gap = bare.str.contains(MISSING_AMONG_NUMBERS)
    at = column.is_not_null().arg_true()
    values = pl.Series(column.name, [None] * len(column), dtype=pl.Float64)
    values = values.scatter(at.filter(is_number), numbers.filter(is_number))
    is_odd = ~is_number & ~is_gap

    if is_odd.any():
        if numbers.filter(is_number).n_unique() >= MIN_DIFFERENT_NUMBERS:
            findings.odd[column.name] = _list_odd(column, at.filter(is_odd))
            findings.numbers[column.name] = values
        return column

    if is_gap.any():
        _add_marks(column.name, column.drop_nulls().filter(is_gap), findings)
    if note := find_sentinel(values) or _note_digits(column, values):
        findings.notes.setdefault(column.name, note)

    is_whole = plain.filter(is_number).str.contains(INTEGER).all()
    if not is_whole:
        return values

    # Float64 would round whole numbers over 2**53.
    whole = pl.Series(column.name, [None] * len(column), dtype=pl.Int64)
    exact = plain.filter(is_number).cast(pl.Int64, strict=False)
    whole = whole.scatter(at.filter(is_number), exact)

    return whole if whole.null_count() == values.null_count() else values


def _add_marks(name: str, gaps: pl.Series, findings: Findings) -> None:
    """Adds the words that mark a missing value among numbers to those that mark it everywhere."""
    marks = {*findings.marks.get(name, ()), *gaps}
    findings.marks[name] = sorted(marks)


def _note_digits(column: pl.Series, numbers: pl.Series) -> str:
    """Returns how the first text with digits of another script was read."""
    at = column.str.contains(OTHER_DIGIT).fill_null(value=False).arg_true()
    if not len(at):
        return ""
    return f"{column[at[0]]!r} was read as {numbers[at[0]]:.15g}"
