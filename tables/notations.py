"""Missing values, numbers and booleans have patterns as programs write them in tables, for Rust and Python."""

from __future__ import annotations

SPREADSHEET_ERRORS = (
    *("#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!", "#ERROR!", "#SPILL!"),
    *("#¡DIV/0!", "#¡VALOR!", "#¡REF!", "#¿NOMBRE?", "#¡NUM!", "#¡NULO!", "#VALOR!"),
    *("#WERT!", "#BEZUG!", "#ZAHL!", "#NV", "#VALEUR!", "#NOM?", "#NOMBRE!", "#NUL!"),
    *("#VALORE!", "#RIF!", "#NOME?", "#NÚM!", "#NULO!", "#CALC!"),
)
"""Excel and others write these where a formula has no value, in the language of their user."""
MISSING = (
    "",
    "#N/A",
    "#N/A N/A",
    "#NA",
    "-1.#IND",
    "-1.#QNAN",
    "-NaN",
    "-nan",
    "1.#IND",
    "1.#QNAN",
    "<NA>",
    "N/A",
    "NA",
    "NULL",
    "NaN",
    "None",
    "n/a",
    "nan",
    "null",
    "na",
    "?",
    "#N/D",
    "NaT",
    "NAN",
    r"\N",
    "(null)",
    "<null>",
    "[null]",
    "(NULL)",
    "<NULL>",
    "[NULL]",
    *SPREADSHEET_ERRORS,
)
"""Those of pandas, and a few that other programs write, are missing values in every column."""
MISSING_AMONG_NUMBERS = (
    r"(?i)^(-+|–|—|: ?[a-z]{0,2}|\.+|…|\*+|#+|\?+|_+|''|n\.?[ads]\.?|n/[ad]|s/d|s\.\s?d\.|k\.\s?a\.|@?na(\(\))?|"
    r"nan|nil|null|none|missing|unknown|undefined|tbd|not available|no data|\(blank\)|&nbsp;|sin datos?|"
    r"desconocid[oa]|unbekannt|keine angabe|inconnue?|#(div/0|value|ref|name|num|null)[!?]?)$"
)
"""These are missing values where all else in a column is a number, and texts elsewhere."""

SPREADSHEET_TEXT = r'^="(.*)"$'
"""People write ="01234" so that Excel keeps a code as it is."""
NUMBER_END = r"([eE][+-]?\d+)?$"
INTEGER = r"^[+-]?\d+$"
LEADING_ZERO = r"^0\d+$"
EXPONENT_CODE = r"^\d{2,}[eE]\d+$"
"""Programs write 1.2e+04, with one digit ahead of the point, and no 12E3, which is a code as often as a number."""
NETWORK_ADDRESS = r"^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)$"
TELEPHONE = r"^(\+\d[\d \u00a0]{7,14}\d|\d{3}[ \u00a0]\d{3}[ \u00a0]\d{3})$"
MIN_TELEPHONES = 5
"""So many different ones, and nothing else, are telephones rather than numbers that happen to have nine digits."""
POINT = rf"^[+-]?(\d+\.?\d*|\.\d+){NUMBER_END}"
COMMA = rf"^[+-]?(\d+,\d*|,\d+){NUMBER_END}"
POINT_GROUPS = r"^[+-]?[1-9]\d{0,2}(\.\d{3})+$"
COMMA_GROUPS = r"^[+-]?[1-9]\d{0,2}(,\d{3})+$"
MORE_POINTS = r"^[+-]?[1-9]\d{0,2}(\.\d{3}){2,}$|^[+-]?[1-9]\d{0,2}(\.\d{3})+,\d+$"
MORE_COMMAS = (
    r"^[+-]?[1-9]\d{0,2}(,\d{3}){2,}$|^[+-]?[1-9]\d{0,2}(,\d{3})+\.\d+$|"
    r"^[+-]?[1-9]\d?(,\d{2})+,\d{3}(\.\d+)?$"
)
"""The last of these is how India writes lakhs and crores."""
NUMBER = "|".join((POINT, COMMA, MORE_POINTS, MORE_COMMAS))
INFINITE = r"(?i)^[+-]?inf(inity)?$"
YES_AND_NO = (
    "yes",
    "no",
    "y",
    "n",
    "t",
    "f",
    "si",
    "sí",
    "s",
    "on",
    "off",
    "oui",
    "non",
    "ja",
    "nein",
    "sim",
    "não",
    "wahr",
    "falsch",
    "vrai",
    "faux",
    "vero",
    "falso",
    "verdadero",
    "verdadeiro",
)
CURRENCY = (
    r"(?:(?:R|US|AU|A|CA|C|NZ|HK|NT|MX|S)?\$|[€£¥₹₽₩₺₪₫₴₦฿₱₲₵₡]|Rs\.?|zł|Kč|kr\.?|[Ee]uros?|[Ee]ur|[Uu]sd|"
    r"EUR|USD|GBP|CHF|JPY|CAD|AUD|MXN|BRL|CNY|INR|SEK|NOK|DKK|PLN|CZK|ARS|CLP|COP|PEN|ZAR|TRY)"
)
CURRENCIES = {
    "€": "eur",
    "euro": "eur",
    "euros": "eur",
    "$": "usd",
    "us$": "usd",
    "£": "gbp",
    "¥": "jpy",
    "r$": "brl",
    "₹": "inr",
    "rs": "inr",
    "rs.": "inr",
    "zł": "pln",
    "kč": "czk",
    "kr.": "kr",
    "sek": "kr",
    "nok": "kr",
    "dkk": "kr",
    "a$": "aud",
    "au$": "aud",
    "c$": "cad",
    "ca$": "cad",
    "mx$": "mxn",
    "₺": "try",
}
"""Signs and names of a currency, in small letters, are its code."""
THOUSANDS_SPACES = " '’\u00a0\u202f\u2007\u2009"
_AMOUNT = r"\d[\d.,]*[.,]\d{2}"
ACCOUNTING = rf"^\(({CURRENCY}?\s*{_AMOUNT}|{CURRENCY}\s*\d[\d.,]*|[1-9]\d{{0,2}}(?:,\d{{3}})+)\)$"
"""Accountants write (12.50) for -12.50; without decimals, currency or thousands it may be a label."""
MINUS_BEHIND = rf"^({_AMOUNT})-$"
"""SAP writes 12.50- for -12.50; without decimals it may be a mark of a school."""
NO_CENTS = r"^([+-]?\d[\d.,'’]*)[.,][-–—]{1,2}$"
"""Shops write 12,- and 12.— for an amount without cents."""
UNSEEN_AROUND = "\x1a\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2060\ufeff"
"""Copied numbers may have these characters, which nobody sees, around them, as the mark of DOS for a file's end."""
