"""Networks of images are adopted with the preprocessing that is stated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from service.models.model import Model
from tests.support.foreign_models import adopt

SIZE = 8
MEAN, STD = np.array([0.5, 0.4, 0.3]), np.array([0.2, 0.25, 0.5])


def write_images(folder: Path) -> Path:
    """Writes six red and six blue images, of SIZE by SIZE pixels with some noise."""
    generator = np.random.default_rng(0)
    for name, channel in (("blue", 2), ("red", 0)):
        (folder / name).mkdir(parents=True)
        for number in range(6):
            pixels = generator.integers(0, 120, (SIZE, SIZE, 3), dtype=np.uint8)
            pixels[..., channel] += 100
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def write_network(
    path: Path, shape: list[int | str], weights: NDArray[np.float32]
) -> Path:
    """Writes a network that has one logit for each class, from all values of an image."""
    nodes = [
        helper.make_node("Flatten", ["images"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(model)

    return path


def read_pixels(folder: Path) -> list[NDArray[np.uint8]]:
    return [np.array(Image.open(path)) for path in sorted(folder.rglob("*.png"))]


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        pytest.param(["n", 3, SIZE, SIZE], (0, 3, 1, 2), id="channels first"),
        pytest.param(["n", SIZE, SIZE, 3], (0, 1, 2, 3), id="channels last"),
    ],
)
def test_a_network_answers_what_it_did_to_prepared_images(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shape: list[int | str],
    axes: tuple[int, ...],
) -> None:
    """Mean, deviation and layout go into the graph, and the folders name classes that have no names."""
    monkeypatch.setenv("VEREDICTO_DATA", str(tmp_path / "kept"))
    folder = write_images(tmp_path / "colours")
    generator = np.random.default_rng(1)
    weights = generator.normal(scale=0.05, size=(3 * SIZE**2, 2)).astype(np.float32)
    path = write_network(tmp_path / "net.onnx", shape, weights)
    words = ["--mean", *map(str, MEAN), "--std", *map(str, STD), "--output", tmp_path]

    assert adopt(path, "--task", "colours", "--data", folder, *words) == 0

    model = Model.load(tmp_path / "colours-net.onnx")
    assert model is not None
    assert model.classes == ("blue", "red")
    pixels = read_pixels(folder)
    prepared = ((np.stack(pixels) / 255 - MEAN) / STD).transpose(axes)
    scores = prepared.reshape(len(pixels), -1) @ weights
    powers = np.exp(scores)
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.run(pixels)[1], expected, atol=1e-4)


def test_a_network_of_grey_images_takes_colours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one channel is the grey value of what comes, as Pillow weighs red, green and blue."""
    monkeypatch.setenv("VEREDICTO_DATA", str(tmp_path / "kept"))
    folder = write_images(tmp_path / "colours")
    weights = np.stack([-np.ones(SIZE**2), np.ones(SIZE**2)], axis=1) / SIZE**2
    path = write_network(
        tmp_path / "net.onnx", ["n", 1, SIZE, SIZE], weights.astype(np.float32)
    )

    words = ("--task", "colours", "--data", folder, "--output", tmp_path)
    assert adopt(path, *words) == 0

    model = Model.load(tmp_path / "colours-net.onnx")
    assert model is not None
    pixels = read_pixels(folder)
    grey = (np.stack(pixels) / 255 @ np.array([0.299, 0.587, 0.114])).mean(axis=(1, 2))
    np.testing.assert_allclose(
        model.run(pixels)[1][:, 1], 1 / (1 + np.exp(-2 * grey)), atol=1e-4
    )


@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_network_of_classes_in_another_order_is_suspected(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_reversed: bool,
) -> None:
    """A network that is right less often than one class alone is written, and says what may be wrong."""
    monkeypatch.setenv("VEREDICTO_DATA", str(tmp_path / "kept"))
    folder = write_images(tmp_path / "colours")
    weights = np.zeros((3, SIZE**2, 2), np.float32)
    weights[0, :, 1] = 3 / SIZE**2
    weights[2, :, 0] = 3 / SIZE**2
    flat = weights[..., ::-1] if is_reversed else weights
    flat = np.ascontiguousarray(flat.reshape(3 * SIZE**2, 2))
    path = write_network(tmp_path / "net.onnx", ["n", 3, SIZE, SIZE], flat)

    words = ("--task", "colours", "--data", folder, "--output", tmp_path)
    assert adopt(path, *words) == 0

    told = " ".join(capsys.readouterr().out.split())
    asked = "are its images prepared so, and its classes in the order of the folders?"
    assert (asked in told) == is_reversed


def test_a_model_of_rows_is_no_network_of_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder as data and an input of two axes do not go together, which is said with what would."""
    folder = write_images(tmp_path / "colours")
    path = write_network(tmp_path / "net.onnx", ["n", 4], np.ones((4, 2), np.float32))

    words = ("--task", "colours", "--data", folder, "--output", tmp_path)
    assert adopt(path, *words) == 1

    assert (
        "adopted with a table, --data FILE --target COLUMN" in capsys.readouterr().err
    )
