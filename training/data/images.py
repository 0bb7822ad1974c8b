"""This module decodes folders, archives and torchvision's data sets of images into arrays once, and keeps these."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data import image_folders
from training.data.image_folders import SUFFIXES, Reasons
from training.data.table import TableError

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
CACHE_VERSION = 2
"""Images that were decoded and kept by another version are decoded again."""
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
    left_out: tuple[str, ...] = ()
    """It has the files that were given and are not among the images, each with the reason."""

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
    files = image_folders.list_files(given)
    listing = "\n".join(f"{name} {size} {changed}" for name, size, changed in files)
    digest = hashlib.sha256(f"{CACHE_VERSION}\n{listing}".encode()).hexdigest()
    name = f"{task}-{size_px}-{digest[:12]}"
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
    reasons: Reasons = {}
    good: list[NDArray[np.uint8]] = []
    labels: list[str] = []
    n_decoded = 0

    def decode_image(content: bytes) -> NDArray[np.uint8] | None:
        return image_folders.decode_image(content, size_px)

    with ThreadPoolExecutor() as pool:
        found = image_folders.read_images(given, reasons)
        for batch in image_folders.make_batches(found):
            parts = pool.map(decode_image, [content for _, _, content in batch])
            for (name, label, _), part in zip(batch, parts, strict=True):
                if part is None:
                    reasons[name] = "no image, or a broken one"
                else:
                    good.append(part)
                    labels.append(label)

            n_decoded += len(batch)
            on_progress(f"decoded {n_decoded} images")

    left_out = tuple(f"{name} ({reason})" for name, reason in sorted(reasons.items()))
    classes = _check_classes(given, labels, left_out)

    return ImageDataset(
        task=task,
        summary=summary,
        source=given.name,
        pixels=np.stack(good),
        target=np.array([classes.index(each) for each in labels], dtype=np.int64),
        classes=classes,
        left_out=left_out,
    )


def _check_classes(
    given: Path, labels: list[str], left_out: tuple[str, ...]
) -> tuple[str, ...]:
    """Returns the classes in order; raises TableError where they or their images are too few."""
    counts = Counter(labels)
    if len(counts) < 2 or min(counts.values()) < MIN_IMAGES_PER_CLASS:
        found = ", ".join(f"{name} ({counts[name]})" for name in sorted(counts))
        besides = image_folders.describe_left_out(left_out)
        raise TableError(
            f"{given.name}: expected a folder for each class, at least 2 with {MIN_IMAGES_PER_CLASS} images or more "
            f"({', '.join(SUFFIXES)}), found {found or 'none'}{'; ' if besides else ''}{besides}"
        )

    return tuple(sorted(counts))


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
        left_out=np.array(dataset.left_out, dtype=np.str_),
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
            left_out=tuple(str(each) for each in kept.get("left_out", ())),
        )
