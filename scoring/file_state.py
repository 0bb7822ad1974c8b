"""A table that is changed after it was cut would be answered wrongly, so its state is compared at each block."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from service.errors import EvaluationError


@dataclass(frozen=True, kw_only=True)
class FileState:
    """The size of a file, and when it was changed last, in nanoseconds since 1970."""

    size_bytes: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> FileState:
        """Raises OSError where there is no file."""
        found = path.stat()
        return cls(size_bytes=found.st_size, changed_ns=found.st_mtime_ns)

    def check(self, path: Path, name: str) -> None:
        """Raises EvaluationError, or OSError, where the file is another than it was."""
        if FileState.of(path) != self:
            raise EvaluationError(
                f"{name} was changed while it was read: score it, with another --out, once nothing writes it any more"
            )
