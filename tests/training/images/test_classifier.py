"""Families that learn from images are fitted here to a small folder, and run through onnxruntime."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from model_card import Card, ImageInput, from_metadata
from tests.support.image_folders import write_folder
from training.__main__ import main
from training.graph import open_session
from training.images.convnet import ConvNet
from training.images.dense import Dense
from training.images.gradient_descent import (
    ImageNetwork,
    Progress,
    minimise_loss,
    score,
)
from training.images.network import PixelClassifier
from training.images.schedule import Schedule
from training.images.selection import Selector

FAMILIES = ("logistic", "mlp", "cnn")
COMMANDS = {
    "logistic": ("--epochs", "3"),
    "mlp": ("--epochs", "3", "--widths", "16,8"),
    "cnn": (
        "--epochs",
        "12",
        "--learning-rate",
        "0.3",
        "--widths",
        "8,8,8",
        "--depth",
        "3",
        "--select",
        "--moves",
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns what `python -m training FAMILY --data sky --task sky` exported, and the images beside it."""
    root = tmp_path_factory.mktemp("images")
    photographs = write_folder(root / "sky")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEREDICTO_DATA", str(root / "cache"))
        for family, options in COMMANDS.items():
            words = [
                family,
                "--data",
                str(photographs),
                "--task",
                "sky",
                "--size",
                "24",
                *options,
            ]
            assert main([*words, "--output", str(root)]) == 0

    return root


def open_file(folder: Path, family: str) -> tuple[Card, onnxruntime.InferenceSession]:
    session = open_session((folder / f"sky-{family}.onnx").read_bytes())
    card = from_metadata(session.get_modelmeta().custom_metadata_map)
    assert card is not None
    return card, session


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_of_images_becomes_a_classifier(folder: Path, family: str) -> None:
    """Day and night are told apart, and the card says what of."""
    card, _ = open_file(folder, family)
    assert card.classes == ("night", "noon")
    assert card.input == ImageInput(height=24, width=24)
    assert card.metrics["accuracy"].value == 1.0
    assert card.calibration is not None
    assert card.provenance.split == {"train": 51, "validation": 13, "held_out": 16}


@pytest.mark.parametrize("family", FAMILIES)
def test_it_takes_images_of_any_size(folder: Path, family: str) -> None:
    """The file as it came from the camera gives the answer of what was learnt from."""
    card, session = open_file(folder, family)
    for name in card.classes or ():
        pixels = np.asarray(Image.open(folder / "sky" / name / "0001.png"))
        label, probabilities = session.run(
            ["label", "probabilities"], {"pixels": pixels[None]}
        )
        assert (card.classes or ())[label[0]] == name
        assert probabilities.sum() == pytest.approx(1, abs=1e-6)


def test_the_same_command_gives_the_same_bytes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repeated command gives the same bytes, also where the cache is new and everything is learnt again."""
    monkeypatch.setenv("VEREDICTO_DATA", str(tmp_path / "cache"))
    words = [
        "mlp",
        "--data",
        str(folder / "sky"),
        "--task",
        "sky",
        "--size",
        "24",
        *COMMANDS["mlp"],
    ]
    assert main([*words, "--output", str(tmp_path)]) == 0
    assert (tmp_path / "sky-mlp.onnx").read_bytes() == (
        folder / "sky-mlp.onnx"
    ).read_bytes()


def test_a_convolutional_network_shows_its_layers(folder: Path) -> None:
    """The graph gives maps of each layer, the first filters, and scores by place, whose largest value is the score."""
    _, session = open_file(folder, "cnn")
    pixels = np.asarray(Image.open(folder / "sky" / "noon" / "0000.png"))[
        None, 6:30, 6:30
    ]
    outputs = dict(
        zip(
            [each.name for each in session.get_outputs()],
            session.run(None, {"pixels": pixels}),
            strict=True,
        )
    )
    assert {
        name: value.shape
        for name, value in outputs.items()
        if name not in ("label", "probabilities")
    } == {
        "class_activation": (1, 2, 2, 2),
        "layer/1": (1, 24, 23, 23),
        "layer/2": (1, 8, 11, 11),
        "layer/3": (1, 8, 5, 5),
        "layer/4": (1, 8, 2, 2),
        "filters": (24, 2, 2, 3),
    }
    assert (
        outputs["class_activation"][0].max(axis=(1, 2)).argmax() == outputs["label"][0]
    )


@pytest.mark.parametrize("family", ["logistic", "mlp"])
def test_first_neurons_are_pictures(folder: Path, family: str) -> None:
    """The first neurons are pictures of the size of the images."""
    _, session = open_file(folder, family)
    filters = session.run(
        ["filters"], {"pixels": np.zeros((1, 24, 24, 3), dtype=np.uint8)}
    )[0]
    assert filters.shape[1:] == (24, 24, 3)


def test_weights_are_stored_in_half_precision(folder: Path) -> None:
    """All weights that are many are stored in half precision."""
    model = onnx.load(folder / "sky-mlp.onnx")
    kinds = {
        tensor.data_type
        for tensor in model.graph.initializer
        if np.prod(tensor.dims) > 1000
    }
    assert kinds == {onnx.TensorProto.FLOAT16}


def test_whitened_patches_are_uncorrelated() -> None:
    """The first layer's outputs over the images that it was computed from have variance 1 and covariance 0."""
    generator = np.random.default_rng(0)
    soft = generator.normal(size=(64, 3, 20, 20)).cumsum(axis=3).astype(np.float32)
    images = torch.from_numpy(soft - soft.mean(axis=(0, 2, 3), keepdims=True))
    network = ConvNet((8, 8, 8), 2)
    network.whiten(images)
    outputs = (
        network.whitening(images)
        .detach()[:, :12]
        .permute(1, 0, 2, 3)
        .flatten(1)
        .double()
    )
    second_moments = (outputs @ outputs.T / outputs.shape[1]).numpy()

    assert np.allclose(second_moments, np.eye(12), atol=0.02)


