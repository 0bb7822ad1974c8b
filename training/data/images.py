"""This module decodes folders, archives and torchvision's data sets of images into arrays once, and keeps these."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from training.data.image_preprocessing import resize_and_crop
from training.data.table import TableError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif")
ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
CIFAR10_PX = 32
SOURCE = "CIFAR-10, A. Krizhevsky, 2009"
CIFAR8 = tuple(name for name in CIFAR10 if name not in ("cat", "automobile"))
MIN_IMAGES_PER_CLASS = 5
"""A class needs some images to learn from, some to choose by and some to hold out."""

OnProgress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ImageDataset:
    """An ImageDataset holds pixels uint8 `(n_images, height, width, 3)` and a target int64 `(n_images,)`.

    The target is an index into `classes`.
    """

    task: str
    summary: str
    source: str
    pixels: NDArray[np.uint8]
    target: NDArray[np.int64]
    classes: tuple[str, ...]
    licence: str = "MIT"
    """It is the licence of a model that learns from these images."""

    def __post_init__(self) -> None:
        assert self.pixels.dtype == np.uint8
        assert self.pixels.shape[0] == len(self.target)
        assert self.pixels.shape[3] == 3

    @property
    def inputs(self) -> NDArray[np.uint8]:
        """Returns the pixels, which a model takes as its input."""
        return self.pixels

    @property
    def fingerprint(self) -> str:
        """Returns the SHA-256 over classes, size, pixels and target: equal for equal data, on any machine."""
        digest = hashlib.sha256(
            "\n".join((*self.classes, f"{self.pixels.shape}")).encode()
        )
        digest.update(np.ascontiguousarray(self.pixels).data)
        digest.update(self.target.astype("<i8").tobytes())

        return f"sha256:{digest.hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class ParityImages(ImageDataset):
    """ParityImages have no target; on them a published network and its file are compared.

    `crop_px` is the height and width that the network sees of them, `weights` the SHA-256 of what it has learnt.
    """

    crop_px: int
    weights: str

    @property
    def fingerprint(self) -> str:
        """Returns the fingerprint of the weights, which decide the answers."""
        return self.weights


TASKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "cifar10": (
        "photographs of ten kinds of animals and vehicles, 32 x 32 pixels",
        CIFAR10,
    ),
    "cifar8": (
        "photographs of eight kinds, neither cat nor automobile, 32 x 32 pixels",
        CIFAR8,
    ),
    "cat_or_automobile": (
        "photographs of cats and automobiles, 32 x 32 pixels",
        ("automobile", "cat"),
    ),
}
"""These tasks are parts of CIFAR-10; each has a summary and its classes."""


def data_folder() -> Path:
    """Returns `VEREDICTO_DATA`, or a folder of the user's caches, where data and unfinished trainings are kept."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("VEREDICTO_DATA") or Path(caches) / "veredicto")


def is_available(task: str) -> bool:
    """Tells if the data of one of `TASKS` are here."""
    return _find_cache(f"cifar10-{CIFAR10_PX}").is_file()


def load(task: str) -> ImageDataset:
    """Returns one of `TASKS`; raises TableError, which says how to get the data, where they are not here."""
    if not is_available(task):
        raise TableError(
            f"--task {task} needs CIFAR-10, which is not in {data_folder()}: "
            "python -m training data cifar10 fetches it, and with --from ARCHIVE or FOLDER it takes what you have"
        )

    summary, classes = TASKS[task]
    whole = _read_cache(
        f"cifar10-{CIFAR10_PX}", task=task, summary=summary, source=SOURCE
    )
    chosen = np.isin(whole.target, [whole.classes.index(name) for name in classes])
    target = np.searchsorted(
        [whole.classes.index(name) for name in classes], whole.target[chosen]
    )

    return ImageDataset(
        task=task,
        summary=summary,
        source=SOURCE,
        pixels=whole.pixels[chosen],
        target=target.astype(np.int64),
        classes=classes,
    )


def fetch_cifar10(given: Path | None, on_progress: OnProgress) -> ImageDataset:
    """Keeps CIFAR-10's training images: of a folder or an archive, or else through torchvision from the network."""
    name, summary = f"cifar10-{CIFAR10_PX}", TASKS["cifar10"][0]
    if given is not None:
        dataset = decode(
            given,
            task="cifar10",
            summary=summary,
            size_px=CIFAR10_PX,
            on_progress=on_progress,
        )
        if dataset.classes != CIFAR10:
            raise TableError(
                f"{given.name}: expected the classes {', '.join(CIFAR10)}, got {', '.join(dataset.classes)}"
            )
    else:
        dataset = _download(summary, on_progress)

    _write_cache(name, dataset)

    return dataset


def read_images(
    given: Path, *, task: str, size_px: int, on_progress: OnProgress
) -> ImageDataset:
    """Returns a person's own class folders, decoded the first time and kept; raises TableError."""
    files = list(_list_images(given))
    listing = "\n".join(
        f"{name} {n_bytes} {augmented}" for name, n_bytes, augmented in files
    )
    name = f"{task}-{size_px}-{hashlib.sha256(listing.encode()).hexdigest()[:12]}"
    summary = f"{given.name.split('.')[0]}, photographs of a person's own"
    if not _find_cache(name).is_file():
        _write_cache(
            name,
            decode(
                given,
                task=task,
                summary=summary,
                size_px=size_px,
                on_progress=on_progress,
            ),
        )

    return _read_cache(name, task=task, summary=summary, source=given.name)


