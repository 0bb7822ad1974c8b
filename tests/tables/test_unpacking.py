"""Archives are unpacked as systems write them, and what is no table is called by its name."""

from __future__ import annotations

import bz2
import gzip
import io
import pickle
import zipfile

import pytest

from tables.unpacking import NoTextError, unpack

TABLE = b"a,b\n1,2\n"


def pack_zip(*names: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Returns an archive with the table under the first name and something else under the others."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name in names:
            archive.writestr(name, TABLE if name == names[0] else b"x")

    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(TABLE),
        bz2.compress(TABLE),
        pack_zip("folder/my.csv"),
        pack_zip("my.csv", "__MACOSX/._my.csv", ".DS_Store"),
        pack_zip("my.csv", "README.txt", "licence.pdf"),
        pack_zip("my.TSV", "notes"),
        pack_zip("my.csv", method=zipfile.ZIP_LZMA),
        TABLE,
    ],
)
def test_the_one_table_is_unpacked(content: bytes) -> None:
    """Files that Finder, Explorer and people lay beside a table are passed over."""
    assert unpack("my", content, 100) == TABLE


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (
            pack_zip("a.csv", "b.csv"),
            "expected one CSV in the zip archive, got 2 files",
        ),
        (pack_zip("mimetype", "content.xml"), "a sheet of LibreOffice"),
        (pack_zip("xl/workbook.xml"), "an Excel workbook"),
        (pack_zip("my.csv")[:60], "a zip archive that is broken"),
        (gzip.compress(TABLE)[:-9], "a gzip file that is broken"),
        (gzip.compress(b"my.csv".ljust(257, b"\0") + b"ustar"), "a tar archive"),
        (gzip.compress(b"PAR1"), "Parquet that is packed"),
        (b"BZh9", "a bzip2 file that is broken"),
        (b"\xfd7zXZ\0", "an xz file: unpack it"),
        (b"\xef\xbb\xbf <!DOCTYPE html>\n", "HTML or XML"),
        (b"<?xml version='1.0'?>", "HTML or XML"),
        (b'[\n {"a": 1}]', "JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "JSON"),
        (pickle.dumps([1]), "a pickle of Python"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"%PDF-1.7", "a PDF"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(content: bytes, kind: str) -> None:
    """The error says what came, so that nobody looks for a fault in a table that is none."""
    with pytest.raises(NoTextError, match=kind):
        unpack("my", content, 1000)


def test_what_unpacks_to_more_than_the_limit_is_refused() -> None:
    """Each way of packing has the same limit of bytes."""
    for content in (gzip.compress(TABLE), bz2.compress(TABLE), pack_zip("my.csv")):
        with pytest.raises(NoTextError, match="expected at most 7 bytes of CSV"):
            unpack("my", content, 7)
