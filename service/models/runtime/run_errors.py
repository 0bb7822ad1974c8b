"""Errors of onnxruntime are told apart by their texts, since they share no base class."""

from __future__ import annotations

import re

_NO_MEMORY = re.compile(
    r"bad_alloc|allocate memory|out of memory|available memory of", re.IGNORECASE
)
MAX_CHARS = 4000
"""More of a text is not looked at: it may quote a file or a request, and nobody reads so much."""
_FUNCTION = re.compile(
    r"(?<![\w./+-])(?:/[\w.+-]++){2,}+:\d+ (?=[^()]{0,300}::)[^()]{0,400}+"
    r"\((?:[^()]++|\([^()]*+\))*+\)(?: const)? "
)
"""The function of onnxruntime's sources in which an error was raised stands ahead of what is wrong.

Nothing is tried twice (`+` behind a quantifier), since a text may be anyone's.
"""
_PATH = re.compile(r"(?:/[\w.+-]+){2,}")
"""A path of two or more folders, as of the sources on the machine where onnxruntime was built."""


def lacks_memory(error: Exception) -> bool:
    """Returns whether a run ended because it needs more memory than there is."""
    return isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) is not None


def one_line(error: Exception) -> str:
    """Returns the error's text, its first 4,000 characters at most, in one line and without onnxruntime's sources.

    The functions and the paths of these tell nobody what is wrong.
    """
    text = " ".join(str(error)[:MAX_CHARS].split())
    return _PATH.sub("...", _FUNCTION.sub("", text))
