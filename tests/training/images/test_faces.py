"""Faces are recognised on portraits that are drawn here, through onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from model_card import Card, from_metadata
from tests.support.image_folders import draw_portrait, write_portraits
from training.__main__ import main
from training.data.image_preprocessing import resize_and_crop
from training.graph import open_session
from training.images.faces import choose_threshold

NAMES = {"ada": (1,), "bo": (2,), "cleo": (3,), "dan": (4,)}
STRANGERS = range(100, 130)
SIZE_PX = 24


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns what `python -m training faces --data team` exported, and the portraits beside it."""
    root = tmp_path_factory.mktemp("faces")
    write_portraits(root / "team", NAMES)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEREDICTO_DATA", str(root / "cache"))
        words = [
            "faces",
            "--data",
            str(root / "team"),
            "--size",
            str(SIZE_PX),
            "--components",
            "20",
        ]
        assert main([*words, "--output", str(root)]) == 0

    return root


def open_file(
    root: Path, name: str = "people-faces"
) -> tuple[Card, onnxruntime.InferenceSession]:
    session = open_session((root / f"{name}.onnx").read_bytes())
    card = from_metadata(session.get_modelmeta().custom_metadata_map)
    assert card is not None
    return card, session


def recognise(
    root: Path, persons: range | tuple[int, ...], numbers: range
) -> list[str]:
    """Returns what the file says of portraits that it has not learnt."""
    card, session = open_file(root)
    pixels = np.stack(
        [
            np.asarray(draw_portrait(each, n).convert("RGB"))
            for each in persons
            for n in numbers
        ]
    )
    (label,) = session.run(["label"], {"pixels": pixels})

    return [(card.classes or ())[each] for each in label]


def test_persons_are_recognised(root: Path) -> None:
    """Persons are recognised in other light than any that was learnt."""
    card, _ = open_file(root)
    assert card.classes == ("ada", "bo", "cleo", "dan", "unknown")
    assert card.metrics["accuracy"].value == 1.0
    assert "unknown beyond a distance of " in card.summary
    assert "held-out strangers are taken for someone" in card.summary
    for name, (person,) in NAMES.items():
        assert recognise(root, (person,), range(50, 60)) == [name] * 10


def test_a_stranger_is_unknown(root: Path) -> None:
    """A person who was never seen is rejected rather than called by the nearest name."""
    assert recognise(root, STRANGERS, range(1)) == ["unknown"] * len(STRANGERS)


def test_it_is_what_scikit_learn_computes(root: Path) -> None:
    """The answer is the nearest portrait by PCA's codes of brightness with mean 0 and deviation 1."""
    card, session = open_file(root)
    named = [(name, n) for name in NAMES for n in range(12)]
    pixels = np.stack(
        [
            np.asarray(draw_portrait(NAMES[name][0], n).convert("RGB"))
            for name, n in named
        ]
    )
    filters, probabilities = session.run(
        ["filters", "probabilities"], {"pixels": pixels}
    )

    assert filters.shape == (21, SIZE_PX, SIZE_PX, 3)
    eigenfaces = filters[1:, :, :, 0].reshape(20, -1)
    assert np.allclose(eigenfaces @ eigenfaces.T, np.eye(20), atol=1e-5)
    assert (
        probabilities.argmax(axis=1) == [sorted(NAMES).index(name) for name, _ in named]
    ).all()
    faces = _faces(pixels)
    oracle = PCA(3).fit(faces)
    within = oracle.components_ @ eigenfaces.T
    assert np.linalg.norm(within, axis=1) == pytest.approx(
        1, abs=0.01
    )  # the same subspace, from most of the portraits
    nearest = NearestNeighbors(n_neighbors=2).fit(
        (faces - filters[0, :, :, 0].ravel()) @ eigenfaces.T
    )
    others = nearest.kneighbors(return_distance=False)[:, 0]
    assert [named[each][0] for each in others] == [name for name, _ in named]
    assert card.parity.unequal_labels == 0


def _faces(pixels: np.ndarray) -> np.ndarray:
    small = [
        np.asarray(resize_and_crop(Image.fromarray(each), SIZE_PX, SIZE_PX))
        for each in pixels
    ]
    grey = np.stack(small)[..., 0].reshape(len(pixels), -1) / 255.0
    return (grey - grey.mean(1, keepdims=True)) / grey.std(1, keepdims=True)


def test_a_folder_of_strangers_tells_the_distance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One person is enough beside strangers; without them, one person alone is refused with what would work."""
    monkeypatch.setenv("VEREDICTO_DATA", str(tmp_path / "cache"))
    write_portraits(tmp_path / "me", {"eve": (7,), "unknown": tuple(range(200, 212))})
    words = [
        "faces",
        "--data",
        str(tmp_path / "me"),
        "--task",
        "me",
        "--size",
        str(SIZE_PX),
    ]

    assert main([*words, "--output", str(tmp_path)]) == 0
    card, _ = open_file(tmp_path, "me-faces")
    assert card.classes == ("eve", "unknown")
    assert card.metrics["accuracy"].value == 1.0


def test_the_threshold_is_that_of_equal_error_rate() -> None:
    """The threshold accepts the share of strangers that it rejects of known persons, in the middle of all that do."""
    own = np.array([1.0, 2.0, 3.0, 6.0])
    other = np.array([5.0, 7.0, 8.0, 9.0])
    threshold, error_rate = choose_threshold(own, other)

    assert 5.0 < threshold < 6.0
    assert error_rate == 0.25
    assert choose_threshold(np.array([1.0, 2.0]), np.array([4.0, 8.0])) == (3.0, 0.0)


@pytest.mark.parametrize("name", ["Unknown", "strangers", "Desconocidos"])
def test_a_folder_of_strangers_by_another_name_is_no_person(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """The refusal says what to call it, since a person of that name would be recognised in anybody."""
    monkeypatch.setenv("VEREDICTO_DATA", str(tmp_path / "cache"))
    write_portraits(tmp_path / "team", NAMES | {name: (101, 102, 103)})
    words = ["faces", "--task", "team", "--data", str(tmp_path / "team")]

    assert main([*words, "--output", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert f"the folder {name!r} would be learnt as a person" in " ".join(said.split())
    assert not list(tmp_path.glob("*.onnx"))
