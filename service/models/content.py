"""The content of a model is its file, the files beside it that it names, and the outline of what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from service.errors import ModelRefused
from service.models.folder import (
    MAX_MODEL_BYTES,
    ModelFile,
    ModelFolder,
    name_version,
)
from service.models.parsing.external_tensors import ExternalTensor
from service.models.parsing.onnx_file import read_outline
from service.models.parsing.other_formats import name_other_format
from service.models.parsing.outline import Outline
from service.models.regular_files import read_file, write_name


@dataclass(frozen=True, kw_only=True)
class ModelContent:
    """The content was read once, and is loaded: `weights` has each file beside the model's by its location."""

    graph: bytes
    outline: Outline
    weights: Mapping[str, bytes] = field(default_factory=dict)
    known_digest: str | None = None
    """Whoever made a copy has computed the digest; it stands here where the content is read from that copy."""

    @cached_property
    def digest(self) -> str:
        """Returns the file's SHA-256 as 64 hex digits; where weights lie beside it, that of all their sums."""
        if self.known_digest is not None:
            return self.known_digest

        sums = [hashlib.sha256(self.graph).hexdigest()]
        for location, weights in sorted(self.weights.items()):
            sums.append(f"{hashlib.sha256(weights).hexdigest()}  {location}")

        joined = hashlib.sha256("\n".join(sums).encode()).hexdigest()

        return joined if self.weights else sums[0]

    @property
    def version(self) -> str:
        """Returns the first 12 digits of the digest."""
        return name_version(self.digest)

    @property
    def n_bytes(self) -> int:
        """Returns the size of the file and of its weights."""
        return len(self.graph) + sum(map(len, self.weights.values()))


def read_content(folder: ModelFolder, file: ModelFile) -> ModelContent:
    """Returns a model of a folder; raises ModelRefused, or OSError where a file cannot be read."""
    graph = folder.read(file)
    known = folder.read_outline(file)
    outline = _read_outline(graph) if known is None else Outline.from_document(known)
    weights: dict[str, bytes] = {}
    n_bytes = len(graph)

    for tensor in outline.external:
        if tensor.location not in weights:
            content = _read_weights(folder, file, tensor, folder.max_bytes - n_bytes)
            weights[tensor.location] = content
            n_bytes += len(content)

        _check_place(tensor, len(weights[tensor.location]))

    return ModelContent(
        graph=graph,
        outline=outline,
        weights=weights,
        known_digest=folder.find_digest(file),
    )


def _read_outline(graph: bytes) -> Outline:
    """Returns the outline of a file; raises ModelRefused, for a file of another format with its name."""
    try:
        return read_outline(graph)
    except ModelRefused as error:
        found = name_other_format(graph)
        if found is None:
            raise
        raise ModelRefused(
            f"onnxruntime cannot load it: it is no ONNX file: it is {found}"
        ) from error


def read_one(path: Path) -> ModelContent:
    """Returns the model of a file by itself, whatever else its folder says."""
    folder = ModelFolder(path.parent, max_bytes=MAX_MODEL_BYTES)
    folder.sums = None
    return read_content(folder, ModelFile(path, path.stem, None, path.name))


def read_unchanged(folder: Path, shown: list[str], version: str) -> bytes | None:
    """Returns the content of a folder's file whose SHA-256 still begins with these digits; None where there is none."""
    for name in shown:
        try:
            path = folder / write_name(name)
            content = read_file(path, max_bytes=MAX_MODEL_BYTES)
        except (OSError, ModelRefused):
            continue
        if hashlib.sha256(content).hexdigest().startswith(version):
            return content

    return None


def _read_weights(
    folder: ModelFolder, file: ModelFile, tensor: ExternalTensor, n_bytes_left: int
) -> bytes:
    """Returns the content of a file beside the model's; raises ModelRefused for one that is elsewhere or missing."""
    path = _find_weights(file.path.parent, tensor)
    shown = tensor.location[:100]
    try:
        content = read_file(path, max_bytes=n_bytes_left)
    except FileNotFoundError:
        raise ModelRefused(
            f"its weights are missing: {tensor.name!r} is in the file {shown!r}, which must lie beside it"
        ) from None
    except (OSError, ModelRefused) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelRefused(
            f"its weights in {shown!r} cannot be read: {reason}"
        ) from error

    folder.check_sum(path, content)

    return content


def _find_weights(home: Path, tensor: ExternalTensor) -> Path:
    """Returns the path of weights in the model's own folder; raises ModelRefused for any other place."""
    location = PurePosixPath(tensor.location)
    is_plain = tensor.location.isprintable() and location.name not in ("", ".")
    if not is_plain or location.is_absolute() or ".." in location.parts:
        raise ModelRefused(
            f"its weights {tensor.name!r} are in {tensor.location[:100]!r}: expected a file in the model's own folder"
        )

    path = home / write_name(str(location))
    try:
        is_inside = path.resolve().is_relative_to(home.resolve())
    except (OSError, RuntimeError) as error:
        raise ModelRefused(
            f"its weights in {tensor.location[:100]!r} cannot be read: a link does not end"
        ) from error
    if not is_inside:
        raise ModelRefused(
            f"its weights in {tensor.location[:100]!r} are a link out of the model's own folder"
        )

    return path


def _check_place(tensor: ExternalTensor, n_bytes: int) -> None:
    """Raises ModelRefused for a file of weights that ends before the tensor does."""
    end = tensor.offset + tensor.n_bytes
    if end > n_bytes:
        raise ModelRefused(
            f"its weights {tensor.name!r} end at byte {end} of {tensor.location[:100]!r}, which has {n_bytes} bytes"
        )
