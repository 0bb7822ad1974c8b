"""The text of a CSV file becomes names, rows of texts and their places; nothing here needs polars."""

from __future__ import annotations

import csv
import io
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tables.encodings import decode, describe_encoding
from tables.file_formats import NoTextError
from tables.unpacking import refuse_packed, unpack

SEPARATORS = ",;\t|"
MAX_HEAD_ROWS = 1000
"""So many rows tell whether the first line has a name for each column."""
NUMERAL = re.compile(r"[+-]?\d+([.,]\d+)?")
"""A name that is one may be a value of the first row."""
_LINE = re.compile(r"[^\r\n]*")
_BLANK = re.compile(r"[ \t\r\n]*")
_COMMENT = re.compile(r"#[^\r\n]*(?:\r\n|\r|\n)")
_TOLD_SEPARATOR = re.compile(
    r'\s*"?sep=([^"\r\n])"?[ \t]*(?:\r\n|\r|\n)', re.IGNORECASE
)
_QUOTED_ROW = re.compile(r'[^\r\n]*(?:\r\n|\r|\n)\s*"')
_OTHER_QUOTES = re.compile(r"'.*'|[“”„«‘].*[”“»’]|`.*`")
_ESCAPE = re.compile(r'\\([\\"])')
ESCAPED_NOTE = r"a backslash ahead of a quote, \", was read as a part of the text"
_END_MARK = "\x1a"
"""DOS writes this behind the last line."""
_UNSEEN = (
    string.whitespace
    + "\u00a0\u00ad\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u202f\u2060\ufeff"
)
MAX_FIELD_CHARS = 10_000_000
MAX_UNPACKED_BYTES = 4_000_000_000


class UnreadableTableError(Exception):
    """The file is no table; `reason` says what was expected and what came, `line` (from 1) where it is known."""

    def __init__(self, file_name: str, reason: str, *, line: int | None = None) -> None:
        self.reason = reason if line is None else f"line {line}: {reason}"
        where = file_name if line is None else f"{file_name}, line {line}"
        super().__init__(f"{where}: {reason}")


class NoRowsError(UnreadableTableError):
    """The table has names of columns, but no row."""


class TooManyRowsError(UnreadableTableError):
    """The table has more rows than were to be read."""


class RepeatedColumnError(UnreadableTableError):
    """Two columns have the same name, which is `column`."""

    def __init__(self, file_name: str, column: str) -> None:
        hint = ": write names above the rows" if NUMERAL.fullmatch(column) else ""
        super().__init__(
            file_name,
            f"expected columns of different names, got {column!r} more than once{hint}",
        )
        self.column = column


class CSVText(NamedTuple):
    """A CSVText has the names of columns, rows of as many texts, where the file has each row, and the separator.

    `notes` say what was assumed of its encoding.
    """

    names: list[str]
    rows: list[list[str]]
    places: list[str]
    separator: str
    notes: Sequence[str] = ()


def read_csv_text(
    name: str,
    content: bytes,
    *,
    max_bytes: int = MAX_UNPACKED_BYTES,
    max_rows: int | None = None,
    may_be_packed: bool = True,
) -> CSVText:
    """Returns what stands in a CSV of this name, whose encoding and separator are found out; it may be packed.

    It raises UnreadableTableError, also where more than `max_bytes` are unpacked of it, and TooManyRowsError at the
    first row beyond `max_rows`; those without any value are passed over where there is such a limit.
    """
    try:
        if not may_be_packed:
            refuse_packed(content)
        unpacked = unpack(name, content, max_bytes)
        decoded = decode(unpacked)
    except NoTextError as error:
        raise UnreadableTableError(name, str(error)) from None

    text = skip_preamble(_cut_end_mark(decoded))
    separator = text.separator or find_separator(text.body)
    notes = describe_encoding(unpacked, decoded)
    if has_escaped_quotes(text.body, separator):
        text = replace(text, body=_ESCAPE.sub(_double_quote, text.body))
        notes.append(ESCAPED_NOTE)

    return CSVText(*_split(text, separator, name, max_rows), separator, notes=notes)


def _cut_end_mark(text: str) -> str:
    """Returns a text without the mark of its end, where nothing else follows but marks and line ends."""
    kept = text.rstrip(f"{_END_MARK}\r\n")
    return kept + text[len(kept) :].partition(_END_MARK)[0]


