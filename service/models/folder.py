"""A model folder has visible regular files named `NAME.onnx`, or `NAME/VERSION/model.onnx` in Triton's layout."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import stat
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from service.errors import ModelRefused
from service.models.regular_files import (
    can_see,
    is_link,
    name_kind,
    read_file,
    read_name,
    show_name,
    show_path,
    write_name,
)

logger = logging.getLogger(__name__)

SUMS = "SHA256SUMS"
"""A file of this name, as `sha256sum` writes it, must have each model file of its folder, and each must match."""
MAX_SUMS_BYTES = 4 * 1024 * 1024
MAX_MODEL_BYTES = 4 * 1024**3
VERSION_DIGITS = 12
"""A version is the first so many hex digits of a SHA-256."""
_SUFFIX = ".onnx"
_FILE_IN_VERSION = "model.onnx"
_SUM_LINE = re.compile(r"([0-9a-fA-F]{64}) [ *](.+)")


def name_version(digest: str) -> str:
    """Returns the version of content with this SHA-256, of 64 hex digits."""
    return digest[:VERSION_DIGITS]


class ModelFile(NamedTuple):
    """A file of the folder has the model's name, its version in Triton's layout, and the path that errors show.

    `refusal` is the reason why it cannot be read at all, as for a link that leads nowhere. `n_bytes` is its size with
    its weights, 0 where that is not known before it is read.
    """

    path: Path
    name: str
    version: str | None
    shown: str
    refusal: str | None = None
    n_bytes: int = 0


class ModelFolder:
    """A model folder finds its files, and reads each within the limit of bytes and against the sums."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_MODEL_BYTES) -> None:
        self.path = path
        self.max_bytes = max_bytes

    def find(self) -> list[ModelFile]:
        """Returns the files, those of Triton's layout first, and of each name the latest version last."""
        names = _list_names(self.path)
        if isinstance(names, str):
            return [ModelFile(self.path, "", None, ".", refusal=names)]

        versions = sorted(
            (name, int(version), version)
            for name in names
            if not name.endswith(_SUFFIX)
            for version in _list_versions(self.path / name)
        )
        files = [
            self._look_at(
                Path(name, version, _FILE_IN_VERSION), read_name(name), version
            )
            for name, _, version in versions
        ]
        files += [
            self._look_at(Path(name), read_name(name).removesuffix(_SUFFIX), None)
            for name in names
            if name.endswith(_SUFFIX)
        ]

        return [each for each in files if each is not None]

    def read(self, file: ModelFile) -> bytes:
        """Returns the content of a file; raises ModelRefused for one that may not be read or is not as the sums say."""
        if file.refusal is not None:
            raise ModelRefused(file.refusal)

        content = read_file(file.path, max_bytes=self.max_bytes)
        self.check_sum(file.path, content)

        return content

    def read_outline(self, file: ModelFile) -> dict[str, Any] | None:  # noqa: ARG002  # as a folder of copies has it
        """Returns what is known of a file's outline already, as JSON has it: here nothing."""
        return None

    def find_digest(self, file: ModelFile) -> str | None:  # noqa: ARG002  # as a folder of copies has it
        """Returns the digest of a file's content where it is known before the file is read: here it is not."""
        return None

    def check_sum(self, path: Path, content: bytes) -> None:
        """Raises ModelRefused where the folder has sums, and this content of a file in it is not as they say."""
        if self.sums is None:
            return

        if isinstance(self.sums, str):
            raise ModelRefused(self.sums)

        name = read_name(path.relative_to(self.path).as_posix())
        expected = self.sums.get(name)
        if expected is None:
            raise ModelRefused(f"{SUMS} does not list {show_name(name)}")

        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise ModelRefused(
                f"the SHA-256 of {show_name(name)} begins with {name_version(found)}, "
                f"{SUMS} says {name_version(expected)}"
            )

    @cached_property
    def sums(self) -> Mapping[str, str] | str | None:
        """Returns the sums by file name, None where the folder has none, or as a text what is wrong with them."""
        path = self.path / SUMS
        if not os.path.lexists(path):
            return None

        try:
            text = read_file(path, max_bytes=MAX_SUMS_BYTES).decode()
            return dict(_read_sums(text))
        except (ModelRefused, OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            return f"{SUMS} cannot be read: {reason}"

    def find_missing(self) -> list[str]:
        """Returns the files that the sums list and the folder lacks."""
        if not isinstance(self.sums, Mapping):
            return []
        return [
            show_name(name)
            for name in self.sums
            if not can_see(self.path / write_name(name))
        ]

    def _look_at(self, inner: Path, name: str, version: str | None) -> ModelFile | None:
        """Returns the file at a path in the folder; None for what is there and no regular file."""
        path = self.path / inner
        shown = show_path(inner)
        try:
            mode = path.stat().st_mode
        except OSError as error:
            reason = f"it cannot be read: {error.strerror}"
            if is_link(path):
                reason += "; it is a link"
            return ModelFile(path, name, version, shown, reason)

        if stat.S_ISREG(mode):
            return ModelFile(path, name, version, shown)

        logger.warning(
            "passed over %s: it is %s, no regular file", shown, name_kind(mode)
        )

        return None


def _list_names(folder: Path) -> list[str] | str:
    """Returns the visible names in a folder in order, none where it is missing, or as a text why it cannot be read."""
    try:
        return sorted(
            path.name for path in folder.iterdir() if not path.name.startswith(".")
        )
    except FileNotFoundError:
        return []
    except OSError as error:
        return f"the folder cannot be read: {error.strerror}"


def _list_versions(folder: Path) -> Iterator[str]:
    """Yields the names of the numbered folders in which there is a file of a model."""
    try:
        if not folder.is_dir():
            return
    except OSError as error:
        logger.warning("passed over %s: %s", show_path(folder.name), error.strerror)
        return

    names = _list_names(folder)
    if isinstance(names, str):
        logger.warning("passed over %s: %s", show_path(folder.name), names)
        return

    for name in names:
        is_number = name.isascii() and name.isdigit()
        is_model = name == _FILE_IN_VERSION
        if is_number and os.path.lexists(folder / name / _FILE_IN_VERSION):
            yield name
        elif is_model or os.path.lexists(folder / name / _FILE_IN_VERSION):
            shown = Path(folder.name, name, "" if is_model else _FILE_IN_VERSION)
            logger.warning(
                "passed over %s: the folder of a version is named by a whole number, as %s/1/%s",
                show_path(shown),
                show_path(folder.name),
                _FILE_IN_VERSION,
            )


def _read_sums(text: str) -> Iterator[tuple[str, str]]:
    """Yields file names and sums; raises ModelRefused for a line that is not as `sha256sum` writes it."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue

        match = _SUM_LINE.fullmatch(line)
        if match is None:
            raise ModelRefused(f"line {number} is not as `sha256sum` writes it")

        yield os.path.normpath(match[2]), match[1].lower()
