"""Texts may be numbers, dates or several values in a notation that is not read, and then have another way out."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Collection

import polars as pl

from tables.notations import (
    MISSING_AMONG_NUMBERS,
    NETWORK_ADDRESS,
    NUMBER,
    TELEPHONE,
)
from tables.terms import MIN_TERMS
from training.data.digit_dates import find_clock_times, find_digit_dates

MIN_HALF, MIN_ALIKE = 0.5, 0.9
"""So great shares of a column are in a notation, and are in it or numbers."""
MAX_CHARS = 60
MIN_LISTED, MAX_PARTS = 0.2, 100
"""So great a share of the cells have several parts where a column has lists of so many different parts at most."""
MIN_PART_ROWS = 3
"""So many rows on average have each part of a list."""
MAX_UNIT_EXAMPLES = 2
_DECIMAL = r"\d+(?:[.,]\d+)?"
_NUMERAL = r"[+-]?\d+(?:[.,]\d+)*"
_SPANS = (
    r"(years?|yrs?|months?|mons?|weeks?|days?|hours?|hrs?|minutes?|mins?|seconds?|secs?|a[ñn]os?|mes(es)?|semanas?|"
    r"d[ií]as?|horas?|minutos?|segundos?|ans?|années?|mois|semaines?|jours?|heures?|jahre?n?|monate?n?|wochen?|tage?n?|"
    r"stunden?|minuten?|sekunden?)"
)
_TIMES = (
    r"(?i)^\d{1,3}:\d{2}(:\d{2}([.,]\d+)?)?(\s*[ap]\.?m\.?)?$|^PT?\d+[YMWDHS][\dYMWDTHS.]*$|"
    r"^\d+\s*(h|hrs?|hours?)\.?\s*\d+\s*(m|mins?|minutes)?\.?$|^-?\d+ days?,? \d{1,2}:\d{2}:\d{2}(\.\d+)?$|"
    rf"^\d+:\d{{2}}[.,]\d+$|^(\d+([.,]\d+)?\s*{_SPANS}\.?[ ,]*){{2,}}$"
)
_GROUPS = (
    r"^(\+?\d{1,3}[-. ])?\(\d{2,5}\)[-. ]*\d{2,4}([-. ]\d{2,4}){0,3}$|^\+?\d{1,5}(-\d{1,10}){2,}(-[\dXx])?$|"
    r"^\d{3}\.\d{3}\.\d{3}[-/]\d{2}$|^\d{2}\.\d{3}\.\d{3}[-/][\dkK]$|^\d{1,2}\.\d{3}\.\d{3}-[\dkK]$"
)
"""Telephones as (212) 555-0123, numbers of books, of insurance and, with points, of people in Brazil and Chile."""
_FEET = r"(?i)^\d{1,2}\s*('|′|’|ft\.?|feet)\s*\d{1,2}([.,]\d+)?\s*(\"|″|”|''|in\.?|inch(es)?)?$"
_ONE_SPAN = rf"(?i)^\d+([.,]\d+)?\s*{_SPANS}\.?$"
_DEBITS = r"^[$€£]?\s*\d[\d.,]*[.,]\d{2}\s*(?i:(CR|DR|[DHSC])\.?)$"
_SIGNS_BEHIND = r"^[$€£]?\s*\d[\d.,]*[.,]\d{2}[+-]$"
_MINUS_BEHIND = r"^\d[\d.,]*-$"
_RANGE = rf"^({_DECIMAL})\s*(?:-|–|to|bis|a|à)\s*({_DECIMAL})$"
_MONTH_WORD = (
    r"(jan|ene|gen|feb|fev|fév|mar|mär|apr|abr|avr|may|mai|jun|juin|jul|juil|aug|ago|aoû|sep|set|oct|okt|out|ott|nov|"
    r"dec|dic|dez|déc)[\p{L}]{0,7}\.?"
)
_DATES = (
    r"(?i)^(0?[1-9]|\d{2}|\d{4})[-/. ]{1,2}(0?[1-9]|\d{2}|w\d{1,2})([-/. ,]+\d{1,4})?$|"
    r"^(0?[1-9]|\d{2,4})[-/. ]{1,2}[\p{L}]{3,13}\.?[-/. ,]+\d{1,4}$|"
    rf"^(0?[1-9]|\d{{2,4}})[-/. ]{{1,2}}{_MONTH_WORD}$|"
    r"^(19|20)\d{2}-\d{3}$|^\d{4}[- ]?[qths][1-4]$|^[qths][1-4][-/ ]?\d{2,4}$|^[1-4][qt][-/ ]?\d{2,4}$|"
    r"^[1-4]\S{0,3} (trimestre|semestre|quarter|half|quartal|halbjahr)( de)? (19|20)\d{2}$|"
    r"^(19|20)\d{2}/(19|20)\d{2}$|^fy[-/ ']?\d{2,4}$|"
    rf"^{_MONTH_WORD}[-/ ']\d{{2}}$"
)
_MONTHS = (
    r"(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|"
    r"dec(ember)?|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|janvier|"
    r"février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|januar|februar|märz|juni|juli|"
    r"oktober|dezember)"
)
_NAMED_DATES = (
    rf"(?i)^.{{0,16}}\b{_MONTHS}\b.{{1,24}}\b(19|20)\d{{2}}\b.{{0,24}}$|"
    rf"^.{{0,8}}\b(19|20)\d{{2}}\b.{{1,4}}\b{_MONTHS}\b.{{0,24}}$|"
    r"^(kw|cw|week|woche|semana|semaine|sem\.?|wk)[ .-]{0,2}\d{1,2}\W{1,3}(19|20)?\d{2}$|"
    r"^(19|20)\d{2}\W{0,3}(kw|cw|week|woche|semana|semaine|wk)[ .-]{0,2}\d{1,2}$|"
    r"^\d{1,2}[-/. ](x{0,1}(ix|iv|v?i{0,3}))[-/. ](19|20)\d{2}$"
)
_DEGREES = (
    r"(?i)^[-+NSEWO]?\s*\d{1,3}\s*[°º˚]\s*\d{1,2}([.,]\d+)?\s*['′’]?\s*(\d{1,2}([.,]\d+)?\s*(\"|″|”|'')?)?\s*[NSEWO]?$|"
    r"^\d{1,3}[ :-]\d{1,2}([.,]\d+)?([ :-]\d{1,2}([.,]\d+)?)?\s*[NSEWO]$"
)
_MARKS = (
    r"^[<>≤≥~±]?\s*[+-]?[$€£¥]?\s*\d[\d.,]*\s*(?:[^\W\d_]|[°²³/%‰]){1,10}$|^[<>≤≥~±]\s*\d|"
    r"^[+-]?\d[\d.,]*\s*([*†‡§]{1,4}|\[\w{1,3}\]|\(\w\)|[x×·]\s*10\s*\^?[-+−⁻\d⁰¹²³⁴-⁹]+|[dD][+-]?\d{2,3})$"
)
_ANY_NUMBER = r"\d+(?:[.,]\d+)*"
_PAIRS = r"^(\d{3}|[4-9]\d)\s*/\s*\d{2,3}$"
_FRACTIONS = r"^(\d{1,2}[ -])?\d{1,2}/(2|3|4|5|6|8|10|16)$"
_SEVERAL = (
    rf"^[\W_]*{_NUMERAL}(?:[\W_]*[^\w.,][\W_]*{_NUMERAL})+[\W_]*[a-zA-Zµ]{{0,3}}$|"
    r"^(?:MULTI)?(?:POINT|LINESTRING|POLYGON) ?Z?[-\d., ()]+$|^\[.*\]$|^\{.*\}$"
)
_EACH_ALONE = "several values in a cell, as {}: give each a column of its own"
_UNIT = "numbers with a unit or a mark, as {}: write the number alone"
_BRACKETED = r"^\(\d[\d.,]*\)$"
_BRACKETS = "numbers of which some are in brackets, as {}: write a minus ahead if these are below zero"
_SIGN_BEHIND = "amounts with a sign behind, as {}: write it ahead"
_UNITS = "numbers with several units, as {}: write them in one, and the number alone"
_DIRECTIONS = "degrees of several directions, as {}: write the number alone, with a minus ahead for south and west"
_LIMIT = r"^[<>≤≥~±]"
_UNIT_BEHIND = r"[\d.,]\s*((?:[^\W\d_]|[°²³/%‰])+)$"
_LISTS = "several values in a cell, as {}, of {} in all: {}"
_LIST_AS_TEXT = "--as {}=text learns each by itself"
_LIST_AS_COLUMNS = "give each a column of its own, with 1 where a row has it"
_LIST_SEPARATORS = (";", "|", ",", "/", "+", "&", "\n")
MAX_PART_CHARS = 30
_RANGES = "ranges, as {}: write the middle of each, or its ends in two columns"
_PAIR, MIN_EQUAL_PAIRS = r"^(\d{1,3})/(\d{1,3})$", 2
_CODES = (
    (TELEPHONE, "telephone numbers, as {}: leave them out"),
    (NETWORK_ADDRESS, "addresses of a network, as {}: leave them out"),
)
_NOTATIONS = (
    (_TIMES, "times or durations, as {}: write them as a number, of hours say"),
    (
        _DEBITS,
        "amounts of debit and credit, as {}: write one of the two with a minus ahead, and both without a mark",
    ),
    (_ONE_SPAN, _UNIT),
    (_SIGNS_BEHIND, _SIGN_BEHIND),
    (_PAIRS, _EACH_ALONE),
    (_FRACTIONS, "fractions, as {}: write them as decimal numbers"),
    (
        _DATES,
        "dates in a notation that is not read, or in two, as {}: write them as 2024-12-31",
    ),
    (
        _NAMED_DATES,
        "dates in a notation that is not read, or in two, as {}: write them as 2024-12-31",
    ),
    (
        _DEGREES,
        "degrees and minutes, as {}: write degrees as a decimal number, with a minus ahead for south and west",
    ),
    (_FEET, "feet and inches, as {}: write one number, of inches say"),
    (_MARKS, _UNIT),
    (
        _GROUPS,
        "telephone numbers or codes, as {}: leave them out, or give each part a column of its own",
    ),
    (_SEVERAL, _EACH_ALONE),
)


def find_notation(known: pl.Series, *, takes_several: bool = True) -> str:
    """Returns what texts look like, with one of them and what would work; nothing where they are in no such notation.

    Without `takes_several` those are none that have several values in a cell, as ranges and ratios may.
    """
    if known.dtype != pl.String:
        return ""
    counted = known.filter(~known.str.contains(MISSING_AMONG_NUMBERS))
    if not len(counted) or _are_genotypes(counted):
        return ""

    for pattern, advice in _CODES:
        alike = counted.str.contains(pattern)
        if alike.sum() >= MIN_ALIKE * len(counted):
            return advice.format(quote(counted.filter(alike)[0]))

    if looks := find_digit_dates(counted) or find_clock_times(counted):
        return looks
    if _are_ranges(counted):
        return _RANGES.format(quote(counted[0])) if takes_several else ""

    return _match_notations(counted, takes_several=takes_several) or _describe_shape(
        counted, takes_several=takes_several
    )


def _are_genotypes(counted: pl.Series) -> bool:
    """Tells whether texts are pairs of the same few numbers, the smaller one first, as 1/1, 1/2 and 2/2.

    Nobody writes fractions or days so: most numbers are there as a pair of themselves.
    """
    different = counted.unique()
    parts = different.str.extract_groups(_PAIR).struct.unnest().cast(pl.Int32)
    first, second = parts.get_columns()
    if first.has_nulls() or not ((first <= second).all() or (first >= second).all()):
        return False

    n_equal, n_parts = int((first == second).sum()), first.append(second).n_unique()
    return n_equal >= MIN_EQUAL_PAIRS and 2 * n_equal > n_parts


def find_marks(known: pl.Series) -> str:
    """Returns what is wrong with numbers of which some have a unit or a mark, and others are missing, else nothing."""
    counted = known.filter(~known.str.contains(MISSING_AMONG_NUMBERS))
    marked = counted.filter(~counted.str.contains(NUMBER))
    if not len(marked) or not marked.str.contains(_MARKS).all():
        return ""
    return _UNIT.format(quote(_shorten(marked[0])))


def _match_notations(counted: pl.Series, *, takes_several: bool) -> str:
    """Returns what most texts look like by a pattern, where the others are numbers."""
    numbers = counted.str.contains(NUMBER)
    bracketed = counted.str.contains(_BRACKETED)
    if numbers.any() and bracketed.any() and (numbers | bracketed).all():
        return _BRACKETS.format(quote(counted.filter(bracketed)[0]))
    behind = counted.str.contains(_MINUS_BEHIND)
    if numbers.any() and behind.any() and (numbers | behind).all():
        return _SIGN_BEHIND.format(quote(counted.filter(behind)[0]))
    if not takes_several and counted.str.contains(_PAIRS).all():
        return ""
    for pattern, advice in _NOTATIONS:
        if advice == _EACH_ALONE and not takes_several:
            continue

        alike = counted.str.contains(pattern) & ~numbers
        n_fitting = int((alike | numbers).sum())
        if alike.sum() >= MIN_HALF * len(counted) and n_fitting >= MIN_ALIKE * len(
            counted
        ):
            several = _describe_units(counted.filter(alike)) if advice == _UNIT else ""
            limits = counted.filter(alike & counted.str.contains(_LIMIT))
            example = (limits if len(limits) else counted.filter(alike))[0]
            return several or advice.format(quote(_shorten(example)))

    return ""


def _describe_units(texts: pl.Series) -> str:
    """Returns what is wrong with numbers that have several units, of which each has several, else nothing."""
    units = texts.str.extract(_UNIT_BEHIND).str.to_lowercase()
    counted = units.drop_nulls().value_counts()
    counts = counted.sort("count", texts.name, descending=[True, False])
    often = counts.filter(counts["count"] >= MIN_PART_ROWS)[texts.name].to_list()
    examples = [
        quote(_shorten(texts.filter((units == unit).fill_null(value=False))[0]))
        for unit in often[:MAX_UNIT_EXAMPLES]
    ]
    if len(examples) < MAX_UNIT_EXAMPLES:
        return ""
    advice = _DIRECTIONS if set(often) <= {*"nsewo"} else _UNITS
    return advice.format(" and ".join(examples))


def find_lists(known: pl.Series) -> str:
    """Returns what texts look like that are lists of a few parts, as 'Comedy|War', each in several rows; else nothing.

    The parts are fewer than the lists are, so that a column for each of them says more of a row.
    """
    if known.dtype != pl.String:
        return ""

    counts = Counter(known.to_list())
    n_rows = sum(counts.values())
    for separator in _LIST_SEPARATORS:
        lists = {
            text: [part.strip() for part in text.split(separator)] for text in counts
        }
        n_listed = sum(counts[text] for text, parts in lists.items() if len(parts) > 1)
        if n_listed < max(MIN_LISTED * n_rows, 1):
            continue

        rows_of: Counter[str] = Counter()
        for text, parts in lists.items():
            rows_of.update(dict.fromkeys(parts, counts[text]))
        most = min(MAX_PARTS, len(counts) - 1, n_rows // MIN_PART_ROWS)
        if not 2 <= len(rows_of) <= most or not _are_words(rows_of):
            continue
        if all(len(parts) == len(set(parts)) for parts in lists.values()):
            longest = max(counts, key=lambda text: (len(lists[text]), text))
            advice = (
                _LIST_AS_TEXT.format(shlex.quote(known.name))
                if len(rows_of) >= MIN_TERMS
                else _LIST_AS_COLUMNS
            )
            return _LISTS.format(quote(_shorten(longest)), len(rows_of), advice)

    return ""


def _are_words(parts: Collection[str]) -> bool:
    """Tells whether parts are short texts with a letter, none of them empty."""
    return all(
        0 < len(part) <= MAX_PART_CHARS and re.search(r"[^\W\d_]", part)
        for part in parts
    )


def _are_ranges(counted: pl.Series) -> bool:
    """Tells whether texts are two numbers each, of which the second is the larger one."""
    ends = counted.str.extract_groups(_RANGE).struct.unnest()
    low, high = (
        ends.to_series(at).str.replace(",", ".").cast(pl.Float64) for at in (0, 1)
    )
    return int((low < high).sum()) >= MIN_ALIKE * len(counted)


def _describe_shape(counted: pl.Series, *, takes_several: bool) -> str:
    """Returns what texts look like that begin with a number and are alike but for their numbers, else nothing."""
    shapes = counted.str.replace_all(_ANY_NUMBER, "#")
    (shape,) = shapes.mode().sort().head(1)
    alike = shapes == shape
    begins = re.match(r"[^\w]*#", shape) is not None
    if not begins or shape == "#" or alike.sum() < MIN_ALIKE * len(counted):
        return ""

    has_several = shape.count("#") > 1
    if has_several and not takes_several:
        return ""

    advice = _EACH_ALONE if has_several else _UNIT
    return advice.format(quote(_shorten(counted.filter(alike)[0])))


def quote(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_CHARS else f"{text[:MAX_CHARS]}..."