def has_escaped_quotes(text: str, separator: str) -> bool:
    """Tells whether a quote within quotes is written with a backslash ahead, as MySQL does, rather than twice."""
    if '\\"' not in text:
        return False

    part = re.escape(separator)
    # Spaces that part values stand ahead of a quote one by one, or a run of them would be gone through from each.
    spaces = "" if separator == " " else " *"
    escaped = rf'(?:^|[{part}\r\n]){spaces}"[^"]*\\"(?![{part}"\r\n])(?!\Z)'
    return re.search(escaped, text) is not None


def _double_quote(escape: re.Match[str]) -> str:
    """Returns an escaped quote as CSV has it, and an escaped backslash as one."""
    return '""' if escape[1] == '"' else escape[1]


@dataclass(frozen=True, kw_only=True)
class Text:
    """A Text is what follows the preamble of a file, how many lines that is, and the separator if it is told there."""

    body: str
    n_skipped: int = 0
    separator: str = ""


def skip_preamble(text: str) -> Text:
    """Returns a table's text without empty lines, comments and Excel's `sep=;` ahead of it."""
    told = _TOLD_SEPARATOR.match(text)
    start = _pass_blank(text, told.end() if told else 0)
    while (line := _COMMENT.match(text, start)) and not _is_header(line):
        start = _pass_blank(text, line.end())

    return Text(
        body=text[start:],
        n_skipped=len(text[:start].splitlines()),
        separator=told[1] if told else "",
    )


def _pass_blank(text: str, start: int) -> int:
    """Returns where the first line begins that has anything on it, spaces ahead of that included."""
    blank = _BLANK.match(text, start)
    assert blank is not None
    return start + len(blank[0].rstrip(" \t"))


def _is_header(line: re.Match[str]) -> bool:
    """Tells if a line that begins with # has as many separators as the next one, so that it names columns."""
    if line.string.startswith("#", line.end()):
        return False

    following = _LINE.match(line.string, line.end())
    assert following is not None
    counts = [(line[0].count(each), following[0].count(each)) for each in SEPARATORS]

    return any(n == m > 0 for n, m in counts)


def find_separator(text: str) -> str:
    """Returns the separator that the first line has most of outside of quotes."""
    header = re.split(r"[\r\n]", text, maxsplit=1)[0]
    header = re.sub(r'"[^"]*"', "quoted", header)
    best = max(SEPARATORS, key=header.count)
    return best if best in header or len(header.split()) < 2 else _find_spaces(text)


def _find_spaces(text: str) -> str:
    """Returns a space where the first lines have equally many words, so that spaces part them, else a comma.

    The first one of all may have one word fewer, as where each row begins with its name.
    """
    lines = [line for line in text.splitlines()[:20] if line.strip()]
    widths = [len(line.split()) for line in lines]
    fits = len(set(widths[1:])) == 1 and widths[1] - widths[0] in (0, 1)
    return " " if fits else ","


def _split(
    text: Text, separator: str, file_name: str, max_rows: int | None
) -> tuple[list[str], list[list[str]], list[str]]:
    """Returns names, rows and their places; lines without anything on them, and names again, are passed over."""
    csv.field_size_limit(MAX_FIELD_CHARS)
    reader = csv.reader(
        io.StringIO(text.body, newline=""), delimiter=separator, skipinitialspace=True
    )
    rows: list[list[str]] = []
    lines: list[int] = []

    try:
        first = next(reader, [])
        for row in _limit_rows(reader, first, file_name, max_rows):
            rows.append(row)
            lines.append(text.n_skipped + reader.line_num)
    except csv.Error as error:
        raise UnreadableTableError(
            file_name,
            f"expected CSV: {error}",
            line=text.n_skipped + reader.line_num,
        ) from None

    if not first:
        raise UnreadableTableError(
            file_name, "expected a line of names and at least one row, got no row"
        )
    _check_quotes(first, rows, file_name)

    first = fit_names(first, rows[:MAX_HEAD_ROWS], text.body, separator)
    names = name_columns(file_name, first)
    _check_widths(names, rows, lines, file_name)

    return _drop_nameless(names, rows, [f"line {line}" for line in lines])


