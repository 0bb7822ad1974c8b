"""Folders that are no classes, and images in none, are refused with what would work."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from training.data.image_folders import read_images
from training.data.table import TableError

FEW = "add images, or remove the folder"
PARTS = "are parts of a data set and no classes: make a folder for each class, and put the images of each into it"


@pytest.mark.parametrize(
    ("folders", "fault"),
    [
        (
            {"cat": 6, "dog": 1},
            f"expected at least 5 images of each class, but 'dog' has 1 in 'dog': {FEW}",
        ),
        (
            {"train/cat": 6, "train/dog/2023": 2, "test/dog": 9},
            f"expected at least 5 images of each class, but 'dog' has 2 in 'train/dog/2023': {FEW}",
        ),
        ({"images/train": 6, "images/val": 6}, f"the folders 'train', 'val' {PARTS}"),
        ({"train2017": 6, "val2017": 6}, f"the folders 'train2017', 'val2017' {PARTS}"),
        ({"images": 6, "masks": 6}, f"the folders 'images', 'masks' {PARTS}"),
        (
            {"seg_train/a": 6, "seg_train/b": 6, "seg_test/a": 6},
            f"the folders 'seg_test', 'seg_train' {PARTS}",
        ),
        (
            {"Cat": 6, "cat": 6, "dog": 6},
            "the folders 'Cat', 'cat' differ by capitals alone: join them, or call one otherwise",
        ),
    ],
)
def test_folders_that_are_no_classes_are_refused(
    tmp_path: Path, folders: dict[str, int], fault: str
) -> None:
    """Parts of a data set, twins and classes of hardly an image are named with their folders, also in archives."""
    sky = tmp_path / "sky"
    for folder, count in folders.items():
        (sky / folder).mkdir(parents=True)
        for number in range(count):
            (sky / folder / f"{number}.png").write_bytes(b"image")
    with zipfile.ZipFile(tmp_path / "sky.zip", "w") as archive:
        for path in sky.rglob("*.png"):
            archive.write(path, path.relative_to(sky))

    for given in (sky, tmp_path / "sky.zip"):
        with pytest.raises(TableError) as refused:
            list(read_images(given, {}))
        assert str(refused.value) == f"{given.name}: {fault}"


@pytest.mark.parametrize(
    "names", [["steam_train", "bullet_train"], ["train", "car"], ["masks", "hats"]]
)
def test_classes_that_are_called_as_parts_are_classes(
    tmp_path: Path, names: list[str]
) -> None:
    """Trains of two kinds, and a part's name beside others, are classes."""
    for name in names:
        (tmp_path / "sky" / name).mkdir(parents=True)
        (tmp_path / "sky" / name / "1.png").write_bytes(b"image")
    found = read_images(tmp_path / "sky", {})
    assert [label for _, label, _ in found] == sorted(names)


def test_images_in_no_folder_are_refused_with_their_names(tmp_path: Path) -> None:
    """The refusal says which folders to make where names of files begin with a class."""
    for number in range(6):
        for name in ("cat", "dog"):
            (tmp_path / f"{name}.{number}.jpg").write_bytes(b"image")
    with pytest.raises(TableError) as refused:
        list(read_images(tmp_path, {}))
    assert str(refused.value) == (
        f"{tmp_path.name}: expected a folder for each class, got 12 images in none, as 'cat.0.jpg': move those that "
        "begin with 'cat' into a folder 'cat', those with 'dog' into 'dog', and so on"
    )


def test_names_that_begin_with_a_class_are_told_within_one_folder(
    tmp_path: Path,
) -> None:
    """The one folder `train` of cat.0.jpg and dog.0.jpg is no class, and the refusal says which folders to make."""
    (tmp_path / "train").mkdir()
    for number in range(6):
        for name in ("cat", "dog"):
            (tmp_path / "train" / f"{name}.{number}.jpg").write_bytes(b"image")
    with pytest.raises(TableError) as refused:
        list(read_images(tmp_path, {}))
    assert str(refused.value) == (
        f"{tmp_path.name}: expected a folder for each class, got 12 images in 'train': move those that begin with "
        "'cat' into a folder 'cat', those with 'dog' into 'dog', and so on"
    )


@pytest.mark.parametrize(
    ("folder", "other", "message"),
    [
        ("images", "train.csv", "not from files as 'train.csv': make a folder for"),
        (".", "labels.txt", "not from files as 'labels.txt': make a folder for each"),
        ("train2017", "all/coco.json", "not from files as 'all/coco.json': make a"),
        ("JPEGImages", "notes/0.xml", "not from files as 'notes/0.xml': make a folder"),
        (None, "cat/0.heic", "'cat/0.heic' is no kind of image that is read: save"),
        (None, "data_batch_1", "'data_batch_1' has none or holds many: write each"),
        (None, "cat/0", "'cat/0' has none or holds many: write each image into"),
    ],
)
def test_what_lies_beside_no_classes_is_told_with_what_would_work(
    tmp_path: Path, folder: str | None, other: str, message: str
) -> None:
    """Labels in a file, images of another kind and pixels in one file are named where no folder is a class."""
    if folder is not None:
        (tmp_path / folder).mkdir(exist_ok=True)
        for number in range(12):
            image = tmp_path / folder / f"{number:04}.jpg"
            image.write_bytes(str(number).encode())
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).write_text("0000.jpg cat")
    with pytest.raises(TableError, match=re.escape(message)):
        list(read_images(tmp_path, {}))


def test_a_class_without_an_image_of_its_own_is_refused(tmp_path: Path) -> None:
    """Two people with the same portraits cannot be told apart, whatever learns; one portrait that both have is said."""
    for name, first in (("ada", 0), ("bob", 0), ("eve", 100)):
        (tmp_path / name).mkdir()
        for number in range(6):
            image = tmp_path / name / f"{number}.png"
            image.write_bytes(str(first + number).encode())
    with pytest.raises(TableError) as refused:
        list(read_images(tmp_path, {}))
    assert str(refused.value) == (
        f"{tmp_path.name}: all 6 images of 'ada' are among those of 'bob' too, so that nothing tells them apart: "
        "remove them from one of the two, or join these folders"
    )

    (tmp_path / "ada" / "5.png").write_bytes(b"own")
    (tmp_path / "bob" / "4.png").write_bytes(b"of bob")
    assert len(list(read_images(tmp_path, {}))) == 18
