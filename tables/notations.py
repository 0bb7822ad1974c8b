"""Missing values, numbers and booleans have patterns as programs write them in tables, for Rust and Python."""

from __future__ import annotations

MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
    *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    *("na", "?", "#N/D", "NaT"),
)
"""Those of pandas, and a few that other programs write, are missing values in every column."""
MISSING_AMONG_NUMBERS = (
    r"(?i)^(-+|–|—|\.+|\*+|#+|n\.?[ads]\.?|n/d|s/d|missing|unknown|none|"
    r"#(div/0|value|ref|name|num|null)[!?]?)$"
)
"""These are missing values where all else in a column is a number, and texts elsewhere."""

NUMBER_END = r"([eE][+-]?\d+)?$"
INTEGER = r"^[+-]?\d+$"
POINT = rf"^[+-]?(\d+\.?\d*|\.\d+){NUMBER_END}"
COMMA = rf"^[+-]?(\d+,\d*|,\d+){NUMBER_END}"
POINT_GROUPS = r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$"
COMMA_GROUPS = r"^[+-]?[1-9]\d{0,2}(,\d{3})+$"
MORE_POINTS = r"^[+-]?[1-9]\d{0,2}(\.\d{3}){2,}$|^[+-]?[1-9]\d{0,2}(\.\d{3})+,\d+$"
MORE_COMMAS = r"^[+-]?[1-9]\d{0,2}(,\d{3}){2,}$|^[+-]?[1-9]\d{0,2}(,\d{3})+\.\d+$"
NUMBER = "|".join((POINT, COMMA, MORE_POINTS, MORE_COMMAS))
INFINITE = r"(?i)^[+-]?inf(inity)?$"
YES_AND_NO = (
    *("yes", "no", "y", "n", "t", "f", "si", "sí", "s", "on", "off", "oui", "non"),
    *("ja", "nein", "sim", "não", "wahr", "falsch", "vrai", "faux", "vero", "falso"),
    *("verdadero", "verdadeiro"),
)
CURRENCY = r"(?:[€$£¥]|EUR|USD|GBP|CHF|JPY|CAD|AUD|MXN|BRL|CNY|INR)"
ACCOUNTING = rf"^\(({CURRENCY}?\s*\d[\d.,]*[.,]\d{{2}})\)$"
"""Accountants write (12.50) for -12.50; without two decimals it may be a label."""