def _limit_rows(
    reader: Any, first: list[str], file_name: str, max_rows: int | None
) -> Iterator[list[str]]:
    """Yields the rows that are not the names again; raises TooManyRowsError beyond `max_rows`.

    Spreadsheets write rows without any value below a table, of which a limit counts none.
    """
    n_rows = 0
    for row in reader:
        is_head = row == first and len(row) > 1
        if not row or is_head:
            continue

        if max_rows is not None:
            if not any(map(str.strip, row)):
                continue
            n_rows += 1
            if n_rows > max_rows:
                raise TooManyRowsError(
                    file_name, f"expected at most {max_rows} rows, got more"
                )
        yield row


def _check_quotes(names: list[str], rows: list[list[str]], file_name: str) -> None:
    """Raises UnreadableTableError for names in quotes that part no values, or in a quote around the whole line."""
    first = names[0].strip()
    if all(_OTHER_QUOTES.fullmatch(each.strip()) for each in names):
        raise UnreadableTableError(
            file_name,
            f"expected names in double quotes or in none, got {first[:50]}: write the quotes of all values so, or "
            "leave them out",
        )

    found = max(SEPARATORS, key=first.count)
    if len(names) == 1 and all(found in row[0] for row in [names, *rows]):
        raise UnreadableTableError(
            file_name,
            f"expected values that {found!r} parts, got one in quotes, {first[:50]!r}: take away the quotes around "
            "whole lines",
        )


def fit_names(
    names: list[str], rows: list[list[str]], text: str, separator: str
) -> list[str]:
    """Returns the first line's names, one for each value of these rows where a program left one out or put one more.

    Rows may begin with their names, which have none, or end with a separator; so may the first line alone.
    """
    widths = {len(row) for row in rows if row}
    if widths == {len(names) - 1} and not names[-1].strip():
        return names[:-1]
    if widths != {len(names) + 1}:
        return names
    if not any(row[-1].strip() for row in rows if row):
        return [*names, ""]

    # Without quotes the comma may be one before decimals.
    is_told = separator != "," or _QUOTED_ROW.match(text) is not None
    firsts = [row[0] for row in rows if row]
    return ["", *names] if is_told and len(set(firsts)) == len(firsts) else names


def _drop_nameless(
    names: list[str], rows: list[list[str]], places: list[str]
) -> tuple[list[str], list[list[str]], list[str]]:
    """Returns the table without last columns that have neither name nor value, which separators at line ends make."""
    n_kept = len(names)
    while (
        n_kept > 1
        and names[n_kept - 1] == f"column_{n_kept}"
        and not any(row[n_kept - 1].strip() for row in rows)
    ):
        n_kept -= 1
    if n_kept < len(names):
        names, rows = names[:n_kept], [row[:n_kept] for row in rows]

    return names, rows, places


def _check_widths(
    names: list[str], rows: list[list[str]], lines: list[int], file_name: str
) -> None:
    """Raises UnreadableTableError for the first row that has not a value for each name."""
    n_columns = len(names)
    at = next((at for at, row in enumerate(rows) if len(row) != n_columns), None)
    if at is None:
        return

    reason = (
        f"expected the names of {len(rows[at])} columns in the first line, got {names[0][:50]!r} alone: remove what "
        "stands above the names"
        if n_columns == 1 and not at
        else f"expected {n_columns} values, one for each column of the first line, got {len(rows[at])}"
        + _suspect_preamble(rows, lines, at)
    )
    if any("\n" in value or "\r" in value for value in rows[at]):
        reason += ", of which one in quotes has several lines: is its quote closed?"

    raise UnreadableTableError(file_name, reason, line=lines[at])


def _suspect_preamble(rows: list[list[str]], lines: list[int], at: int) -> str:
    """Returns what to do where all rows from one on, but not the first, have its width: names or notes stand there."""
    width = len(rows[at])
    if not at or any(len(row) != width for row in rows[at:]):
        return ""
    if len(rows) - at > at:
        return f", as all rows from there on: remove what stands above line {lines[at]}, if it has the names"
    if width == 1:
        return ", as all rows from there on: remove these, if they are notes below the table"

    return ""


def _strip_name(name: str) -> str:
    """Returns a name as most programs write its accents, without the spaces and unseen characters around it."""
    return unicodedata.normalize("NFC", name).strip(_UNSEEN)


def name_columns(file_name: str, given: Sequence[str]) -> list[str]:
    """Returns names of columns, of which one without a name is called by its place; raises RepeatedColumnError."""
    names = [
        _strip_name(name) or f"column_{number}"
        for number, name in enumerate(given, start=1)
    ]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise RepeatedColumnError(file_name, repeated[0])

    return names
