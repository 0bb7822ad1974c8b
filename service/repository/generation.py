"""A generation is the set of models that all workers serve, at one time, from copies that nobody else changes.

The copies lie in a store, each under the SHA-256 of its content; a manifest says which of them make up a generation.
So a worker that starts later loads what the others serve, whatever has become of the model folder meanwhile. This
module imports nothing that reads models, since the supervisor imports it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.models.folder import MAX_MODEL_BYTES, ModelFile, ModelFolder

if TYPE_CHECKING:
    from service.models.content import ModelContent

_GRAPH = "model.onnx"


@dataclass(frozen=True, kw_only=True)
class ManifestEntry:
    """An entry is one file of a generation: the model's name and version, and the copy that is loaded.

    `file` is the path that errors show. `digest` is the SHA-256 of the content, under which the copy lies. `n_bytes` is
    the size of the content.
    """

    file: str
    name: str
    version: str | None
    digest: str
    stamp: str
    """It differs once the file in the model folder, or what lies beside it, has changed."""
    n_bytes: int = 0


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """A manifest says what a generation is made of, and what was left out and why."""

    number: int
    entries: tuple[ManifestEntry, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    """Files of the model folder that are not served as they are now, by the reason."""
    refused_stamps: Mapping[str, str] = field(default_factory=dict)
    late: tuple[str, ...] = ()
    """These of the refused came after the start: the server was ready without them, and stays so."""
    unloaded: tuple[str, ...] = ()
    """Names that were unloaded by request, and are not served although the folder has them."""
    stamp: str = ""
    """The stamp of the whole model folder, taken before anything in it was read."""

    def find(self, file: str) -> ManifestEntry | None:
        """Returns the entry of a file, or None."""
        return next((each for each in self.entries if each.file == file), None)

    def names(self) -> set[str]:
        """Returns the names of the models."""
        return {each.name for each in self.entries}

    def serves_as(self, other: Manifest) -> bool:
        """Returns whether both generations are made of the same contents under the same names."""
        return _key(self) == _key(other)


def _key(manifest: Manifest) -> set[tuple[str, str]]:
    return {(each.file, each.digest) for each in manifest.entries}


class Store:
    """A store has the copies of models, and the manifests of generations, in one folder of the server's own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Makes the folder."""
        self.path.mkdir(parents=True, exist_ok=True)

    def keep(self, content: ModelContent) -> str:
        """Copies a content unless it is there already; returns its digest. Raises OSError, as where a disk is full."""
        target = self.path / content.digest
        if target.is_dir():
            return content.digest

        # What is there under its last name is whole.
        begun = self.path / f"{content.digest}.part"
        shutil.rmtree(begun, ignore_errors=True)
        begun.mkdir()
        (begun / _GRAPH).write_bytes(content.graph)
        for location, weights in content.weights.items():
            path = begun / location
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(weights)
        # It lies beside the folder, in which a file of weights may have any name.
        outline = json.dumps(content.outline.to_document())
        self.find_outline(content.digest).write_text(outline)
        begun.rename(target)

        return content.digest

    def write(self, manifest: Manifest) -> None:
        """Writes the manifest of a generation; raises OSError."""
        path = self._find_manifest(manifest.number)
        path.write_text(json.dumps(asdict(manifest)))

    def read(self, number: int) -> Manifest:
        """Returns the manifest of a generation; raises OSError where there is none."""
        document = json.loads(self._find_manifest(number).read_text())
        document["entries"] = tuple(
            ManifestEntry(**each) for each in document["entries"]
        )
        document["late"] = tuple(document["late"])
        document["unloaded"] = tuple(document["unloaded"])

        return Manifest(**document)

    def forget_all_but(self, manifest: Manifest) -> None:
        """Removes the copies and the manifests that this generation does not need."""
        kept = {each.digest for each in manifest.entries}
        kept |= {self.find_outline(digest).name for digest in kept}
        kept.add(self._find_manifest(manifest.number).name)
        for path in self.path.iterdir():
            if path.name in kept:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def open(self, number: int) -> Generation:
        """Returns a generation as a folder from which models are loaded."""
        return Generation(self.path, self.read(number))

    def find_outline(self, digest: str) -> Path:
        """Returns the path of what is known of a copy's outline."""
        return self.path / f"{digest}.outline.json"

    def _find_manifest(self, number: int) -> Path:
        return self.path / f"generation-{number}.json"


class Generation(ModelFolder):
    """A generation is a model folder whose files are copies; what the folder's sums say was checked before."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        super().__init__(path, max_bytes=MAX_MODEL_BYTES)
        self.manifest = manifest
        self.sums = None
        self._store = Store(path)

    def find(self) -> list[ModelFile]:
        """Returns the copies under the names that their files have in the model folder."""
        return [
            ModelFile(
                self.path / each.digest / _GRAPH,
                each.name,
                each.version,
                each.file,
                n_bytes=each.n_bytes,
            )
            for each in self.manifest.entries
        ]

    def read_outline(self, file: ModelFile) -> dict[str, Any]:
        """Returns the outline that the copy was made with, which saves a fifth of the time that its loading takes."""
        text = self._store.find_outline(file.path.parent.name).read_text()
        document: dict[str, Any] = json.loads(text)

        return document

    def find_digest(self, file: ModelFile) -> str:
        """Returns the digest under which the copy lies, so that no worker computes it again."""
        return file.path.parent.name


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """A generation request says how the next generation is made of a model folder."""

    number: int
    source: str
    max_model_bytes: int
    previous: int | None = None
    """The generation that is served now, none at the start."""
    names: tuple[str, ...] | None = None
    """Only these names are looked at, all where it is None; what else is served stays as it is."""
    unloaded: tuple[str, ...] = ()
    rejected: Mapping[str, str] = field(default_factory=dict)
    """Files that did not load, by the reason, are not tried again by this request."""
    unserved: Mapping[str, str] = field(default_factory=dict)
    """Files of the previous generation that the workers refused, by the reason."""
