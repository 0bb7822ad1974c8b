"""The bytes of a table's file are unpacked; what is plainly something else than a text is called by its name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping

EXCEL = "expected CSV or Parquet, got an Excel workbook: save its sheet as CSV UTF-8"
OTHERS: Mapping[bytes, str] = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook: save its sheet as CSV UTF-8",
    b"PAR1": "Parquet that is packed: unpack it",
    b"\x28\xb5\x2f\xfd": "a Zstandard file: unpack it, as with unzstd",
    b"\xfd7zXZ\0": "an xz file that is packed once more: unpack it",
    b"\x1f\x8b": "a gzip file that is packed once more: unpack it",
    b"BZh": "a bzip2 file that is packed once more: unpack it",
    b"PK\x03\x04": "a zip archive or an Excel workbook that is packed once more: unpack it",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it",
    b"Rar!": "a RAR archive: unpack it",
    b"PK\x05\x06": "an empty zip archive",
    b"%PDF": "a PDF",
    b"\x89PNG": "a PNG image",
    b"ARROW1": "Arrow's format (Feather): write Parquet",
    b"\x89HDF": "HDF5: write Parquet",
    b"\x93NUMPY": "an array of numpy: write CSV with names of columns",
    b"SQLite format 3": "an SQLite database: export its table as CSV",
    b"$FL2": "an SPSS file: write CSV",
    b"$FL3": "an SPSS file: write CSV",
    b"<stata_dta>": "a Stata file: write CSV",
    b"RDX2": "data of R: write CSV, as with write.csv",
    b"RDX3": "data of R: write CSV, as with write.csv",
    b"X\n\0\0\0": "data of R: write CSV, as with write.csv",
    b"version https://git-lfs": "a pointer of Git LFS and not the file itself: git lfs pull fetches it",
}
MAX_XZ_BYTES = 128 * 1024 * 1024
"""The strongest setting of xz takes half of this to unpack."""
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x8a\x95\x7d\x63]")
_MARKUP = re.compile(
    rb"<(!doctype|html|head|body|table|\?xml|!--)|<([A-Za-z][\w:.-]*)(\s[^<>]*)?>\s*<[A-Za-z]",
    re.IGNORECASE,
)
_JSON = re.compile(rb"\{|\[\s*[\[{]")
_SQL = re.compile(
    rb"(--[^\n]*\n|/\*.*?\*/;?|\s)*((create|drop)\s+(table|database|schema)\b|insert\s+into\s|set\s+\w+\s*=|"
    rb"begin(\s+transaction)?\s*;\s*\n|pragma\s+\w+\s*=|lock\s+tables\s)",
    re.IGNORECASE | re.DOTALL,
)
_ARFF = re.compile(rb"(%[^\n]*\n|\s)*@relation\s", re.IGNORECASE)
_DRAWN = re.compile(
    rb"\+-[-+]+\+\s*\n\s*\||\|[^\n]*\|\s*\n\|[\s|:-]*--[\s|:-]*\|\s*\n|[^\n]*\|[^\n]*\n-+\+[-+]*-\s*\n"
)
_LAID_BESIDE = re.compile(r"(^|/)(\.|__MACOSX/|Thumbs\.db$)")
_TABLE_NAME = re.compile(r"(?i)\.(csv|tsv|tab|txt)$")


class NoTextError(Exception):
    """The bytes are no text of a table; the error's text says what was expected and what came."""


def unpack(name: str, content: bytes, max_bytes: int) -> bytes:
    """Returns the text of a file of this name; raises NoTextError, also where it has more than `max_bytes`."""
    for start, (kind, read) in _PACKERS.items():
        if content.startswith(start):
            return _unpack_stream(content, kind, read, max_bytes)
    if content.startswith(b"PK\x03\x04"):
        return _unpack_zip(name, content, max_bytes)

    refuse_others(content)

    return content


def _read_gzip(content: bytes, n_bytes: int) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        return file.read(n_bytes)


def _read_bz2(content: bytes, n_bytes: int) -> bytes:
    with bz2.BZ2File(io.BytesIO(content)) as file:
        return file.read(n_bytes)


