"""Notes say what is odd about a column that can be learnt from: twins among its names, days far off, a told target."""

from __future__ import annotations

import datetime as dt
import re
import shlex
import unicodedata
from collections.abc import Collection, Iterable

import polars as pl

from tables.notations import NUMBER, YES_AND_NO
from tables.reader import Table, as_whole, name_values
from training.data.column_notations import find_lists, find_marks, find_notation
from training.data.total_row import SUM_WORD

MAX_LOOKED_AT = 20_000
SENTINEL_DAYS = (
    dt.date(9999, 12, 31),
    dt.date(2999, 12, 31),
    dt.date(1900, 1, 1),
    dt.date(1899, 12, 30),
    dt.date(1970, 1, 1),
    dt.date(1, 1, 1),
)
MIN_SENTINELS = 3
NONE = "None"
"""Programs write this word for a gap, and people for an answer, as of a disease or a defect."""
MIN_LETTERS, MAX_NAME, MAX_NAMES = 6, 40, 300
"""Names of so many letters are compared letter by letter, where there are no more of them than that."""
YESES, NOES = ("1", "true", "yes", "y", "t", "si"), ("0", "false", "no", "n", "f")
PARTS_OF_DATA = frozenset(
    (
        *("train", "training", "test", "testing", "val", "valid", "validation"),
        *("dev", "eval", "holdout", "entrenamiento", "prueba", "validación"),
    )
)
"""A column of these words alone says how somebody split the rows."""
STRUCTURE = r"^\[.*['\"{].*\]$|^\{.*:.*\}$"
MIN_NUMBERS = 5
LOOKALIKES = str.maketrans(
    "АВЕКМНОРСТУХІЈЅаеорсухіјѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",  # Cyrillic and Greek
    "ABEKMHOPCTYXIJSaeopcyxijsABEZHIKMNOPTYX",
)
"""Letters of Russian and Greek that nobody can tell from Latin ones."""
BETWEEN_WORDS = r"(?<=[^\W\d_])[-_]+(?=[^\W\d_])"
OTHER_QUOTES = r"^('.*'|`.*`|[“”„«‘].*[”“»’])$"
FOLD_NAME = re.compile(r"(?i)(cv|k)?[-_ ]?folds?([-_ ]?id)?|cv[-_ ]?(split|set|group)")
MAX_FOLDS = 20
MAX_CLOCK, MINUTES = 2400, 60
DATE_NAME = re.compile(
    r"(?i)(^|[\W_])(date|day|fecha|d[ií]a|datum|tag|data|jour)s?($|[\W_])|[a-z](Date|Day)$"
)
FIRST_SERIAL, LAST_SERIAL, SERIAL_EPOCH = 20_000, 60_000, dt.date(1899, 12, 30)
"""Excel counts days from here; those between are of 1954 to 2064."""
FIRST_SECOND, LAST_SECOND = 946_684_800, 2_147_483_647
EPOCH_UNITS = (1, 1000, 10**6, 10**9)
"""Seconds since 1970 of the years from 2000 to 2037, which may be counted in thousandths, and so on."""
CODE_NAME = re.compile(
    r"(?i)(^|[\W_])(zip|postal|fips|naics|sic|cnae)\d?$|(^|[\W_])(codes?|c[oó]digo)$|^(zip|post|postal)code$|"
    r"^(plz|c[oó]d(igo)?[-_ ]?postal)$|[a-z](Code|Zip)$"
)
MIN_CLOCK_TIMES, MIN_MINUTES, MIN_CLOCK_SPAN = 30, 10, 1000
"""So many different numbers, with so many different minutes, over so many, are times as 905 and 2350 for 23:50."""
FIRST_YEAR, LAST_YEAR = 1600, 2200
"""Dates that are all before or after may be of another calendar, as the Islamic or the Thai one."""


def note_category(column: pl.Series) -> list[str]:
    """Returns what is odd about a category's values: twins, and numbers or dates in a notation that is not read."""
    names = {name for name in name_values(as_whole(column)) if name is not None}
    notes = [*note_twins(names), *note_quotes(names)]
    notes += [*_note_merged(column), *_note_totals(column)]
    if len(names) > 1 and {name.lower() for name in names} <= PARTS_OF_DATA:
        return [*notes, _exclude_part(column.name)]
    if looks := find_notation(column.drop_nulls(), takes_several=False):
        return [*notes, f"each value by itself, though they look like {looks}"]
    if lists := find_lists(column.drop_nulls()):
        return [*notes, f"each list by itself, though they look like {lists}"]

    return [*notes, *_note_structures(column.drop_nulls())]


