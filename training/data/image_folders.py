"""This module finds the images in class folders and archives and decodes them; what it leaves out it gives a reason.

The first folder of a name is the class, so that `cats/2023/a.jpg` and `cats/2024/b.jpg` are both cats. Folders around
the classes are passed by, and where there is a `train/`, `Training/` or the like of class folders, only that is taken.
"""

from __future__ import annotations

import hashlib
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from training.data.class_folders import (
    IN_NO_FOLDER,
    NO_KIND,
    check_folders,
    check_own_images,
    find_other_parts,
    find_training,
)
from training.data.image_preprocessing import resize_and_crop
from training.data.table import TableError

SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"),
    *(".pgm", ".ppm"),
)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
NO_CLASSES = ("__MACOSX", "@eaDir")
"""Computers keep these folders for themselves, beside those whose name begins with a dot."""
BROKEN = "no image, or a broken one"
"""It is the reason why an image by its name is left out."""
_IS_UTF8 = 0x800
MAX_16_BIT = 65535
N_SHOWN = 5

Reasons = dict[str, str]
"""Reasons hold the name of each file that is left out, and why."""


def list_files(given: Path) -> list[tuple[str, int, int]]:
    """Returns names of files below in order, or the archive itself, each with its bytes and time of change."""
    if not given.exists():
        raise TableError(f"{given}: there is no such folder or file")

    paths = sorted(given.rglob("*")) if given.is_dir() else [given]
    files = []
    for path in paths:
        name = path.relative_to(given if given.is_dir() else given.parent).as_posix()
        if _is_hidden(name):
            continue
        if path.is_symlink() and path.is_dir():
            raise TableError(
                f"{given.name}: {name!r} is a link to a folder, which is not followed: put the folder itself there"
            )
        if path.is_file():
            state = path.stat()
            files.append((name, state.st_size, state.st_mtime_ns))

    return files


def _list_empty(given: Path) -> list[str]:
    """Returns names of folders below in which there is nothing, as that of a class whose images are missing."""
    folders = [path for path in sorted(given.rglob("*")) if path.is_dir()]
    empty = [
        path.relative_to(given).as_posix()
        for path in folders
        if not any(path.iterdir())
    ]
    return [name for name in empty if not _is_hidden(name)]


def name_images(given: Path, left_out: Sequence[str]) -> list[str]:
    """Returns the names of the images in the order of `read_images`, but for those left out as no image."""
    names = (
        [name for name, _, _ in list_files(given)]
        if given.is_dir()
        else sorted(name for name, _ in _read_archive(given))
    )
    broken = set(left_out)
    return [
        name for name in find_classes(names, {}) if f"{name} ({BROKEN})" not in broken
    ]


def read_images(given: Path, reasons: Reasons) -> Iterator[tuple[str, str, bytes]]:
    """Yields name, class and bytes of each image, ordered by name; what is left out is added to `reasons`."""
    found: dict[str, bytes] = {}
    if given.is_dir():
        names = [name for name, _, _ in list_files(given)]
    else:
        found = dict(_read_archive(given))
        names = sorted(found)
    labels = find_classes(names, reasons)
    check_folders(given, labels, reasons)
    if labels and given.is_dir():
        reasons.update(dict.fromkeys(_list_empty(given), "an empty folder"))

    hashes: dict[str, list[bytes]] = {}
    for name, label in labels.items():
        content = found[name] if found else (given / name).read_bytes()
        hashes.setdefault(label, []).append(hashlib.sha256(content).digest())
        yield name, label, content
    check_own_images(given, hashes)


