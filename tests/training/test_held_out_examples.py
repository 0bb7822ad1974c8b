"""Examples that a training writes are those that a server believes, with the truth and the labels of the files."""

from __future__ import annotations

import json
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.calls.examples import Examples
from service.errors import InvalidRequest
from service.models.registry import Registry
from tests.support.hue_images import write_images
from training.__main__ import main

N_ROWS = 120
N_IMAGES = 20
SIZE_PX = 12
CLASSES = ("red", "green", "blue")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder has the table of a task, with gaps, texts and dates, and two models of it with examples."""
    folder = tmp_path_factory.mktemp("shop")
    generator = np.random.default_rng(0)
    lines = ["size,colour,when,bought"]
    for number in range(N_ROWS):
        size = generator.normal()
        text = "" if number % 9 == 0 else f"{size:.3f}"
        bought = "yes" if size > 0 else "no"
        lines.append(f"{text},{CLASSES[number % 3]},2024-0{1 + number % 9}-11,{bought}")

    path = folder / "shop.csv"
    path.write_text("\n".join(lines))
    words = ["--data", str(path), "--target", "bought", "--task", "shop", "--examples"]
    for family in ("logistic", "naive_bayes"):
        assert main([family, *words, "--output", str(folder / "models")]) == 0

    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder has images of three hues, and a model of them with examples."""
    folder = tmp_path_factory.mktemp("hues")
    write_images(folder / "images", per_class=N_IMAGES, noise=5)
    words = ["--data", str(folder / "images"), "--task", "hue", "--size", str(SIZE_PX)]
    models = ["--output", str(folder / "models"), "--examples"]
    assert main(["logistic", *words, *models]) == 0

    return folder


def select(folder: Path, task: str, **options: str) -> Any:
    models = Registry.load(folder / "models").task(task)
    return Examples(folder / "models").select(models, **options)


def test_rows_of_an_own_table_are_shown(table: Path) -> None:
    """Categories are texts again, gaps are null, and labels are those that the models give the rows."""
    found = select(table, "shop", n="1000")
    models = Registry.load(table / "models").task("shop")

    assert found["held_out"] == len(found["inputs"]) == N_ROWS // 5
    assert {row[1] for row in found["inputs"]} == set(CLASSES)
    assert any(row[0] is None for row in found["inputs"])
    for model in models:
        (labels,) = model.graph.run(["label"], model.encode(found["inputs"]))
        given = [model.classes[index] for index in labels]
        assert given == found["predictions"][model.name]


def test_a_training_that_is_up_to_date_writes_them_too(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A training that finds its files up to date writes the examples that are missing."""
    (table / "models" / "shop.held_out.csv").unlink()
    words = ["--data", str(table / "shop.csv"), "--target", "bought", "--task", "shop"]
    models = ["--family", "logistic", "--output", str(table / "models")]

    assert main(["all", *words, *models, "--examples"]) == 0
    assert "were up to date" in capsys.readouterr().out
    assert select(table, "shop")["held_out"] == N_ROWS // 5


def test_a_training_of_all_families_says_where_their_files_are(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder is named once for all families, with the command that serves it."""
    words = ["--data", str(table / "shop.csv"), "--target", "bought", "--task", "shop"]
    folder = table / "models"
    models = ["--family", "logistic", "--output", str(folder)]

    assert main(["all", *words, *models]) == 0
    said = f"models in {folder}: 1; serve them: VEREDICTO_MODELS={folder} python -m service"
    assert said in capsys.readouterr().out.replace("\n", "")


def test_images_of_an_own_folder_are_shown(images: Path) -> None:
    """Each is one of the class that is said, in the size that was learnt."""
    found = select(images, "hue", n="1000")

    assert found["held_out"] == 3 * N_IMAGES // 5
    assert found["rows"] == list(range(found["held_out"]))
    for row, label in zip(found["inputs"], found["labels"], strict=True):
        pixels = np.asarray(Image.open(BytesIO(b64decode(row["b64"]))))
        assert pixels.shape == (SIZE_PX, SIZE_PX, 3)
        assert CLASSES[int(pixels.mean(axis=(0, 1)).argmax())] == label


def break_hash(document: dict[str, Any]) -> None:
    document["hashes"] = "AAAA" + document["hashes"][4:]


def swap_images(document: dict[str, Any]) -> None:
    first, second = document["images"][:2]
    first["row"], second["row"] = second["row"], first["row"]


def break_image(document: dict[str, Any]) -> None:
    document["images"][0]["png"] = "AAAA"


def count_on(document: dict[str, Any]) -> None:
    document["images"][0]["row"] = 10_000


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (break_hash, "are not the held-out images that the files of the task"),
        (swap_images, r"images\[0\]: it is not the held-out image 1"),
        (break_image, r"images\[0\]"),
        (count_on, r"images\[0\]: it is not the held-out image 10000"),
        (dict.clear, "cannot be read"),
        (lambda each: each.update(images=each["images"] * 9), "at most 100 images"),
    ],
)
def test_other_images_are_refused(images: Path, change: Any, error: str) -> None:
    """A file that does not fit to the models is told of by its name; no path is."""
    path = images / "models" / "hue.held_out.json"
    before = path.read_text()
    document = json.loads(before)
    change(document)
    path.write_text(json.dumps(document))
    try:
        with pytest.raises(
            InvalidRequest, match=f"^hue.held_out.json.*{error}"
        ) as caught:
            select(images, "hue")
    finally:
        path.write_text(before)

    assert str(images) not in str(caught.value)


def test_numbers_have_no_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Examples are rows with a class; the model of a number is written without."""
    words = ["--task", "diabetes", "--output", str(tmp_path), "--examples"]
    assert main(["linear", *words]) == 0
    assert "no examples were written" in capsys.readouterr().out
    assert not list(tmp_path.glob("*.held_out.*"))


def test_examples_of_all_shipped_models_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The option goes with data of one's own, since those of the bundled tasks are shipped."""
    assert main(["all", "--examples"]) == 1
    assert "--examples goes with --data" in capsys.readouterr().out