def _note_structures(known: pl.Series) -> list[str]:
    """Returns a note where texts are lists or objects as programs write them, or numbers with and without a unit."""
    if known.dtype != pl.String or not len(known):
        return []
    if known.str.contains(STRUCTURE).all():
        return [
            f"each by itself, though they are lists or objects, as {known[0]!r}: give each part a column of its own"
        ]

    n_numbers = known.filter(known.str.contains(NUMBER)).n_unique()
    marks = find_marks(known) if n_numbers >= MIN_NUMBERS else ""
    return [f"each value by itself, though they look like {marks}"] if marks else []


def _exclude_part(name: str) -> str:
    """Returns what is said of a column that tells how another had parted the rows."""
    return (
        "it says which rows another had learnt from, and nothing of what they are: "
        f"--exclude {shlex.quote(name)}"
    )


def note_number(column: pl.Series) -> list[str]:
    """Returns a note where numbers are the folds of somebody else, or times of the day without a colon."""
    known = as_whole(column).drop_nulls()
    if not len(known):
        return []
    if days := _note_days_as_numbers(known):
        return days
    if not known.dtype.is_integer():
        return []
    if CODE_NAME.search(column.name) and known.n_unique() > 2:  # of a switch
        return [
            f"its name says that it is a code, whose size means nothing: --as {shlex.quote(column.name)}=category "
            "takes each by itself"
        ]
    if FOLD_NAME.fullmatch(column.name) and known.n_unique() <= MAX_FOLDS:
        return [_exclude_part(column.name)]

    low, high = int(known.min()), int(known.max())  # type: ignore[arg-type]  # of whole numbers
    minutes = known % 100
    is_clock = (
        low >= 0
        and high - low >= MIN_CLOCK_SPAN
        and high <= MAX_CLOCK
        and int(minutes.max()) < MINUTES  # type: ignore[arg-type]
        and minutes.n_unique() >= MIN_MINUTES
        and known.n_unique() >= MIN_CLOCK_TIMES
    )
    if not is_clock:
        return []

    return [
        f"if {high} is the time {high // 100}:{high % 100:02d}, write a number of hours: from 859 to 900 is a minute"
    ]


def _note_days_as_numbers(known: pl.Series) -> list[str]:
    """Returns a note where numbers may be times as computers count them, or days of Excel under a name for days."""
    low, high = float(known.min()), float(known.max())  # type: ignore[arg-type]  # of known numbers
    shown = f"{high:.15g}" if high % 1 else f"{high:.0f}"
    for unit in EPOCH_UNITS:
        first, last = FIRST_SECOND * unit, LAST_SECOND * unit
        if first <= low and high <= last and known.n_unique() >= MIN_NUMBERS:
            day = dt.datetime.fromtimestamp(high / unit, dt.UTC).date()
            return [
                f"if {shown} is a time of {day}, as computers count from 1970, write dates"
            ]

    if DATE_NAME.search(known.name) and low >= FIRST_SERIAL and high <= LAST_SERIAL:
        day = SERIAL_EPOCH + dt.timedelta(int(high))
        return [f"if {shown} is {day}, a day as Excel counts them, write it so"]

    return []


def _note_merged(column: pl.Series) -> list[str]:
    """Returns a note where most rows have no value below one that has another than the one before."""
    is_known = column.is_not_null()
    known = column.drop_nulls()
    n_missing = len(column) - len(known)
    if len(known) < MIN_SENTINELS or n_missing < len(known) or not is_known[0]:
        return []
    if (known[1:] == known[:-1]).any():
        return []

    return [
        f"missing in {n_missing} rows below others, as merged cells are: fill them down if they were such"
    ]


def _note_totals(column: pl.Series) -> list[str]:
    """Returns a note where a value is a word for sums, which may be rows that sum others up."""
    if column.dtype != pl.String:
        return []

    is_sum = column.str.contains(f"^({SUM_WORD})$").fill_null(value=False)
    if not is_sum.any():
        return []

    n_rows = int(is_sum.sum())
    shown, rows = column.filter(is_sum)[0], "row" if n_rows == 1 else "rows"
    return [f"{shown!r} in {n_rows} {rows}: remove these if they sum others up"]


