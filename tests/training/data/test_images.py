"""Folders and archives of images become arrays."""

from __future__ import annotations

import pickle
import tarfile
import zipfile
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torchvision import datasets
from torchvision.datasets.utils import calculate_md5

from tests.support.image_folders import write_folder
from training.data import images
from training.data.image_preprocessing import resize_and_crop
from training.data.table import TableError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sets a cache of the test's own."""
    monkeypatch.setenv("VEREDICTO_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


def read(folder: Path, *, size_px: int = 24) -> images.ImageDataset:
    return images.read_images(
        folder, task="sky", size_px=size_px, on_progress=lambda _: None
    )


def write_cifar(folder: Path) -> Path:
    """Writes six images of each of CIFAR-10's classes as its archive has them; the first pixel's red is the class."""
    for number, name in enumerate(images.CIFAR10):
        (folder / "train" / name).mkdir(parents=True)
        for copy in range(6):
            pixels = np.full((32, 32, 3), number, dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "train" / name / f"{copy:04}.png")
    return folder


def test_each_folder_is_a_class(tmp_path: Path) -> None:
    """Folders are classes in alphabetical order, with every image of them, resized and cropped as Pillow does."""
    folder = write_folder(tmp_path / "sky")
    dataset = read(folder)

    assert dataset.classes == ("night", "noon")
    assert dataset.pixels.shape == (80, 24, 24, 3)
    assert np.bincount(dataset.target).tolist() == [40, 40]
    first = Image.open(folder / "night" / "0000.png")
    assert np.array_equal(dataset.pixels[0], np.asarray(resize_and_crop(first, 24, 24)))


@pytest.mark.parametrize("suffix", [".tar.xz", ".tar.gz", ".zip"])
def test_an_archive_is_the_folder_in_it(tmp_path: Path, suffix: str) -> None:
    """An archive has the fingerprint of the folder in it."""
    folder = write_folder(tmp_path / "sky")
    archive = tmp_path / f"sky{suffix}"
    paths = sorted(folder.rglob("*.png"))
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path in paths:
                file.write(path, path.relative_to(tmp_path))
    else:
        with tarfile.open(archive, f"w:{suffix[5:]}") as tar:
            for path in paths:
                tar.add(path, path.relative_to(tmp_path))

    assert read(archive).fingerprint == read(folder).fingerprint


def test_images_are_decoded_once(tmp_path: Path, cache: Path) -> None:
    """Images come from the cache the second time, until a file changes."""
    folder = write_folder(tmp_path / "sky")
    messages: list[str] = []
    for _ in range(2):
        images.read_images(folder, task="sky", size_px=24, on_progress=messages.append)

    assert messages == ["decoded 80 images"]
    (folder / "night" / "0000.png").unlink()
    assert len(read(folder).target) == 79
    assert len(list(cache.glob("sky-24-*.npz"))) == 2


def test_what_is_no_image_is_left_out_and_named(tmp_path: Path) -> None:
    """Files that are not learnt are named with the reason, again when the images come from the cache."""
    folder = write_folder(tmp_path / "sky")
    (folder / "night" / "broken.jpg").write_bytes(b"not a JPEG")
    (folder / "night" / "notes.txt").write_text("not an image")
    (folder / "night" / ".DS_Store").write_text("nobody's business")

    for _ in range(2):
        dataset = read(folder)
        assert len(dataset.target) == 80
        assert dataset.left_out == (
            "night/broken.jpg (no image, or a broken one)",
            "night/notes.txt (no kind of image that is read)",
        )


def test_sixteen_bits_of_grey_are_scaled(tmp_path: Path) -> None:
    """A ramp over all 65,536 greys of a PNG, TIFF or PGM file is learnt as a ramp over 256, not as white."""
    ramp = np.repeat(np.linspace(0, 65535, 24)[None], 24, axis=0).astype(np.uint16)
    folder = write_folder(tmp_path / "sky", per_class=5)
    for number, suffix in enumerate(("png", "tif", "pgm")):
        path = folder / "night" / f"a{number}.{suffix}"
        if suffix == "pgm":
            path.write_bytes(b"P5 24 24 65535\n" + ramp.astype(">u2").tobytes())
        else:
            Image.fromarray(ramp).save(path)

    dataset = read(folder)
    learnt = dataset.pixels[dataset.target == 0][-3:]
    expected = np.rint(ramp / 257)[..., None]
    assert dataset.left_out == ()
    assert np.abs(learnt - expected).max() <= 1


def test_the_left_out_do_not_change_the_data(tmp_path: Path) -> None:
    """A file that is left out changes neither the images nor their fingerprint."""
    folder = write_folder(tmp_path / "sky", per_class=6)
    before = read(folder).fingerprint
    (folder / "noon" / "scan.heic").write_bytes(b"of another kind")

    assert read(folder).fingerprint == before


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    """The error says what was expected and what was found."""
    (tmp_path / "flat" / "only").mkdir(parents=True)
    with pytest.raises(TableError) as refusal:
        read(tmp_path / "flat")

    assert str(refusal.value) == (
        "flat: expected a folder for each class, at least 2 with 5 images or more "
        "(.jpg, .jpeg, .jfif, .png, .webp, .bmp, .gif, .tif, .tiff, .pgm, .ppm), found none"
    )


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    """A file that is no archive is refused whatever its name says."""
    (tmp_path / "sky.tar.gz").write_bytes(b"not an archive")
    with pytest.raises(
        TableError, match=r"^sky.tar.gz: expected a folder, or an archive \(.tar, "
    ):
        read(tmp_path / "sky.tar.gz")


def test_cifar10_is_taken_from_a_folder_and_serves_its_tasks(tmp_path: Path) -> None:
    """CIFAR-10 has ten classes; two of them are cat_or_automobile, the others cifar8."""
    images.fetch_cifar10(write_cifar(tmp_path / "mine"), lambda _: None)
    sizes = {task: len(images.load(task).target) for task in images.TASKS}

    assert sizes == {"cifar10": 60, "cifar8": 48, "cat_or_automobile": 12}
    two = images.load("cat_or_automobile")
    assert two.classes == ("automobile", "cat")
    assert np.array_equal(two.pixels[:, 0, 0, 0], np.where(two.target == 0, 1, 3))


def test_cifar10_that_is_something_else_is_refused(tmp_path: Path) -> None:
    """A folder with other classes than CIFAR-10's is refused."""
    with pytest.raises(
        TableError,
        match=r"^sky: expected the classes airplane, .*, truck, got night, noon$",
    ):
        images.fetch_cifar10(write_folder(tmp_path / "sky"), lambda _: None)


def test_data_that_are_not_here_are_asked_for(cache: Path) -> None:
    """The error names the command that gets the data."""
    with pytest.raises(TableError) as refusal:
        images.load("cifar10")
    assert str(refusal.value) == (
        f"--task cifar10 needs CIFAR-10, which is not in {cache}: python -m training data cifar10 fetches it, "
        "and with --from ARCHIVE or FOLDER it takes what you have"
    )


def write_cifar10(folder: Path, rows: NDArray[np.uint8]) -> dict[str, str]:
    """Writes ten images `(10, 3072)` as an archive of CIFAR-10's layout; returns the digest of each of its files."""
    batches = folder / "cifar-10-batches-py"
    batches.mkdir()
    for number, (name, _) in enumerate(datasets.CIFAR10.train_list):
        part = {
            "data": rows[2 * number : 2 * number + 2],
            "labels": [2 * number, 2 * number + 1],
        }
        (batches / name).write_bytes(pickle.dumps(part))

    (batches / "test_batch").write_bytes(
        pickle.dumps({"data": rows[:1], "labels": [0]})
    )
    (batches / "batches.meta").write_bytes(
        pickle.dumps({"label_names": list(images.CIFAR10)})
    )
    archive = folder / "cifar-10-python.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(batches, batches.name)

    return {path.name: calculate_md5(path) for path in (*batches.iterdir(), archive)}


def test_cifar10_is_fetched_by_torchvisions_own_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torchvision downloads, unpacks and checks a file of CIFAR-10's layout, here with ten images."""
    generator = np.random.default_rng(0)
    rows = generator.integers(0, 256, (10, 3072), dtype=np.uint8)
    digests = write_cifar10(tmp_path, rows)

    for attribute in ("train_list", "test_list"):
        names = [name for name, _ in getattr(datasets.CIFAR10, attribute)]
        monkeypatch.setattr(
            datasets.CIFAR10, attribute, [[name, digests[name]] for name in names]
        )

    monkeypatch.setattr(
        datasets.CIFAR10,
        "meta",
        datasets.CIFAR10.meta | {"md5": digests["batches.meta"]},
    )
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", digests["cifar-10-python.tar.gz"])
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))

    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/cifar-10-python.tar.gz"
        monkeypatch.setattr(datasets.CIFAR10, "url", url)
        dataset = images.fetch_cifar10(None, lambda _: None)
        server.shutdown()

    assert dataset.classes == images.CIFAR10
    assert np.array_equal(
        dataset.pixels, rows.reshape(10, 3, 32, 32).transpose(0, 2, 3, 1)
    )
    assert dataset.target.tolist() == list(range(10))


def test_a_download_that_fails_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A failed download says what to do instead of a traceback."""
    monkeypatch.setattr(datasets.CIFAR10, "url", (tmp_path / "nothing.tar.gz").as_uri())
    with pytest.raises(
        TableError,
        match=r"could not be downloaded .*: without a network give what you have with --from",
    ):
        images.fetch_cifar10(None, lambda _: None)