@pytest.mark.parametrize(
    "body",
    [ConvNet((8, 8, 8), 3), ConvNet((8, 8, 8), 3, depth=3), Dense(24, (16, 8), 3)],
    ids=["convnet", "residual", "dense"],
)
def test_folding_changes_nothing(body: ConvNet | Dense) -> None:
    """A normalisation folded into the weights before it gives the same scores."""
    images = torch.randn(32, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    body.train()
    body(images)

    with torch.no_grad():
        before = body.eval()(images)
        body.fold()
        assert torch.allclose(body.eval()(images), before, atol=1e-5)


def test_scores_of_moved_images_count_half() -> None:
    """Scores of the image in place count as much as those moved up and left, and down and right, together."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (5, 24, 24, 3), dtype=np.uint8)
    torch.manual_seed(0)
    model = ImageNetwork(ConvNet((8, 8, 8), 3), pixels)
    padded = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")

    def logarithms(images: np.ndarray, *, moves: bool) -> torch.Tensor:
        with torch.inference_mode():
            return PixelClassifier(model.eval(), mirrors=True, moves=moves)(
                torch.from_numpy(images.copy())
            )[1].log()

    in_place, up, down = (
        logarithms(each, moves=False)
        for each in (pixels, padded[:, :-2, :-2], padded[:, 2:, 2:])
    )
    expected = (in_place / 2 + up / 4 + down / 4).softmax(dim=1)
    assert torch.allclose(logarithms(pixels, moves=True).exp(), expected, atol=1e-6)


@pytest.mark.parametrize("selects", [False, True])
def test_a_stopped_training_goes_on(tmp_path: Path, selects: bool) -> None:  # noqa: FBT001
    """A training stopped after the second of four epochs and started again ends with the same weights."""
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (64, 24, 24, 3), dtype=np.uint8)
    part = (pixels, np.arange(64) % 2)
    schedule = Schedule(epochs=4, learning_rate=0.1, weight_decay=0.001, batch_size=10)

    def train(
        checkpoint: Path | None, stop_after: int = 4
    ) -> tuple[torch.Tensor, list[int]]:
        torch.manual_seed(1)
        model = ImageNetwork(Dense(24, (8,), 2), pixels)
        numbers = []
        proxy = ImageNetwork(Dense(24, (), 2), pixels) if selects else None

        def stop(progress: Progress) -> None:
            numbers.append(progress.number)
            if progress.number > stop_after:
                raise KeyboardInterrupt

        kept = {"checkpoint": checkpoint, "proxy": proxy}
        with suppress(KeyboardInterrupt):
            minimise_loss(model, part, part, schedule, on_progress=stop, **kept)

        return score(model, pixels), numbers

    whole, _ = train(None)
    _, first = train(tmp_path / "training.pt", stop_after=2)
    resumed, second = train(tmp_path / "training.pt")
    assert (first, second) == ([1, 2, 3], [1, 2, 3, 4])
    assert torch.equal(resumed, whole)


def test_the_harder_half_is_chosen() -> None:
    """The images that bear a wrong label are chosen of those that the small network has learnt."""
    generator = np.random.default_rng(0)
    true = torch.from_numpy(np.arange(256) % 2)
    noise = generator.integers(0, 100, (256, 24, 24, 3), dtype=np.uint8)
    pixels = torch.from_numpy(noise) + (true * 100).to(torch.uint8)[:, None, None, None]
    schedule = Schedule(epochs=1, learning_rate=0.1, weight_decay=0.0)
    torch.manual_seed(0)
    selector = Selector(
        ImageNetwork(Dense(24, (), 2), pixels.numpy()), schedule, 128, 40
    )
    for _ in range(40):
        assert len(selector.choose(pixels, true)) == 128

    wrong = torch.from_numpy(generator.permutation(256)[:128])
    labels = true.clone()
    labels[wrong] = 1 - labels[wrong]
    assert set(selector.choose(pixels, labels).tolist()) == set(wrong.tolist())


def test_too_small_images_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says which size would do."""
    words = [
        "cnn",
        "--data",
        str(folder / "sky"),
        "--task",
        "sky",
        "--size",
        "16",
        "--output",
        str(tmp_path),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEREDICTO_DATA", str(tmp_path))
        assert main(words) == 1

    assert (
        "not written: the network needs images of at least 22 pixels, --size 16"
        in capsys.readouterr().out
    )
