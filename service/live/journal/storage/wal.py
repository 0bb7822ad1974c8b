"""SQLite's write-ahead log is held here against its index, which all of SQLite's processes share.

Both formats are documented (https://sqlite.org/walformat.html). SQLite itself trusts the log while it runs, so it does
not notice that somebody else has cut it short or overwritten it.
"""

from __future__ import annotations

import os
import struct
from typing import NamedTuple

INDEX_BYTES = 136
"""Two copies of a header of 48 bytes, and how far checkpoints have come."""
MIN_INDEX_BYTES = 32_768
"""The index grows by so much at a time."""
_HEADER_BYTES = 48
_VERSION = 3007000
_MAX_PAGE_BYTES = 65_536
"""The length of a page has two bytes in the header, which cannot say this one: it stands there as 1."""
_LOG_HEADER_BYTES = 32
_FRAME_HEADER_BYTES = 24
_TRIES = 5


class LogIndex(NamedTuple):
    """A LogIndex is the index of the log: `progress` changes whenever a checkpoint writes into the database file."""

    n_frames: int
    page_bytes: int
    salts: bytes
    checksum: tuple[int, int]
    progress: bytes


def read_index(shm: int) -> LogIndex | None:
    """Reads the index through a file descriptor; it is None while it is being written or made again."""
    for _ in range(_TRIES):
        content = os.pread(shm, INDEX_BYTES, 0)
        header = content[:_HEADER_BYTES]
        if (
            len(content) == INDEX_BYTES
            and header == content[_HEADER_BYTES:][:_HEADER_BYTES]
        ):
            return _parse_index(content)

    return None


def fits(wal: int, index: LogIndex) -> bool:
    """Returns whether the log has the frames that the index lists: the first bytes of it, and the last frame's."""
    if index.n_frames == 0:
        return True

    frame_bytes = _FRAME_HEADER_BYTES + index.page_bytes
    n_bytes = _LOG_HEADER_BYTES + index.n_frames * frame_bytes
    log_header = os.pread(wal, _LOG_HEADER_BYTES, 0)
    frame_header = os.pread(wal, _FRAME_HEADER_BYTES, n_bytes - frame_bytes)

    return (
        os.fstat(wal).st_size >= n_bytes
        and log_header[16:24] == index.salts
        and frame_header[8:16] == index.salts
        and struct.unpack(">2I", frame_header[16:24]) == index.checksum
    )


def _parse_index(content: bytes) -> LogIndex | None:
    # The places are those of the format's description of this header.
    (version,) = struct.unpack_from("=I", content, 0)
    is_made, _, page_size = struct.unpack_from("=BBH", content, 12)
    if version != _VERSION or not is_made:
        return None

    (n_frames,) = struct.unpack_from("=I", content, 16)
    checksum = struct.unpack_from("=2I", content, 24)
    salts = content[32:40]
    n_checkpointed = content[96:100]
    n_attempted = content[128:132]

    return LogIndex(
        n_frames=n_frames,
        page_bytes=_MAX_PAGE_BYTES if page_size == 1 else page_size,
        salts=salts,
        checksum=(checksum[0], checksum[1]),
        progress=salts + n_checkpointed + n_attempted,
    )
