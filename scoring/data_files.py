"""Files that `--data` names are found here: one, those of a folder at any depth, or those that a pattern fits."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.image_folders import is_hidden
from service.errors import EvaluationError

MAX_SHOWN = 3


@dataclass(kw_only=True)
class FoundFiles:
    """Name and path of each file in the order of names; `left_out` names what lies in the folder too and is not read.

    Hidden files are in neither, nor are those of the folder that the answers go to.
    """

    files: list[tuple[str, Path]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def describe_left_out(self) -> str:
        """Returns how many files are not read, with a few of their names; nothing where all are."""
        if not self.left_out:
            return ""

        shown = ", ".join(map(repr, self.left_out[:MAX_SHOWN]))
        more = ", ..." if len(self.left_out) > MAX_SHOWN else ""
        number = len(self.left_out)
        noun = "file of that folder is" if number == 1 else "files of that folder are"
        return f"{number:,} {noun} not read: {shown}{more}"


def find_files(
    data: str, endings: Sequence[str], *, out: Path, expected: str
) -> FoundFiles:
    """Returns the files, of which there is at least one; raises EvaluationError, or OSError."""
    found = FoundFiles()
    if not data:
        raise EvaluationError(
            "--data: expected a file, a folder or a pattern of files, got nothing"
        )

    answers = out.resolve()
    path = Path(data)
    if path.is_dir():
        _look_through(path, endings, answers, found)
    elif path.exists():
        found.files = [(path.name, path)] if path.is_file() else []
    else:
        found.files = [
            (str(each), each)
            for each in _match(path)
            if each.is_file()
            and not is_hidden([each.name])
            and answers not in each.resolve().parents
        ]

    if not found.files:
        raise EvaluationError(
            f"--data {data}: {expected}: expected a file, a folder or a pattern of files "
            f"with the endings {', '.join(endings)}, got none"
        )
    found.files.sort()
    found.left_out.sort()
    _check_names(found.files)

    return found


def _look_through(
    folder: Path, endings: Sequence[str], answers: Path, found: FoundFiles
) -> None:
    """Raises OSError where a folder cannot be looked into, since its files would be missing in silence."""
    for where, folders, names in os.walk(folder, onerror=_raise):
        here = Path(where)
        deeper = []
        for name in folders:
            path = here / name
            if is_hidden([name]) or path.resolve() == answers:
                continue
            if path.is_symlink():
                found.left_out.append(f"{path.relative_to(folder).as_posix()}/")
            else:
                deeper.append(name)
        folders[:] = deeper

        for name in names:
            path = here / name
            if is_hidden([name]):
                continue
            shown = path.relative_to(folder).as_posix()
            if path.suffix.lower() in endings and path.is_file():
                found.files.append((shown, path))
            else:
                found.left_out.append(shown)


def _raise(error: OSError) -> None:
    raise error


def _match(pattern: Path) -> Iterator[Path]:
    """Yields what a pattern fits; raises EvaluationError where it is none."""
    anchor = Path(pattern.anchor)
    try:
        yield from anchor.glob(pattern.relative_to(anchor).as_posix())
    except ValueError as error:
        reason = str(error)
        raise EvaluationError(
            f"--data {pattern}: expected a pattern of files, got one that is none: {reason[:1].lower()}{reason[1:]}"
        ) from None


def _check_names(files: list[tuple[str, Path]]) -> None:
    """Raises EvaluationError for a name that no table of answers can hold."""
    for name, _ in files:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise EvaluationError(
                f"--data: expected names of files in UTF-8, got {name!r}: rename it"
            ) from None