def find_classes(names: Sequence[str], reasons: Reasons) -> dict[str, str]:
    """Returns the class of each image by its name; other names are added to `reasons`, but for hidden ones."""
    visible = [name for name in names if not _is_hidden(name)]
    parts = {name: PurePosixPath(name).parts for name in visible}
    within = {
        name: each[at + 1 :]
        for name, each in parts.items()
        if (at := find_training(each[:-2])) is not None
    }
    parts = _pass_by(within or parts)
    labels = {}
    inner = [(each[0], each[1]) for each in parts.values() if len(each) > 2]
    others = find_other_parts(inner)

    for name, each in parts.items():
        if not name.lower().endswith(SUFFIXES):
            reasons[name] = NO_KIND
        elif len(each) == 1:
            reasons[name] = IN_NO_FOLDER
        elif len(each) > 2 and each[:2] in others:
            reasons[name] = "in another part of its class than what is learnt"
        else:
            # macOS takes letters apart from their accents, and clients do not.
            labels[name] = unicodedata.normalize("NFC", each[0])

    return labels


def _pass_by(parts: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Leaves out the folders around the classes: those that all images are in, with further folders inside."""
    images = [name for name in parts if name.lower().endswith(SUFFIXES)]
    while images and all(len(parts[name]) > 2 for name in images):
        if len({parts[name][0] for name in images}) > 1:
            break
        parts = {name: each[1:] or each for name, each in parts.items()}

    return parts


def _is_hidden(name: str) -> bool:
    return any(
        part.startswith(".") or part in NO_CLASSES for part in PurePosixPath(name).parts
    )


def _read_archive(given: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if given.suffix == ".zip":
            with zipfile.ZipFile(given) as archive:
                for member in archive.infolist():
                    if not member.is_dir() and not _is_hidden(member.filename):
                        yield _read_name(member), archive.read(member)
            return
        with tarfile.open(given) as tar:
            for entry in tar:
                file = tar.extractfile(entry) if entry.isfile() else None
                if file is not None:
                    yield PurePosixPath(entry.name).as_posix(), file.read()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise TableError(
            f"{given.name}: expected a folder, or an archive ({', '.join(ARCHIVES)}): {error}"
        ) from error


def _read_name(member: zipfile.ZipInfo) -> str:
    """Returns the name of a file in a zip archive; that of macOS is UTF-8 without saying so."""
    if member.flag_bits & _IS_UTF8:
        return member.filename
    try:
        return member.filename.encode("cp437").decode()
    except UnicodeError:
        return member.filename


def decode_image(content: bytes, size_px: int) -> NDArray[np.uint8] | None:
    """Returns RGB pixels `(size_px, size_px, 3)` as the service has them, or None for what is no image.

    What is transparent is on white, and 16 bits become 8.
    """
    try:
        image: Image.Image = Image.open(BytesIO(content), formats=FORMATS)
        upright = convert_to_rgb(ImageOps.exif_transpose(image))
        return np.asarray(resize_and_crop(upright, size_px, size_px))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def convert_to_rgb(image: Image.Image) -> Image.Image:
    """Returns the image in RGB; raises ValueError for floating-point pixels, whose range nobody knows."""
    if image.mode == "F":
        raise ValueError("floating-point pixels")

    if image.mode.startswith("I"):
        deep = np.asarray(image)
        shares = np.clip(deep.astype(np.float64) / MAX_16_BIT, 0, 1)
        grey = np.rint(255 * shares).astype(np.uint8)
        grey[deep == image.info.get("transparency", -1)] = 255
        return Image.fromarray(grey).convert("RGB")

    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))

    return image.convert("RGB")


def describe_left_out(left_out: Sequence[str]) -> str:
    """Returns a sentence that counts what was left out and names the first few, or an empty one."""
    if not left_out:
        return ""
    shown = ", ".join(left_out[:N_SHOWN])
    more = len(left_out) - N_SHOWN
    rest = f", and {more} more" if more > 0 else ""
    noun = "file was" if len(left_out) == 1 else "files were"

    return f"{len(left_out)} {noun} left out: {shown}{rest}"


def make_batches(
    images: Iterable[tuple[str, str, bytes]], size: int = 1000
) -> Iterator[list[tuple[str, str, bytes]]]:
    """Yields lists of at most so many images, because they may be too many to hold at once."""
    batch: list[tuple[str, str, bytes]] = []
    for each in images:
        batch.append(each)
        if len(batch) == size:
            yield batch
            batch = []

    if batch:
        yield batch
