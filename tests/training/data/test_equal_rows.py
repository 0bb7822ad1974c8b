"""Rows and images that are equal are counted before anybody trusts what is learnt from them."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.support.image_folders import write_folder
from training.data import images
from training.data.column_descriptions import describe_columns
from training.data.equal_rows import describe_equal_images, describe_equal_rows
from training.data.image_folders import name_images

N_ROWS = 40


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets a cache of the test's own."""
    monkeypatch.setenv("VEREDICTO_DATA", str(tmp_path / "cache"))


def write(folder: Path, lines: list[str]) -> Path:
    path = folder / "my.csv"
    path.write_text("\n".join(["a,day,y", *lines]))
    return path


def test_rows_of_other_classes_are_counted_with_the_best_accuracy(
    tmp_path: Path,
) -> None:
    """Three equal rows, two yes and one no, leave one of forty wrong whatever is learnt; times are no features."""
    lines = [
        f"{at},2024-03-01 10:00,{'yes' if at % 2 else 'no'}" for at in range(N_ROWS)
    ]
    path = write(tmp_path, [*lines[:-2], lines[1], "1,2024-03-01 11:30,no"])

    assert describe_columns(path, target="y")[3:] == [
        "3 of 40 rows equal others in all that is learnt, but have another target: no model is right on more than "
        "97.5% of all rows"
    ]
    assert describe_columns(write(tmp_path, lines), target="y")[3:] == []
    path = write(tmp_path, [*lines[:-2], lines[1], "1,2024-03-01 11:30,no"])
    assert describe_columns(path, target="y", exclude=["a"])[3:] == [
        "40 of 40 rows equal others in all that is learnt, but have another target: no model is right on more than "
        "50.0% of all rows"
    ]


def test_a_few_of_many_rows_leave_less_than_all_right(tmp_path: Path) -> None:
    """Two of 12,000 rows are not rounded away, since a model that is right on all rows would be said to be possible."""
    lines = [f"{at},2024-03-01,{'yes' if at % 2 else 'no'}" for at in range(11_999)]
    path = write(tmp_path, [*lines, "1,2024-03-01,no"])
    said = describe_columns(path, target="y")[-1]
    assert said.endswith("no model is right on more than 99.9917% of all rows")


def test_rows_that_are_copies_are_counted() -> None:
    """A twentieth of rows that repeat others is said, and fewer, or rows of few different values, may be chance."""
    target = pl.Series("y", ["no", "yes"] * 20)
    copied = pl.DataFrame({"a": [*range(38), 0, 1]})
    assert describe_equal_rows(copied, target, classifies=True) == [
        "2 of 40 rows repeat others, target included, so that some of the held-out rows are learnt too: keep one of "
        "each if they are copies"
    ]
    one = pl.DataFrame({"a": [*range(39), 1]})
    assert describe_equal_rows(one, target, classifies=True) == []
    few = pl.DataFrame({"a": [0, 1] * 20})
    assert describe_equal_rows(few, target, classifies=True) == []


def test_rows_that_are_copied_many_times_are_counted() -> None:
    """Rows that are there three times are copies where a measurement differs in all of them, else chance."""
    distinct = [number / 7 for number in range(40)]
    target = pl.Series("y", ["no", "yes"] * 60)
    copied = pl.DataFrame({"a": distinct * 3, "b": ["x", "x", "z", "z"] * 30})
    (said,) = describe_equal_rows(copied, target, classifies=True)
    assert said.startswith("80 of 120 rows repeat others, target included")

    few = pl.DataFrame({"a": [0, 0, 1, 1] * 30, "b": [1, 1, 1, 1, 2, 2] * 20})
    assert not any(
        "repeat others" in each
        for each in describe_equal_rows(few, target, classifies=True)
    )


def test_rows_of_other_numbers_are_counted_with_the_best_r2() -> None:
    """The limit is that of a model that answers each group of equal rows with its mean; gaps are equal to gaps."""
    features = pl.DataFrame(
        {"a": [1.0, 1.0, None, None, 5.0], "b": ["x", "x", "y", "y", "z"]}
    )
    target = pl.Series("y", [1.5, 2.5, 4.0, 4.5, 9.0])
    means = np.array([2.0, 2.0, 4.25, 4.25, 9.0])
    values = target.to_numpy()
    best = 1 - ((values - means) ** 2).sum() / ((values - values.mean()) ** 2).sum()

    assert describe_equal_rows(features, target, classifies=False) == [
        "4 of 5 rows equal others in all that is learnt, but have another target: no model has an R2 over "
        f"{best:.3f} on all rows"
    ]


def test_rows_without_a_target_do_not_count() -> None:
    """Rows that are not learnt contradict nothing."""
    features = pl.DataFrame({"a": [1, 1, 2]})
    target = pl.Series("y", ["no", None, "yes"])
    assert describe_equal_rows(features, target, classifies=True) == []
    assert describe_equal_rows(pl.DataFrame(), target, classifies=True) == []


@pytest.mark.parametrize("packed", [False, True])
def test_an_image_of_two_classes_is_named(tmp_path: Path, *, packed: bool) -> None:
    """A copy in another class and one in its own are told with their names, in folders and archives; a broken file is
    passed over.
    """
    given = write_folder(tmp_path / "sky", per_class=6)
    shutil.copy(given / "night" / "0001.png", given / "noon" / "copy.png")
    shutil.copy(given / "noon" / "0002.png", given / "noon" / "again.png")
    (given / "night" / "0000b.png").write_bytes(b"no image")
    if packed:
        with zipfile.ZipFile(tmp_path / "sky.zip", "w") as archive:
            for path in given.rglob("*.png"):
                archive.write(path, path.relative_to(given))
        given = tmp_path / "sky.zip"

    dataset = images.read_images(
        given, task="sky", size_px=16, on_progress=lambda _: None
    )
    names = name_images(given, dataset.left_out)
    assert describe_equal_images(dataset.pixels, dataset.target, names) == [
        "2 of 14 images are equal to one of another class, and cannot all be right, as night/0001.png and "
        "noon/copy.png: move or remove them",
        "1 of 14 images repeat others of their class, so that some of the held-out ones are learnt too, as "
        "noon/0002.png and noon/again.png: keep one of each",
    ]


def test_images_that_differ_are_not_mentioned(tmp_path: Path) -> None:
    """A folder without copies has nothing to be said."""
    given = write_folder(tmp_path / "sky", per_class=6)
    dataset = images.read_images(
        given, task="sky", size_px=16, on_progress=lambda _: None
    )
    assert describe_equal_images(dataset.pixels, dataset.target, ()) == []
