"""This module finds what stands in the way of learning from a column or a target, and what would work instead."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

import numpy as np
import polars as pl

from tables.notations import NUMBER, POINT
from tables.reader import Table, as_whole
from tables.terms import SEPARATOR
from training.data.column_notations import (
    find_lists,
    find_marks,
    find_notation,
    quote,
)
from training.data.digit_dates import find_digit_dates

MIN_KNOWN = 10
"""Rows in which a column must have a value, so that some of them are training rows."""
FEW_CATEGORIES, MAX_CATEGORIES, ROWS_PER_CATEGORY = 50, 300, 20
"""A column may have 50 different texts, and more, up to 300, where there are 20 rows for each."""
MAX_SAID_SHARE = 1 / 3
"""Where a person says that texts are categories they may be so great a share of the rows."""
MIN_KEPT_SHARE = 0.9
"""So great a share of a column's different numbers must still differ as float32."""
MAX_MOVED_SHARE = 0.01
"""Measurements with decimals, as degrees of longitude, may be moved by so great a share of their deviation."""
MAX_ID_SPAN = 2
"""Whole numbers, all different, are dense where their span is under so many times their number."""
ID_NAME = (
    r"(?i:(^|[\W_])(id|ids|key|index|uuid|guid|row|rownames|rownumber|folio|serial|phone|mobile|ssn|dni|nif|sku|ean|isbn|iban)$)|"
    r"(?i:[\W_](no|nr|num|number)\.?$)|(?i:^(no|nr)\.?$)|[a-z](Id|ID|No|Nr|Number)$|^(row|id|Id|ID)[A-Z_]|"
    r"(?i:^(row|account|case|client|customer|cust|device|employee|emp|invoice|item|loan|member|order|passenger|patient|"
    r"person|product|record|sample|session|store|student|subject|ticket|trans|transaction|user)_?(id|no|nr|num|number)$)"
)
NAMELESS = r"column_\d+"
INDEX_NAME = r"^(Unnamed: ?\d+(_level_\d+)?|column_\d+|level_\d+|Column1)$"
"""Pandas, Excel and the reader call a column without a name so, as the numbers of rows that `to_csv` writes are."""
YEAR_NAME = re.compile(
    r"(?i:(^|[\W\d_])(year|yr|año|anio|ano|anno|année|annee|an|jahr)s?($|[\W\d_]))|[a-z]Year$"
)
YEARS = (1000, 2200)
"""Years of histories and of plans lie between these."""
MIN_ID_DIGITS, MIN_DIFFERENT_SHARE = 9, 0.9
"""Whole numbers of so many digits, of which so great a share differ, count nothing: telephones, cards, time stamps."""
MAX_SHOWN = 5
MIN_HALF, MIN_DECIMALS = 0.5, 10
"""A column of numbers in so great a share of its rows, with so many different decimal ones, is no category."""
MIN_WORDS = 3
"""Texts of so many words on average are learnt by their words."""
MIN_UNSPACED = 6
"""In scripts without blanks between words a text has so many characters on average."""
UNSPACED = r"[\x{0e00}-\x{0eff}\x{1000}-\x{109f}\x{1780}-\x{17ff}\x{3040}-\x{30ff}\x{3400}-\x{9fff}]"
EXACT_WHOLE = 2**53
LARGEST = float(np.finfo(np.float32).max)


def check_columns(
    frame: pl.DataFrame, table: Table, roles: Mapping[str, str]
) -> list[str]:
    faults = {
        column.name: fault
        for column in frame
        if (fault := _find_fault(column, table, roles.get(column.name)))
    }
    if not faults:
        return []

    lines = [f"column {name!r} {fault}" for name, fault in faults.items()]
    original = [_find_original(name, table) for name in faults]
    return [
        *lines,
        f"leave out what cannot be used: --exclude {shlex.join(dict.fromkeys(original))}",
    ]


def _find_original(name: str, table: Table) -> str:
    """Returns the column that a feature comes from: a date's part from the date, a term from the text."""
    places = (name, name.rpartition("_")[0], name.rpartition(SEPARATOR)[0])
    return next((each for each in places if each in table.frame.columns), name)


def _find_fault(column: pl.Series, table: Table, role: str | None) -> str | None:
    """Returns the reason why nothing can be learnt from a column, or None."""
    known = column.drop_nulls()
    if column.dtype.is_nested():
        kind = column.dtype.base_type()
        return f"is of the type {kind}, which no family learns from: turn it into numbers or categories"
    different = known.n_unique()
    if not different:
        return _describe_empty(column.name, table.frame.columns)
    if len(known) < MIN_KNOWN:
        return f"has a value in {len(known)} rows only"
    if different == 1:
        return _describe_constant(column, known)
    if role is None and column.name in table.findings.faults:
        return table.findings.faults[column.name] + _name_roles(column)
    if role is None and column.name in table.findings.odd:
        return _describe_odd(column.name, table)

    if column.dtype == pl.String:
        return _find_text_fault(known, table, role)
    if column.dtype == pl.Boolean:
        return None
    if not column.dtype.is_numeric():
        kind = column.dtype.base_type()
        return f"is of the type {kind}, which no family learns from: turn it into numbers or categories"

    return _find_number_fault(column, table, role)


