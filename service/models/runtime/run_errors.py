"""Errors of onnxruntime are told apart by their texts, since they share no base class."""

from __future__ import annotations

import re

_NO_MEMORY = re.compile(
    r"bad_alloc|allocate memory|out of memory|available memory of", re.IGNORECASE
)
_FUNCTION = re.compile(
    r"(?:/[\w.+-]+){2,}:\d+ [^()]*::[^()]*\((?:[^()]|\([^()]*\))*\)(?: const)? "
)
"""The function of onnxruntime's sources in which an error was raised stands ahead of what is wrong."""
_PATH = re.compile(r"(?:/[\w.+-]+){2,}")
"""A path of two or more folders, as of the sources on the machine where onnxruntime was built."""


def lacks_memory(error: Exception) -> bool:
    """Returns whether a run ended because it needs more memory than there is."""
    return isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)) is not None


def one_line(error: Exception) -> str:
    """Returns the error's text without line breaks, and without functions and paths of onnxruntime's sources."""
    text = " ".join(str(error).split())
    return _PATH.sub("...", _FUNCTION.sub("", text))