def _read_xz(content: bytes, n_bytes: int) -> bytes:
    """Returns so much of all streams of an xz file, none of which may ask for more memory than xz itself takes."""
    unpacked = b""
    while content and len(unpacked) < n_bytes:
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_XZ_BYTES)
        unpacked += stream.decompress(content, n_bytes - len(unpacked))
        if not stream.eof and len(unpacked) < n_bytes:
            raise EOFError
        content = stream.unused_data.lstrip(b"\0")

    return unpacked


_PACKERS: Mapping[bytes, tuple[str, Callable[[bytes, int], bytes]]] = {
    b"\x1f\x8b": ("a gzip file", _read_gzip),
    b"BZh": ("a bzip2 file", _read_bz2),
    b"\xfd7zXZ\0": ("an xz file", _read_xz),
}


def _unpack_stream(
    content: bytes, kind: str, read: Callable[[bytes, int], bytes], max_bytes: int
) -> bytes:
    try:
        unpacked = read(content, max_bytes + 1)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        raise NoTextError(f"expected CSV, got {kind} that is broken") from None

    if unpacked[257:262] == b"ustar":
        raise NoTextError(
            f"expected CSV, got {kind} with a tar archive in it: unpack it"
        )

    return _check_unpacked(unpacked, max_bytes)


def _check_unpacked(unpacked: bytes, max_bytes: int) -> bytes:
    if len(unpacked) > max_bytes:
        raise NoTextError(f"expected at most {max_bytes:,} bytes of CSV, unpacked")

    refuse_others(unpacked)

    return unpacked


def _unpack_zip(name: str, content: bytes, max_bytes: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            member = _choose_member(archive)
            with archive.open(member) as file:
                unpacked = file.read(max_bytes + 1)
    except (
        zipfile.BadZipFile,
        OSError,
        EOFError,
        zlib.error,
        RuntimeError,
        lzma.LZMAError,
    ):
        is_excel = name.lower().endswith((".xlsx", ".xlsm"))
        reason = "expected CSV, got a zip archive that is broken"
        raise NoTextError(EXCEL if is_excel else reason) from None

    return _check_unpacked(unpacked, max_bytes)


def _choose_member(archive: zipfile.ZipFile) -> str:
    """Returns the one file of an archive, or its one table, without what systems lay beside."""
    every = [each.filename for each in archive.infolist() if not each.is_dir()]
    if any(each.startswith("xl/") for each in every):
        raise NoTextError(EXCEL)
    if "content.xml" in every and "mimetype" in every:
        raise NoTextError(
            "expected CSV or Parquet, got a sheet of LibreOffice: save it as CSV UTF-8"
        )

    members = [each for each in every if not _LAID_BESIDE.search(each)]
    tables = [each for each in members if _TABLE_NAME.search(each)]
    named = [each for each in tables if not each.lower().endswith(".txt")]
    for found in (members, tables, named):
        if len(found) == 1:
            return found[0]

    raise NoTextError(f"expected one CSV in the zip archive, got {len(members)} files")


def refuse_others(content: bytes) -> None:
    """Raises NoTextError for what its first bytes show to be something else."""
    start = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    kind = next((kind for each, kind in OTHERS.items() if start.startswith(each)), None)
    if kind is None and _PICKLE.match(start):
        kind = "a pickle of Python, which is never opened: write CSV or Parquet"
    if kind is None and _MARKUP.match(start):
        kind = "HTML or XML: fetch the file itself, or save its table as CSV UTF-8"
    if kind is None and _JSON.match(start):
        kind = "JSON"
    if kind is None and _SQL.match(start):
        kind = "SQL: load it into its database, and export the table as CSV"
    if kind is None and _ARFF.match(start):
        kind = "Weka's ARFF: save it as CSV"
    if kind is None and _DRAWN.match(start):
        kind = "a table drawn with lines, as a database or Markdown shows it: export it as CSV"

    if kind is not None:
        raise NoTextError(f"expected CSV or Parquet, got {kind}")