def _name_roles(column: pl.Series) -> str:
    """Returns the roles that a column with a fault may be given: its numbers have points before decimals, if any."""
    name = shlex.quote(column.name)
    has_points = (
        column.dtype == pl.String and column.drop_nulls().str.contains(POINT).all()
    )
    as_number = f", or --as {name}=number if a point is before decimals"
    return (as_number if has_points else "") + f", or --as {name}=category"


def _describe_empty(name: str, names: list[str]) -> str:
    """Says that a column is empty; one without a name, between others, may part two tables."""
    if re.fullmatch(NAMELESS, name) and name not in (names[0], names[-1]):
        return "is empty and has no name: if two tables stand side by side, keep one of them in the file"
    return "is empty"


def _describe_constant(column: pl.Series, known: pl.Series) -> str:
    """Says what a column's only value is, and how many rows have none, whose emptiness may say something."""
    n_missing = len(column) - len(known)
    if not n_missing:
        return f"is constant: {quote(known[0])} throughout"
    return (
        f"is {quote(known[0])} in {len(known):,} rows and missing in {n_missing:,}: write what that means, as no, in "
        "these"
    )


def is_text(column: pl.Series, table: Table) -> bool:
    """Returns whether a column is learnt by its words: texts of several words, too different for categories."""
    known = column.drop_nulls()
    if column.dtype != pl.String or not len(known) or _are_categories(known):
        return False
    if column.name in table.findings.odd or column.name in table.findings.faults:
        return False
    if find_notation(known):
        return False

    n_words = float(known.str.count_matches(r"\S+").mean() or 0)  # type: ignore[arg-type]  # of counts
    n_unspaced = float(known.str.count_matches(UNSPACED).mean() or 0)  # type: ignore[arg-type]  # of counts

    return n_words >= MIN_WORDS or n_unspaced >= MIN_UNSPACED


