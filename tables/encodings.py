"""The bytes of a table become text by its encoding; what had to be assumed of it can be told."""

from __future__ import annotations

import codecs
import re

from tables.file_formats import NoTextError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_MAX_CHARS = 100_000
_MAX_WORD, _MAX_LINE = 20, 1000
_N_LOOKED_AT, _MIN_NULL_SHARE = 1000, 0.3
_N_WORDS = 4
_FOREIGN_WORD = re.compile(
    r"[^\s,;|\"\x00-\x1f]{0,20}[^\x00-\x7f][^\s,;|\"\x00-\x1f]{0,20}"
)
_TWICE_ENCODED = re.compile(r"\w{0,20}(?:[ÃÂ][\u0080-\u00bf]|â€)[\w™œ]{0,20}")
_MARK = "\ufeff"
_OPEN_BYTES = b"\x81\x8d\x8f\x90\x9d"
_ISO_2022 = (b"\x1b$B", b"\x1b$@", b"\x1b$)", b"\x1b$A", b"\x1b$(")
_AS_CP1252 = "as_cp1252"
_CP1252 = {
    each: bytes([each]).decode("latin-1" if each in _OPEN_BYTES else "cp1252")
    for each in range(0x80, 0x100)
}
_N_DECODED = 4096
_UTF8 = re.compile(
    "((?:[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|"
    "\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|"
    "\xf4[\x80-\x8f][\x80-\xbf]{2})+)"
)
"""Characters beyond ASCII in UTF-8, each byte as the character of its number."""


def decode(content: bytes) -> str:
    """Decodes UTF-8, UTF-16 and UTF-32 by their marks, and cp1252, which Excel writes, where it is no UTF-8.

    It raises NoTextError where bytes are 0.
    """
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return content.decode("utf-32", errors="replace")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")

    refuse_escapes(content)
    at = content.find(b"\0")
    if at >= 0:
        start = content[:_N_LOOKED_AT]
        n_nulls = start.count(0)
        is_alternate = n_nulls in (start[::2].count(0), start[1::2].count(0))
        is_utf16 = is_alternate and n_nulls >= _MIN_NULL_SHARE * len(start)
        hint = ": is it UTF-16 without its mark? Save it as UTF-8" if is_utf16 else ""
        raise NoTextError(
            f"expected CSV in UTF-8, got bytes that are not, at {at}{hint}"
        )

    return decode_bytes(content)


def refuse_escapes(content: bytes) -> None:
    """Raises NoTextError for encodings of seven bits, whose letters would be read as others."""
    if any(each in content for each in _ISO_2022):
        raise NoTextError(
            "expected CSV in UTF-8, got ISO-2022, as mails in Japanese, Korean or Chinese have it: save it as UTF-8"
        )


def decode_bytes(content: bytes) -> str:
    """Returns the text of bytes in UTF-8; those that are none are cp1252, as in files that grew in several programs."""
    return content.decode("utf-8", errors=_AS_CP1252).lstrip(_MARK)


def _decode_cp1252(error: UnicodeError) -> tuple[str, int]:
    """Returns the text of some bytes from an error on, and where they end; what is UTF-8 among them stays that.

    Bytes that cp1252 leaves open keep their number. One error at a time would take a microsecond for each.
    """
    assert isinstance(error, UnicodeDecodeError)
    end = _find_end(error.object, error.start + _N_DECODED)
    pieces = _UTF8.split(error.object[error.start : end].decode("latin-1"))
    pieces[::2] = [each.translate(_CP1252) for each in pieces[::2]]
    pieces[1::2] = [each.encode("latin-1").decode() for each in pieces[1::2]]

    return "".join(pieces), end


def _find_end(content: bytes, end: int) -> int:
    """Returns an end near this one that is within no character of UTF-8, which have at most four bytes."""
    if end >= len(content):
        return len(content)
    around = range(end, end - 4, -1)
    return next((at for at in around if content[at] & 0xC0 != 0x80), end)


codecs.register_error(_AS_CP1252, _decode_cp1252)


def describe_encoding(content: bytes, text: str) -> list[str]:
    """Returns a sentence where bytes are no UTF-8, or are such twice over, with words by which a person can tell."""
    if content.isascii() or content.startswith(_UTF16):
        return []
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.rfind(b"\n", 0, error.start) + 1
        start = max(line, error.start - _MAX_LINE)
        around = decode_bytes(content[start : start + _MAX_CHARS])
        return [
            "what is no UTF-8 in it was read as Windows-1252, the encoding of Western Europe, as "
            f"{_show_words(_FOREIGN_WORD, around)}: save the file as UTF-8 if it does not say that"
        ]

    found = [at for each in "ÃÂâ" if (at := text.find(each)) >= 0]
    start = max(0, min(found, default=len(text)) - _MAX_WORD)
    words = _show_words(_TWICE_ENCODED, text[start : start + _MAX_CHARS])
    return (
        [
            f"it was UTF-8, was read as another encoding and saved again, as {words} show: save it anew from where it "
            "came"
        ]
        if words
        else []
    )


def _show_words(pattern: re.Pattern[str], text: str) -> str:
    return ", ".join(map(repr, list(dict.fromkeys(pattern.findall(text)))[:_N_WORDS]))