def note_quotes(names: Collection[str]) -> list[str]:
    """Returns a note where all names are in quotes that are none of CSV, and so belong to them."""
    if not names or not all(re.fullmatch(OTHER_QUOTES, name) for name in names):
        return []
    return [
        f"the quotes are part of each value, as of {min(names)}: write double quotes or none if they are not"
    ]


def note_twins(names: Iterable[str]) -> list[str]:
    """Returns a note where names differ by capitals, spaces, accents, hyphens, letters that look alike and the like."""
    twins: dict[str, list[str]] = {}
    for name in sorted(set(names))[:MAX_LOOKED_AT]:
        twins.setdefault(_simplify(name), []).append(name)
    found = next((each for each in twins.values() if len(each) > 1), None)
    found = found or _find_misspelt(list(twins.values())) or _find_truths(twins)

    return (
        [f"{found[0]!r} and {found[1]!r} are two values: write them one way if not"]
        if found
        else []
    )


def _simplify(name: str) -> str:
    """Returns a name without what people write differently by chance; one of marks alone stays."""
    words = re.sub(BETWEEN_WORDS, " ", name.translate(LOOKALIKES))
    parts = unicodedata.normalize("NFKD", words).casefold()
    seen = [each for each in parts if unicodedata.category(each) not in ("Mn", "Cf")]
    plain = " ".join("".join(seen).split())
    plain = re.sub(r"^([+-]?\d+)\.0+$", r"\1", plain)
    return plain.rstrip(" .,;:") or plain


def _find_misspelt(groups: list[list[str]]) -> list[str]:
    """Returns two long names of which one lacks a letter, after the first, or has two letters the other way round."""
    names = {group[0] for group in groups if MIN_LETTERS <= len(group[0]) <= MAX_NAME}
    names = (
        {name for name in names if name.isalpha()} if len(names) < MAX_NAMES else set()
    )
    for name in sorted(names):
        without = {name[:at] + name[at + 1 :] for at in range(1, len(name) - 1)}
        swapped = {
            name[:at] + name[at + 1] + name[at] + name[at + 2 :]
            for at in range(1, len(name) - 1)
        }
        if others := sorted((without | swapped) & names - {name}):
            return [name, others[0]]

    return []


def _find_truths(names: Iterable[str]) -> list[str]:
    """Returns two names that both say yes, or no, where all names are such, in words, letters and as 0 and 1."""
    known = sorted(set(names))
    if not set(known) <= {"0", "1", *YES_AND_NO, "true", "false"}:
        return []
    for alike in (YESES, NOES):
        found = [each for each in known if each in alike]
        if len(found) > 1:
            return found

    return []


def note_copy(column: pl.Series, before: Iterable[pl.Series]) -> list[str]:
    """Returns a note where a column has the values of one before it in every row."""
    original = next(
        (
            each.name
            for each in before
            if each.dtype == column.dtype and each.equals(column, null_equal=True)
        ),
        None,
    )
    return [f"the same as {original!r} in every row"] if original is not None else []


def note_days(column: pl.Series) -> list[str]:
    """Returns a note on dates of another calendar, or on a day of several rows far from all others, as for a gap."""
    known = column.cast(pl.Date).drop_nulls()
    years = known.dt.year().sort().to_list()
    if years and (years[-1] < FIRST_YEAR or years[0] > LAST_YEAR):
        return [
            f"its years are {years[0]} to {years[-1]}: write the dates in the Gregorian calendar if they are of another"
        ]

    for day in SENTINEL_DAYS:
        others = known.filter(known != day)
        n_rows = len(known) - len(others)
        if n_rows < MIN_SENTINELS or not len(others):
            continue

        first, last = others.min(), others.max()
        assert isinstance(first, dt.date)
        assert isinstance(last, dt.date)
        if (first - day if day < first else day - last) > last - first:
            return [
                f"{day} in {n_rows} rows is far from all others: empty these cells if it marks a gap"
            ]

    return []


def note_marks(name: str, table: Table) -> list[str]:
    """Returns a note on the words of a column that count as missing."""
    marks = table.findings.marks.get(name, [])
    shown = ", ".join(map(repr, marks[:3]))
    is_text = table.frame[name].dtype == pl.String
    is_unclear = is_text and NONE in marks
    other = ": write another word if that is an answer" if is_unclear else ""
    return [f"missing where it says {shown}{other}"] if marks else []