def _are_categories(known: pl.Series) -> bool:
    """Returns whether values are few enough for one column each, and enough rows have the same one."""
    n_known, different = len(known), known.n_unique()
    most = min(MAX_CATEGORIES, max(FEW_CATEGORIES, n_known // ROWS_PER_CATEGORY))
    return different <= most and different <= n_known / 2


def _may_be_categories(known: pl.Series) -> bool:
    """Returns whether values are few enough for one column each where a person says so, and most rows share theirs."""
    different = known.n_unique()
    return different <= MAX_CATEGORIES and different <= MAX_SAID_SHARE * len(known)


def _find_text_fault(known: pl.Series, table: Table, role: str | None) -> str | None:
    """Returns a fault where values are no categories, or are decimal numbers in at least half of the rows."""
    n_known, different = len(known), known.n_unique()
    numbers = known.str.contains(NUMBER)
    share = numbers.sum() / n_known
    decimals = known.filter(numbers & known.str.contains("[.,]"))
    is_measured = (
        role is None and share >= MIN_HALF and decimals.n_unique() >= MIN_DECIMALS
    )
    if _are_categories(known) and not is_measured:
        return None
    if role == "category" and _may_be_categories(known):
        return None

    if looks := find_notation(known):
        return f"looks like {looks}"

    if known.name in table.frame.columns and MIN_HALF <= share < 1:
        other = known.filter(~numbers)[0]
        place = table.places[table.frame[known.name].index_of(other) or 0]
        return (
            f"is a number in {numbers.sum():,} of {n_known:,} rows, but not in {place} {quote(other)}: "
            f"write numbers alone, or --as {shlex.quote(known.name)}=number does without the others"
        )

    if marks := find_marks(known):
        return f"looks like {marks}"
    if role is None and (lists := find_lists(known)):
        return f"looks like {lists}"

    as_category = f"; --as {shlex.quote(known.name)}=category takes each by itself"
    return (
        f"looks like free text or ids: {different} different values in {n_known} rows"
        + (as_category if role is None and _may_be_categories(known) else "")
    )


def _find_number_fault(column: pl.Series, table: Table, role: str | None) -> str | None:
    known = column.drop_nulls()
    if has_infinite(column):
        return "has values that are not finite or do not fit 32 bits"

    if fault := find_lost_digits(known):
        return fault
    if role is None and column.name in table.frame.columns:
        return _find_ids(as_whole(known))

    return None


def find_lost_digits(known: pl.Series) -> str | None:
    """Returns a fault where float32 makes one of many different values, but for measurements that it hardly moves."""
    exact = known.cast(pl.Float64)
    rounded = exact.cast(pl.Float32)
    kept = rounded.n_unique()
    if kept >= MIN_KEPT_SHARE * known.n_unique():
        return None

    moved = float((rounded.cast(pl.Float64) - exact).abs().max())  # type: ignore[arg-type]  # of known numbers
    spread = float(exact.std() or 0.0)  # type: ignore[arg-type]
    if as_whole(known).dtype.is_float() and moved < MAX_MOVED_SHARE * spread:
        return None

    return (
        f"needs more digits than 32 bits hold: {known.n_unique()} different values become {kept}; "
        "subtract a constant, or write dates as 2024-12-31"
    )


def _find_ids(known: pl.Series) -> str | None:
    """Returns a fault for whole numbers, all different, that are dense, sorted throughout or called an id."""
    if _are_hashes(known):
        return (
            "looks like ids: whole numbers of more digits than a computer's numbers hold; "
            f"--as {shlex.quote(known.name)}=number keeps them"
        )
    if not known.dtype.is_integer():
        return None
    keep = f"--as {shlex.quote(known.name)}=number keeps them"
    if dates := find_digit_dates(known):
        return f"looks like {dates}, or {keep}"
    if fault := _find_numerals(known):
        return f"{fault}; {keep}"
    if known.n_unique() < len(known) or _are_years(known):
        return None
    if _counts_up(known):
        return f"looks like ids: whole numbers that count the rows; {keep}"
    if re.search(ID_NAME, known.name) or re.search(INDEX_NAME, known.name):
        return f"looks like ids: whole numbers that are all different under such a name; {keep}"

    span = int(known.max()) - int(known.min())  # type: ignore[arg-type]  # of a column of whole numbers
    if span < MAX_ID_SPAN * len(known):
        return f"looks like ids: whole numbers that count the rows, with gaps; {keep}"
    if known.is_sorted() or known.is_sorted(descending=True):
        return f"looks like ids: whole numbers that grow with the rows; {keep}"

    return None


def _are_years(known: pl.Series) -> bool:
    """Tells whether whole numbers are called years, and may be such; a table with a row a year counts them up."""
    return YEAR_NAME.search(known.name) is not None and bool(
        known.is_between(*YEARS).all()
    )


def _are_hashes(known: pl.Series) -> bool:
    """Tells whether nearly all whole numbers differ, and most are beyond those that float64 tells apart."""
    if known.n_unique() < MIN_DIFFERENT_SHARE * len(known):
        return False
    numbers = known.cast(pl.Float64).abs().to_numpy()
    return bool((numbers % 1 == 0).all() and (numbers > EXACT_WHOLE).mean() >= MIN_HALF)


def _find_numerals(known: pl.Series) -> str:
    """Returns a fault for whole numbers of many digits, equally many throughout, that nearly all differ."""
    if known.n_unique() < MIN_DIFFERENT_SHARE * len(known):
        return ""
    n_digits = len(str(int(known.min())))  # type: ignore[arg-type]  # of a column of whole numbers
    is_equal = n_digits == len(str(int(known.max())))  # type: ignore[arg-type]
    if n_digits < MIN_ID_DIGITS or not is_equal or int(known.min()) < 0:  # type: ignore[arg-type]
        return ""

    return f"looks like ids, telephones or times of computers: whole numbers of {n_digits} digits throughout"


def _describe_odd(name: str, table: Table) -> str:
    """Says in how many rows a column is a number or a date, where it is not, and what to do."""
    role = "date" if name in table.findings.dates else "number"
    return (
        f"{describe_odd_values(name, table)}: empty these "
        f"cells, or --as {shlex.quote(name)}={role} does without them, or --as {shlex.quote(name)}=category"
    )


def describe_odd_values(name: str, table: Table) -> str:
    odd = table.findings.odd[name]
    n_odd = sum(len(rows) for rows in odd.values())
    n_known = len(table.frame[name].drop_nulls())
    shown = [
        f"{table.places[rows[0]]} {value!r}"
        + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")
        for value, rows in list(odd.items())[:MAX_SHOWN]
    ]
    more = ", ..." if len(odd) > MAX_SHOWN else ""

    kind = "date" if name in table.findings.dates else "number"
    return f"is a {kind} in {n_known - n_odd:,} of {n_known:,} rows, but not in {', '.join(shown)}{more}"


def _counts_up(known: pl.Series) -> bool:
    return bool((known.sort().diff().drop_nulls() == 1).all())


def has_infinite(column: pl.Series) -> bool:
    values = column.drop_nulls().cast(pl.Float64).to_numpy()
    return bool((~(np.abs(values[~np.isnan(values)]) <= LARGEST)).any())
