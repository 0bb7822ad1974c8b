"""Folders of images may be no classes: parts of a data set, twins, or a class of hardly an image."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from training.data.table import TableError

N_SHOWN = 5
IN_NO_FOLDER = "in no folder of a class"
MIN_IMAGES = 5
"""So many images must a class have."""
MAX_PREFIXES = 100
_TRAINING_WORD = r"train(ing)?([-_ ]?(set|data|images))?\d{0,4}"
_OTHER_PART = (
    r"(test(ing)?|val(id(ation)?)?|dev|eval|holdout)([-_ ]?(set|data|images))?\d{0,4}"
)
_TRAINING = re.compile(rf"(?i){_TRAINING_WORD}")
_IS_TRAINING = re.compile(rf"(?i)(.+[-_ ])?{_TRAINING_WORD}|train[-_ ].+")
_IS_OTHER = re.compile(
    rf"(?i)(.+[-_ ])?{_OTHER_PART}|(test|val)[-_ ].+|im(age|g)s?|photos|masks?|labels?|annotations?|gt"
)
"""Folders of these names part a data set otherwise than into classes, but steam_train and bullet_train are two."""
_INNER_PARTS = (
    (_TRAINING, re.compile(rf"(?i){_OTHER_PART}")),
    (
        re.compile(r"(?i)im(age|g)s?|photos"),
        re.compile(r"(?i)masks?|labels?|annotations?|gt"),
    ),
)
"""Beside a folder of the first name, one of the second within a class has what is not learnt."""
NO_KIND = "no kind of image that is read"
_OTHER_FILES = (
    (
        (".heic", ".heif", ".avif", ".svg", ".jp2", ".jxl", ".dng", ".raw", ".dcm"),
        "{!r} is no kind of image that is read: save such images as JPEG or PNG",
    ),
    (
        (".csv", ".tsv", ".txt", ".json", ".xml", ".yaml", ".yml", ".xlsx"),
        "classes are taken from folders, and not from files as {!r}: make a folder for each class that stands there, "
        "and put its images into it",
    ),
    (
        ("", ".meta", ".npy", ".npz", ".pkl", ".mat", ".h5", ".bin"),
        "images are files of their own, with an ending as .png, and {!r} has none or holds many: write each image into "
        "the folder of its class",
    ),
)
"""Beside no classes there are these endings of files' names, and what would work."""
_PREFIX = re.compile(r"([^\W\d_]{2,})[\W_]*\d")


def find_training(folders: Sequence[str]) -> int | None:
    """Returns the place of the first folder that is called train or the like, None where there is none."""
    return next(
        (at for at, name in enumerate(folders) if _TRAINING.fullmatch(name)), None
    )


def find_other_parts(inner: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Returns those of (class, folder within it) that hold test images beside training ones, or masks beside images."""
    folders = set(inner)
    return {
        (label, name)
        for kept, other in _INNER_PARTS
        for label, name in folders
        if other.fullmatch(name)
        and any(kept.fullmatch(each) for its, each in folders if its == label)
    }


def check_folders(
    given: Path, labels: Mapping[str, str], reasons: Mapping[str, str]
) -> None:
    """Raises TableError for folders that are no classes, images beside them, and single classes of a few images."""
    counts = Counter(labels.values())
    stray = [name for name, reason in reasons.items() if reason == IN_NO_FOLDER]
    fault = _find_parts(sorted(counts)) or _find_few(labels)
    if len(counts) < 2 and len(stray) > len(labels):
        fault = (
            f"expected a folder for each class, got {len(stray)} images in none, as {stray[0]!r}"
            + _find_prefixes(stray)
        )
    if len(counts) == 1 and (prefixes := _find_prefixes([*labels])):
        folder = next(iter(counts))
        fault = f"expected a folder for each class, got {len(labels)} images in {folder!r}{prefixes}"
    if len(counts) < 2 or fault:
        fault = "; ".join(filter(None, (fault, _find_other_labels(reasons))))
    if fault:
        raise TableError(f"{given.name}: {fault}")


def check_own_images(given: Path, hashes: Mapping[str, Sequence[bytes]]) -> None:
    """Raises TableError for a class whose images, by their hashes, all are those of another class too."""
    known = {label: frozenset(each) for label, each in hashes.items()}
    for label, each in hashes.items():
        other = next(
            (name for name in known if name != label and known[label] <= known[name]),
            None,
        )
        if other is not None and len(each) >= MIN_IMAGES:
            raise TableError(
                f"{given.name}: all {len(each)} images of {label!r} are among those of {other!r} too, so that nothing "
                "tells them apart: remove them from one of the two, or join these folders"
            )


def _find_parts(classes: Sequence[str]) -> str:
    """Returns what is wrong with folders that are no classes, or differ by capitals alone, else nothing."""
    are_others = [_IS_OTHER.fullmatch(each) is not None for each in classes]
    are_parts = [
        is_other or _IS_TRAINING.fullmatch(each) is not None
        for each, is_other in zip(classes, are_others, strict=True)
    ]
    if any(are_others) and all(are_parts):
        return (
            f"the folders {', '.join(map(repr, classes))} are parts of a data set and no classes: make a folder for "
            "each class, and put the images of each into it"
        )

    twins = Counter(each.casefold() for each in classes)
    alike = [each for each in classes if twins[each.casefold()] > 1]
    if alike:
        return f"the folders {', '.join(map(repr, alike))} differ by capitals alone: join them, or call one otherwise"
    return ""


def _find_other_labels(reasons: Mapping[str, str]) -> str:
    """Returns what to do where labels, or pixels, are in files beside no folders of classes, else nothing."""
    others = [name for name, reason in reasons.items() if reason == NO_KIND]
    endings = {name: PurePosixPath(name).suffix.lower() for name in others}
    for known, advice in _OTHER_FILES:
        found = next((name for name in others if endings[name] in known), None)
        if found is not None:
            return advice.format(found)

    return ""


def _find_few(labels: Mapping[str, str]) -> str:
    """Returns which classes have too few images, and where these are, if others have enough; else nothing."""
    counts = Counter(labels.values())
    few = sorted(label for label, count in counts.items() if count < MIN_IMAGES)
    if not 0 < len(few) < len(counts):
        return ""

    folders: dict[str, str] = {}
    for name, label in labels.items():
        folders.setdefault(label, PurePosixPath(name).parent.as_posix())
    described = [
        f"{label!r} has {counts[label]} in {folders[label]!r}"
        for label in few[:N_SHOWN]
    ]
    more = ", ..." if len(few) > N_SHOWN else ""
    return (
        f"expected at least {MIN_IMAGES} images of each class, but {', '.join(described)}{more}: add images, or remove "
        "the folder"
    )


def _find_prefixes(names: Sequence[str]) -> str:
    """Returns what to do where names of files begin with a class, as cat.1.jpg does, else nothing."""
    found = [_PREFIX.match(PurePosixPath(name).name) for name in names]
    prefixes = Counter(match[1] for match in found if match)
    often = [prefix for prefix, count in prefixes.items() if count >= MIN_IMAGES]
    if not all(found) or not 2 <= len(often) <= MAX_PREFIXES:
        return ""

    first, second, *_ = sorted(often)
    return (
        f": move those that begin with {first!r} into a folder {first!r}, those with {second!r} into {second!r}, and "
        "so on"
    )
