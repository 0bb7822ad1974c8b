"""The next generation is made of the model folder as it is now, and of what is served where that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from service.errors import ModelRefused
from service.models.content import ModelContent, read_content
from service.models.folder import SUMS, ModelFile, ModelFolder, name_version
from service.models.folder_loader import DIFFERS
from service.repository.generation import (
    GenerationRequest,
    Manifest,
    ManifestEntry,
    Store,
)
from service.repository.stamps import stamp_beside, stamp_file, stamp_folder

WHOLE_FOLDER = "."


class GenerationMaker:
    """A GenerationMaker writes the next generation to the store.

    `try_out` loads a content, and raises ModelRefused where it cannot be served; `on_read` is
    told of each file before it is read.
    """

    def __init__(
        self,
        store: Store,
        order: GenerationRequest,
        *,
        try_out: Callable[[ModelFile, ModelContent], None] | None = None,
        on_read: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._order = order
        self._try_out = try_out
        self._on_read = on_read
        self._source = ModelFolder(Path(order.source), max_bytes=order.max_model_bytes)
        self._previous = Manifest(number=0)
        if order.previous is not None:
            self._previous = store.read(order.previous)

        self._entries: list[ManifestEntry] = []
        self._refused: dict[str, str] = {}
        self._refused_stamps: dict[str, str] = {}
        self._late: set[str] = set()
        self._beside: dict[Path, str] = {}
        self._sums = stamp_file(self._source.path / SUMS)
        self._has_changed = False

    def make(self) -> Manifest:
        """Returns the manifest of the new generation, which is written to the store; raises OSError."""
        order = self._order
        stamp = stamp_folder(self._source.path)
        files = self._source.find()
        is_gone = all(each.path == self._source.path for each in files)
        if is_gone and self._previous.entries and order.names is None:
            self._keep_all()
            files = []

        self._has_changed = self._find_change(files)
        for file in files:
            if file.name in order.unloaded:
                continue
            if order.names is None or file.name in order.names:
                self._take(file)

        if order.names is not None:
            self._keep_others(set(order.names) | set(order.unloaded))

        manifest = Manifest(
            number=order.number,
            entries=tuple(sorted(self._entries, key=_order_entry)),
            refused=self._refused,
            refused_stamps=self._refused_stamps,
            late=tuple(sorted(self._late)),
            unloaded=tuple(sorted(order.unloaded)),
            stamp=stamp if order.names is None else self._previous.stamp,
        )
        self._store.write(manifest)

        return manifest

    def _take(self, file: ModelFile) -> None:
        """Takes a file as it is now, or as it was before where it cannot be served."""
        shown = file.shown
        before = self._previous.find(shown)
        stamp = self._stamp(file)
        if self._is_known(shown, stamp, before):
            self._keep(shown, before)
            return

        reason = self._order.rejected.get(shown)
        if reason is None:
            try:
                self._entries.append(self._read(file, stamp, before))
                return
            except OSError as error:
                reason = f"it cannot be read: {error.strerror}"
            except ModelRefused as error:
                reason = str(error)

        self._refuse(shown, reason, stamp, before)

    def _is_known(self, file: str, stamp: str, before: ManifestEntry | None) -> bool:
        """Returns whether a file is as it was, and need not be looked at again; what is asked for by name is.

        A file that did not fit the others of its task is looked at again with any of them: they come one by one.
        """
        reason = self._previous.refused.get(file) or self._order.unserved.get(file, "")
        may_fit = self._has_changed and DIFFERS in reason
        if self._order.names is not None or may_fit:
            return False

        return self._find_stamp(file, before) == stamp

    def _find_stamp(self, file: str, before: ManifestEntry | None) -> str | None:
        """Returns the stamp that a file had at the last look, None where it was not there."""
        stamp = self._previous.refused_stamps.get(file)
        return before.stamp if stamp is None and before is not None else stamp

    def _find_change(self, files: list[ModelFile]) -> bool:
        """Returns whether any file is another one than at the last look, or new, or gone."""
        stamps = {
            each.shown: self._stamp(each)
            for each in files
            if each.name not in self._order.unloaded
        }
        known = {each.file for each in self._previous.entries}
        known |= self._previous.refused_stamps.keys()

        return any(
            stamps.get(each) != self._find_stamp(each, self._previous.find(each))
            for each in known | stamps.keys()
        )

    def _stamp(self, file: ModelFile) -> str:
        """Returns the stamp of a file and of what lies beside it."""
        parent = file.path.parent
        if parent not in self._beside:
            self._beside[parent] = stamp_beside(parent)
        return f"{stamp_file(file.path)}-{self._beside[parent]}-{self._sums}"

    def _read(
        self, file: ModelFile, stamp: str, before: ManifestEntry | None
    ) -> ManifestEntry:
        if self._on_read is not None:
            self._on_read(file.shown)
        content = read_content(self._source, file)
        is_new = before is None or before.digest != content.digest
        if self._try_out is not None and is_new:
            self._try_out(file, content)

        try:
            digest = self._store.keep(content)
        except OSError as error:
            raise CannotKeep(error.strerror or str(error)) from error

        return ManifestEntry(
            file=file.shown,
            name=file.name,
            version=file.version,
            digest=digest,
            stamp=stamp,
            n_bytes=content.n_bytes,
        )

    def _refuse(
        self, file: str, reason: str, stamp: str, before: ManifestEntry | None
    ) -> None:
        """Notes why a file is not served as it is; what was served of it goes on."""
        is_new = self._order.previous is not None
        if file in self._previous.refused and file not in self._previous.late:
            is_new = False

        if before is not None and file not in self._order.unserved:
            self._entries.append(before)
            version = before.version or name_version(before.digest)
            reason = f"{reason}; its version {version}, loaded before, goes on"
        elif before is not None:
            is_new = False

        self._note(file, reason, stamp, is_late=is_new)

    def _keep(self, file: str, before: ManifestEntry | None) -> None:
        """Keeps what is served of a file, and what was wrong with it."""
        unserved = self._order.unserved.get(file)
        if before is not None and unserved is not None:
            self._note(file, unserved, before.stamp, is_late=False)
            return

        if before is not None:
            self._entries.append(before)

        reason = self._previous.refused.get(file)
        if reason is not None:
            stamp = self._previous.refused_stamps[file]
            self._note(file, reason, stamp, is_late=file in self._previous.late)

    def _note(self, file: str, reason: str, stamp: str, *, is_late: bool) -> None:
        self._refused[file] = reason
        self._refused_stamps[file] = stamp
        if is_late:
            self._late.add(file)

    def _keep_others(self, names: set[str]) -> None:
        """Keeps what is served under other names than these."""
        files = [each.file for each in self._previous.entries]
        files += [each for each in self._previous.refused if each not in files]
        for file in files:
            before = self._previous.find(file)
            name = _name(file) if before is None else before.name
            if name not in names:
                self._keep(file, before)

    def _keep_all(self) -> None:
        """Keeps all that is served, where the folder has nothing: rather its disk is missing than its models."""
        self._keep_others(set(self._order.unloaded))
        reason = "the folder has no model any more; those loaded before go on"
        self._note(WHOLE_FOLDER, reason, "", is_late=True)


class CannotKeep(Exception):
    """The store has no room for a copy; the text is the system's reason."""


def _order_entry(entry: ManifestEntry) -> tuple[object, ...]:
    """Returns what puts versions in Triton's layout first, and of each name the latest last, as a folder has them."""
    is_flat = entry.version is None
    return is_flat, entry.name, int(entry.version or 0)


def _name(file: str) -> str:
    return file.removesuffix(".onnx").partition("/")[0]
