"""A problem says why the journal's file cannot be used: for now, or until the service is started again."""

from __future__ import annotations

import sqlite3


class JournalUnusable(Exception):
    """The file cannot be used now, and is tried again; the text is for clients and has no path."""


class JournalLost(JournalUnusable):
    """The file is not used any more before the service is started again, since that would lose or mix what it has."""


class WrongFile(JournalLost):
    """The setting names a file that has never been a journal."""


def explain(error: sqlite3.Error | OSError) -> JournalUnusable:
    """Returns the problem behind an error: a damaged file is lost, anything else may pass."""
    if isinstance(error, OSError):
        return JournalUnusable(
            f"the journal's file cannot be looked at: {error.strerror}"
        )

    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return JournalLost(f"the journal's file is damaged: {error}")
    return JournalUnusable(str(error))
