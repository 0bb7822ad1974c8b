"""The bytes of a table's file are unpacked, as one of several ways has packed them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence

from tables.file_formats import EXCEL, NoTextError, name_archive, refuse_others

MAX_XZ_BYTES = 128 * 1024 * 1024
"""The strongest setting of xz takes half of this to unpack."""
MAX_NAMES = 5
_ZIP_START = b"PK\x03\x04"
_ENCRYPTED = 1
"""This bit of a file's flags says that a password is needed."""
_LAID_BESIDE = re.compile(r"(^|/)(\.|__MACOSX/|Thumbs\.db$)")
_TABLE_NAME = re.compile(r"(?i)\.(csv|tsv|tab|txt)$")


def unpack(name: str, content: bytes, max_bytes: int) -> bytes:
    """Returns the text of a file of this name; raises NoTextError, also where it has more than `max_bytes`."""
    for start, (kind, read) in _PACKERS.items():
        if content.startswith(start):
            return _unpack_stream(content, kind, read, max_bytes)
    if content.startswith(_ZIP_START):
        return _unpack_zip(name, content, max_bytes)
    if _is_tar(content):
        return _unpack_tar(content)

    refuse_others(content)

    return content


def refuse_packed(content: bytes) -> None:
    """Raises NoTextError for a file that is packed in any way which `unpack` knows."""
    kinds = {start: kind for start, (kind, _) in _PACKERS.items()}
    kinds[_ZIP_START] = "a zip archive or an Excel workbook"
    kind = next((kinds[each] for each in kinds if content.startswith(each)), "")
    if _is_tar(content):
        kind = "a tar archive"
    if kind:
        raise NoTextError(f"expected CSV, got {kind}: send the table itself")


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
        raise NoTextError(
            f"expected CSV, got {kind} that is broken, as where a download has ended early"
        ) from None

    _check_length(unpacked, max_bytes)
    if _is_tar(unpacked):
        return _unpack_tar(unpacked)

    refuse_others(unpacked)

    return unpacked


def _check_length(unpacked: bytes, max_bytes: int) -> None:
    if len(unpacked) > max_bytes:
        raise NoTextError(f"expected at most {max_bytes:,} bytes of CSV, unpacked")


def _is_tar(content: bytes) -> bool:
    return content[257:262] == b"ustar"


def _unpack_tar(content: bytes) -> bytes:
    """Returns the one table in a tar archive, whose files are no longer than the archive is."""
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            # A sparse file may have more bytes than its archive.
            files = [each for each in archive if each.isreg() and not each.issparse()]
            chosen = _choose_member([each.name for each in files], "tar")
            member = archive.extractfile(
                next(each for each in files if each.name == chosen)
            )
            assert member is not None
            unpacked = member.read()
    except (tarfile.TarError, OSError, EOFError, ValueError):
        raise NoTextError(
            "expected CSV, got a tar archive that is broken, as where a download has ended early"
        ) from None

    refuse_others(unpacked)

    return unpacked


def _unpack_zip(name: str, content: bytes, max_bytes: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            files = [each for each in archive.infolist() if not each.is_dir()]
            member = _choose_member([each.filename for each in files], "zip")
            if archive.getinfo(member).flag_bits & _ENCRYPTED:
                raise NoTextError(
                    "expected CSV, got a zip archive with a password: unpack it"
                )
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
        reason = "expected CSV, got a zip archive that is broken, as where a download has ended early"
        raise NoTextError(EXCEL if is_excel else reason) from None

    _check_length(unpacked, max_bytes)
    refuse_others(unpacked)

    return unpacked


def _choose_member(every: Sequence[str], kind: str) -> str:
    """Returns the one file of an archive, or its one table, without what systems lay beside."""
    if other := name_archive(every):
        raise NoTextError(f"expected CSV or Parquet, got {other}")

    members = [each for each in every if not _LAID_BESIDE.search(each)]
    tables = [each for each in members if _TABLE_NAME.search(each)]
    named = [each for each in tables if not each.lower().endswith(".txt")]
    for found in (members, tables, named):
        if len(found) == 1:
            return found[0]

    names = ", ".join(
        each.rpartition("/")[2] for each in (tables or members)[:MAX_NAMES]
    )
    more = ", ..." if len(tables or members) > MAX_NAMES else ""
    raise NoTextError(
        f"expected one CSV in the {kind} archive, got {len(members)} files"
        + (f": unpack the one that is meant, of {names}{more}" if names else "")
    )
