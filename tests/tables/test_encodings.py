"""A guess at a file's encoding is told with words of it, so that a person sees what became of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables import encodings
from tables.block_cutting import cut_table
from tables.csv_text import UnreadableTableError, read_csv_text

CITIES = "ciudad,n\nMálaga,1\nCádiz,2\n"


@pytest.mark.parametrize(
    ("encoding", "cities", "shown"),
    [
        ("cp1252", "Málaga,León", "'Málaga', 'León'"),
        ("mac-roman", "Málaga,León", "'M‡laga', 'Le—n'"),
        ("cp1250", "Łódź,Gdańsk", "'£ódŸ', 'Gdañsk'"),
        ("cp1251", "Москва,Омск", "'Ìîñêâà', 'Îìñê'"),
    ],
)
def test_an_encoding_that_was_assumed_is_said(
    encoding: str, cities: str, shown: str
) -> None:
    """Bytes that are no UTF-8 become those of Western Europe, which their words show to be right or wrong."""
    text = read_csv_text("my.csv", f"a,b\n{cities}\n".encode(encoding))
    assert text.notes == [
        "what is no UTF-8 in it was read as Windows-1252, the encoding of Western Europe, as "
        f"{shown}: save the file as UTF-8 if it does not say that"
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_nothing_is_said_of_an_encoding_that_was_told(encoding: str) -> None:
    """UTF-8, and what bears a mark, needs no guess."""
    assert read_csv_text("my.csv", CITIES.encode(encoding)).notes == []


def test_the_words_are_those_that_are_no_utf8() -> None:
    """A line that another program appended is shown, and not the lines ahead of it."""
    text = read_csv_text("my.csv", CITIES.encode() + "León,3\n".encode("cp1252"))
    (note,) = text.notes
    assert "as 'León': save" in note


def test_text_that_was_encoded_twice_is_said() -> None:
    """UTF-8 that a program took for another encoding and wrote as UTF-8 is named; words of French are not."""
    twice = CITIES.encode().decode("cp1252").encode()
    assert read_csv_text("my.csv", twice).notes == [
        "it was UTF-8, was read as another encoding and saved again, as 'MÃ¡laga', 'CÃ¡diz' show: save it anew from "
        "where it came"
    ]
    assert read_csv_text("my.csv", "a,b\nchâteau,Âge\n".encode()).notes == []


def test_utf16_without_its_mark_is_suspected() -> None:
    """A file whose every second byte is 0 gets a hint, and one with a single such byte gets none."""
    with pytest.raises(UnreadableTableError, match="is it UTF-16 without its mark"):
        read_csv_text("my.csv", CITIES.encode("utf-16-le"))
    with pytest.raises(UnreadableTableError, match=r"that are not, at 4$"):
        read_csv_text("my.csv", b"a,b\n\0,1\n")


@pytest.mark.parametrize("encoding", ["iso2022_jp", "iso2022_kr", "iso2022_jp_2"])
def test_an_encoding_of_seven_bits_is_refused(encoding: str, tmp_path: Path) -> None:
    """Its letters are pairs of signs of ASCII, which were read as such in silence; a block is refused as a table is."""
    word = "한글" if encoding.endswith("kr") else "赤い"
    content = f"a,b\n{word},1\n".encode(encoding)
    with pytest.raises(UnreadableTableError, match="got ISO-2022, as mails in Jap"):
        read_csv_text("my.csv", content)

    path = tmp_path / "my.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableTableError, match="got ISO-2022, as mails in Jap"):
        cut_table(path, block_bytes=1000)


PIECES = (
    *(b"a", b",", b"\n", b"\xe9", b"\x80", b"\x81", b"\xc3", b"\xff", b"\xc0\x80"),
    *(each.encode() for each in ("é", "日", "\U0001f600", "\u00e9\u20ac")),
    *(b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"),
)


def decode_by_byte(content: bytes) -> str:
    """Returns UTF-8 where bytes are some, and one character for each other byte."""
    text = ""
    at = 0
    while at < len(content):
        for n_bytes in (1, 2, 3, 4):
            try:
                text += content[at : at + n_bytes].decode()
            except UnicodeDecodeError:
                continue
            at += n_bytes
            break
        else:
            text += content[at : at + 1].decode("cp1252", errors="replace")
            at += 1
    return text


@given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join), st.integers(4, 9))
def test_bytes_of_both_encodings_are_told_apart_one_by_one(
    content: bytes, n_decoded: int
) -> None:
    """Characters of UTF-8 stay such beside bytes of cp1252, wherever a stretch that is decoded at once ends."""
    expected = decode_by_byte(content).replace("\ufffd", "?")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "_N_DECODED", n_decoded)
        found = encodings.decode_bytes(content)
    plain = "".join("?" if each in "\x81\x8d\x8f\x90\x9d" else each for each in found)
    assert plain == expected
