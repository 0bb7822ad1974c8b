"""The names of files in a folder or an archive tell which are images, of which class, and which are left out."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.image_folders import write_folder
from training.data.image_folders import (
    Reasons,
    convert_to_rgb,
    describe_left_out,
    find_classes,
    read_images,
)
from training.data.table import TableError


def sort(*names: str) -> tuple[dict[str, str], Reasons]:
    reasons: Reasons = {}
    return find_classes(names, reasons), reasons


def test_the_first_folder_is_the_class() -> None:
    """Folders within a class do not make classes of their own, however deep they are and whatever they share."""
    labels, reasons = sort("a/1.png", "b/2023/1.png", "b/2024/x/2.png", "c/2023/1.png")
    assert list(labels.values()) == ["a", "b", "b", "c"]
    assert reasons == {}


@pytest.mark.parametrize(
    ("kept", "other"),
    [("train", "test"), ("Training", "validation"), ("images", "masks")],
)
def test_parts_within_a_class_are_told_apart(kept: str, other: str) -> None:
    """Test images and masks are not learnt as images of their class, and are named; other folders within it are."""
    names = [f"{a}/{b}/1.png" for a in ("cat", "dog") for b in (kept, other)]
    labels, reasons = sort(*names, "cow/1.png", f"cow/{other}/2.png")
    assert labels == {
        f"cat/{kept}/1.png": "cat",
        f"dog/{kept}/1.png": "dog",
        "cow/1.png": "cow",
        f"cow/{other}/2.png": "cow",
    }
    assert reasons == {
        f"{each}/{other}/1.png": "in another part of its class than what is learnt"
        for each in ("cat", "dog")
    }


@pytest.mark.parametrize("around", ["photos", "home/me/photos"])
def test_folders_around_the_classes_are_passed_by(around: str) -> None:
    """One folder in another around all the classes, as archives have it, does not count."""
    labels, _ = sort(f"{around}/a/1.png", f"{around}/b/2023/1.png", "read_me.txt")
    assert list(labels.values()) == ["a", "b"]


def test_only_the_training_part_is_taken() -> None:
    """Images beside a folder `train` that holds the classes are not learnt."""
    labels, _ = sort("d/train/a/1.png", "d/train/b/1.png", "d/test/a/2.png")
    assert labels == {"d/train/a/1.png": "a", "d/train/b/1.png": "b"}


@pytest.mark.parametrize("name", ["Training", "TRAIN", "train_set", "train2017"])
def test_the_training_part_has_several_names(name: str) -> None:
    """Folders that others call the training part are read as `train` is."""
    labels, _ = sort(f"{name}/a/1.png", f"{name}/b/1.png", "Testing/a/2.png")
    assert labels == {f"{name}/a/1.png": "a", f"{name}/b/1.png": "b"}


def test_links_are_refused_and_empty_folders_named(tmp_path: Path) -> None:
    """No class is left out in silence because its folder is a link, or has nothing in it."""
    folder = write_folder(tmp_path / "sky", per_class=3)
    (folder / "dawn").mkdir()
    reasons: Reasons = {}
    assert len(list(read_images(folder, reasons))) == 6
    assert reasons == {"dawn": "an empty folder"}

    (folder / "dusk").symlink_to(folder / "noon")
    with pytest.raises(TableError, match="'dusk' is a link to a folder, which is not"):
        list(read_images(folder, {}))


@pytest.mark.parametrize(
    "hidden",
    [".ipynb_checkpoints/1-checkpoint.png", "a/.thumbs/1.png", "__MACOSX/a/._1.png"],
)
def test_what_is_hidden_is_no_class(hidden: str) -> None:
    """Folders of programs and hidden files are neither classes nor named among what is left out."""
    labels, reasons = sort("a/1.png", "b/1.png", hidden)
    assert set(labels.values()) == {"a", "b"}
    assert reasons == {}


def test_an_accent_is_one_letter_however_it_is_written() -> None:
    """A folder as macOS names it and one as other systems do are the same class."""
    labels, _ = sort("Ma\u0301laga/1.png", "M\u00e1laga/2.png", "Roma/3.png")
    assert list(labels.values()) == ["M\u00e1laga", "M\u00e1laga", "Roma"]


@pytest.mark.parametrize(
    ("stored", "name"),
    [("M\u00e1laga".encode(), "M\u00e1laga"), (b"M\xa0laga", "M\u00e1laga")],
    ids=["macOS", "DOS"],
)
def test_names_in_a_zip_archive_are_read_as_they_were_written(
    tmp_path: Path, stored: bytes, name: str
) -> None:
    """Finder writes UTF-8 without saying so, and older programs the letters of DOS."""
    path = tmp_path / "sky.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X" * len(stored) + "/1.png", b"image")
        archive.writestr("Roma/2.png", b"image")
    path.write_bytes(path.read_bytes().replace(b"X" * len(stored), stored))

    assert [label for _, label, _ in read_images(path, {})] == [name, "Roma"]


def test_what_is_left_out_has_a_reason() -> None:
    """A file of another kind and an image beside the classes are left out, each with its reason."""
    _, reasons = sort("a/1.png", "b/1.JPG", "a/2.heic", "stray.png")
    assert reasons == {
        "a/2.heic": "no kind of image that is read",
        "stray.png": "in no folder of a class",
    }


def test_an_archive_is_sorted_as_its_folder_is(tmp_path: Path) -> None:
    """A zip and a tar archive give the same images, classes and reasons as the folder."""
    folder = write_folder(tmp_path / "sky", per_class=3)
    (folder / "night" / "deep").mkdir()
    (folder / "night" / "0000.png").rename(folder / "night" / "deep" / "0000.png")
    (folder / "night" / "notes.txt").write_text("not an image")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    with zipfile.ZipFile(tmp_path / "sky.zip", "w") as zipped:
        for path in paths:
            zipped.write(path, path.relative_to(folder))
    with tarfile.open(tmp_path / "sky.tar.gz", "w:gz") as tar:
        tar.add(folder, ".")

    found = []
    for given in (folder, tmp_path / "sky.zip", tmp_path / "sky.tar.gz"):
        reasons: Reasons = {}
        found.append((list(read_images(given, reasons)), reasons))

    assert len(found[0][0]) == 6
    assert found[0][1] == {"night/notes.txt": "no kind of image that is read"}
    assert found[1] == found[0]
    assert found[2] == found[0]


def test_transparent_grey_of_sixteen_bits_is_white() -> None:
    """The grey that a 16-bit image calls transparent becomes white, and others are scaled."""
    image = Image.fromarray(np.array([[0, 25700, 65535]], dtype=np.uint16))
    image.info["transparency"] = 0
    assert np.asarray(convert_to_rgb(image))[0, :, 0].tolist() == [255, 100, 255]


def test_floating_point_pixels_are_refused() -> None:
    """Floating-point pixels are refused, because nobody knows which number is white."""
    with pytest.raises(ValueError, match="floating-point"):
        convert_to_rgb(Image.fromarray(np.zeros((2, 2), dtype=np.float32)))


def test_a_few_of_many_that_are_left_out_are_named() -> None:
    """One, two or many that are left out are counted, and the first five named."""
    many = [f"{number}.txt (why)" for number in range(8)]
    assert describe_left_out([]) == ""
    assert describe_left_out(many[:1]) == "1 file was left out: 0.txt (why)"
    assert describe_left_out(many).startswith("8 files were left out: 0.txt (why), 1.")
    assert describe_left_out(many).endswith("4.txt (why), and 3 more")
