"""Archives are unpacked as systems write them, and what is no table is called by its name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile

import pytest

from tables.file_formats import NoTextError
from tables.unpacking import unpack

TABLE = b"a,b\n1,2\n"


def pack_zip(*names: str, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Returns an archive with the table under the first name and something else under the others."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name in names:
            archive.writestr(name, TABLE if name == names[0] else b"x")

    return packed.getvalue()


def lock(archive: bytes) -> bytes:
    """Returns a zip archive of one file that says that it needs a password."""
    flags, directory = 6, archive.index(b"PK\x01\x02") + 8
    locked = bytearray(archive)
    locked[flags] |= 1
    locked[directory] |= 1

    return bytes(locked)


def pack_tar(*names: str) -> bytes:
    """Returns an archive with the table under the first name and something else under the others."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in names:
            content = TABLE if name == names[0] else b"x"
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))

    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pack_tar("my.csv"),
        gzip.compress(pack_tar("folder/my.csv", "folder/._my.csv", "README")),
        gzip.compress(TABLE),
        bz2.compress(TABLE),
        lzma.compress(TABLE),
        lzma.compress(TABLE[:4]) + lzma.compress(TABLE[4:]),
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
    assert unpack("my", content, 100_000) == TABLE


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (
            pack_zip("a.csv", "b.csv"),
            "expected one CSV in the zip archive, got 2 files",
        ),
        (lock(pack_zip("my.csv")), "a zip archive with a password: unpack it"),
        (pack_zip("mimetype", "content.xml"), "a sheet of LibreOffice"),
        (pack_zip("xl/workbook.xml"), "an Excel workbook"),
        (pack_zip("my.csv")[:60], "a zip archive that is broken"),
        (gzip.compress(TABLE)[:-9], "a gzip file that is broken"),
        (pack_tar("a.csv", "b.csv"), "one CSV in the tar archive, .* of a.csv, b.csv$"),
        (pack_tar("my.csv")[:520], "a tar archive that is broken"),
        (bz2.compress(pack_tar("my.csv")[:520]), "a tar archive that is broken"),
        (gzip.compress(b"my.csv".ljust(257, b"\0") + b"ustar"), "a tar archive"),
        (gzip.compress(b"PAR1"), "Parquet that is packed"),
        (b"BZh9", "a bzip2 file that is broken"),
        (b"\xfd7zXZ\0", "an xz file that is broken"),
        (lzma.compress(TABLE)[:-20], "an xz file that is broken"),
        (gzip.compress(gzip.compress(TABLE)), "a gzip file that is packed once more"),
        (gzip.compress(pack_zip("my.csv")), "a zip archive or an Excel workbook that"),
        (b"<rows><row a='1'/></rows>", "HTML or XML"),
        (b"\xef\xbb\xbf <!DOCTYPE html>\n", "HTML or XML"),
        (b"<?xml version='1.0'?>", "HTML or XML"),
        (b'[\n {"a": 1}]', "JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "JSON"),
        (pickle.dumps([1]), "a pickle of Python"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"%PDF-1.7", "a PDF"),
        (b"-- MySQL dump\n/*!40101 SET x */;\nDROP TABLE IF EXISTS t;\n", "SQL"),
        (b"PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n", "SQL"),
        (b"INSERT INTO `t` (a, b) VALUES\n(1,2)", "SQL"),
        (b"% iris\n@RELATION iris\n", "Weka's ARFF"),
        (b"+---+---+\n| a | b |\n+---+---+\n", "a table drawn with lines"),
        (b" a | b \n---+---\n 1 | 2 \n", "a table drawn with lines"),
        (b"| a | b |\n|---|:--|\n| 1 | 2 |\n", "a table drawn with lines"),
        (b"$FL2@(#) SPSS", "an SPSS file"),
        (gzip.compress(b"RDX3\nX\n"), "data of R"),
    ],
)
def test_what_is_no_table_is_called_by_its_name(content: bytes, kind: str) -> None:
    """The error says what came, so that nobody looks for a fault in a table that is none."""
    with pytest.raises(NoTextError, match=kind):
        unpack("my", content, 100_000)


@pytest.mark.parametrize(
    "content",
    [
        b"set,use\n1,2\n",
        b"Set size (n);y\n1;2\n",
        b"begin;end\n1;2\n",
        b"insert (mm),drop\n1,2\n",
        b"create,table\n1,2\n",
        b"|a|b|\n|-|-|\n|1|2|\n",
        b"a|b\n---|---\n1|2\n",
    ],
)
def test_names_of_columns_are_no_language(content: bytes) -> None:
    """A table whose names are words of SQL, or whose first row has gaps, is a table."""
    assert unpack("my", content, 1000) == content


def test_what_unpacks_to_more_than_the_limit_is_refused() -> None:
    """Each way of packing has the same limit of bytes."""
    for content in (gzip.compress(TABLE), bz2.compress(TABLE), pack_zip("my.csv")):
        with pytest.raises(NoTextError, match="expected at most 7 bytes of CSV"):
            unpack("my", content, 7)