def decode(
    given: Path, *, task: str, summary: str, size_px: int, on_progress: OnProgress
) -> ImageDataset:
    """Decodes, resizes and crops as the exported graph does; raises TableError for what holds no class folders."""
    names, parts = [], []
    with ThreadPoolExecutor() as pool:

        def decode_image(content: bytes) -> NDArray[np.uint8] | None:
            return _decode_image(content, size_px)

        for batch in _make_batches(_read_contents(given)):
            parts += list(pool.map(decode_image, [content for _, content in batch]))
            names += [name for name, _ in batch]
            on_progress(f"decoded {len(names)} images")

    good = [
        (name, part)
        for name, part in zip(names, parts, strict=True)
        if part is not None
    ]
    if len(good) < len(names):
        on_progress(f"{len(names) - len(good)} files are no images and were left out")

    classes = tuple(sorted({PurePosixPath(name).parent.name for name, _ in good}))
    counts = {
        each: sum(PurePosixPath(name).parent.name == each for name, _ in good)
        for each in classes
    }
    if len(classes) < 2 or min(counts.values()) < MIN_IMAGES_PER_CLASS:
        found = (
            ", ".join(f"{name} ({count})" for name, count in counts.items()) or "none"
        )
        raise TableError(
            f"{given.name}: expected a folder for each class, at least 2 with {MIN_IMAGES_PER_CLASS} images or more "
            f"({', '.join(SUFFIXES)}), found {found}"
        )

    return ImageDataset(
        task=task,
        summary=summary,
        source=given.name,
        pixels=np.stack([part for _, part in good]),
        target=np.array(
            [classes.index(PurePosixPath(name).parent.name) for name, _ in good],
            dtype=np.int64,
        ),
        classes=classes,
    )


def _decode_image(content: bytes, size_px: int) -> NDArray[np.uint8] | None:
    """Returns the pixels, with what is transparent on white as the service has it, or None for what is no image."""
    image: Image.Image
    try:
        image = Image.open(
            BytesIO(content), formats=("JPEG", "PNG", "WEBP", "BMP", "GIF")
        )
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            image = Image.alpha_composite(
                Image.new("RGBA", image.size, "white"), image.convert("RGBA")
            )

        return np.asarray(resize_and_crop(image.convert("RGB"), size_px, size_px))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _list_images(given: Path) -> Iterator[tuple[str, int, int]]:
    """Yields names of images below in order, or the archive itself, each with its bytes and time of change."""
    if not given.exists():
        raise TableError(f"{given}: there is no such folder or file")
    if not given.is_dir():
        yield given.name, given.stat().st_size, given.stat().st_mtime_ns
        return

    for path in sorted(given.rglob("*")):
        if _is_image(path.name) and path.is_file():
            yield (
                path.relative_to(given).as_posix(),
                path.stat().st_size,
                path.stat().st_mtime_ns,
            )


def _read_contents(given: Path) -> Iterator[tuple[str, bytes]]:
    """Yields each image's name below and its bytes, ordered by name; where there is a `train/`, only of it."""
    if given.is_dir():
        train = given / "train"
        for name, _, _ in _list_images(train if train.is_dir() else given):
            yield name, ((train if train.is_dir() else given) / name).read_bytes()
        return

    found = dict(_read_archive(given))
    within = [name for name in found if "train" in PurePosixPath(name).parts]
    for name in sorted(within or found):
        yield name, found[name]


def _read_archive(given: Path) -> Iterator[tuple[str, bytes]]:
    try:
        if given.suffix == ".zip":
            with zipfile.ZipFile(given) as archive:
                for name in archive.namelist():
                    if _is_image(name):
                        yield name, archive.read(name)
            return
        with tarfile.open(given) as tar:
            for member in tar:
                file = (
                    tar.extractfile(member)
                    if member.isfile() and _is_image(member.name)
                    else None
                )
                if file is not None:
                    yield member.name, file.read()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
        raise TableError(
            f"{given.name}: expected a folder, or an archive ({', '.join(ARCHIVES)}): {error}"
        ) from error


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not PurePosixPath(name).name.startswith(
        "."
    )


def _make_batches(
    contents: Iterator[tuple[str, bytes]], size: int = 1000
) -> Iterator[list[tuple[str, bytes]]]:
    batch: list[tuple[str, bytes]] = []
    for each in contents:
        batch.append(each)
        if len(batch) == size:
            yield batch
            batch = []

    if batch:
        yield batch


def _download(summary: str, on_progress: OnProgress) -> ImageDataset:
    from torchvision import datasets  # slow to import, and seldom needed

    on_progress("downloading CIFAR-10")

    try:
        found = datasets.CIFAR10(root=str(data_folder()), train=True, download=True)
    except (OSError, RuntimeError) as error:
        raise TableError(
            f"CIFAR-10 could not be downloaded ({error}): without a network give what you have with --from, "
            "an archive or a folder train/<class>/*.jpg"
        ) from error

    return ImageDataset(
        task="cifar10",
        summary=summary,
        source=SOURCE,
        pixels=np.asarray(found.data, dtype=np.uint8),
        target=np.array(found.targets, dtype=np.int64),
        classes=tuple(found.classes),
    )


def _find_cache(name: str) -> Path:
    return data_folder() / f"{name}.npz"


def _write_cache(name: str, dataset: ImageDataset) -> None:
    data_folder().mkdir(parents=True, exist_ok=True)
    unfinished = data_folder() / f".{name}.{os.getpid()}.npz"
    np.savez(
        unfinished,
        pixels=dataset.pixels,
        target=dataset.target,
        classes=np.array(dataset.classes),
    )
    unfinished.replace(_find_cache(name))


def _read_cache(name: str, *, task: str, summary: str, source: str) -> ImageDataset:
    with np.load(_find_cache(name)) as kept:
        return ImageDataset(
            task=task,
            summary=summary,
            source=source,
            pixels=kept["pixels"],
            target=kept["target"],
            classes=tuple(str(each) for each in kept["classes"]),
        )
