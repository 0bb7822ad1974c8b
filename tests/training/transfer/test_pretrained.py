"""Weights as torchvision's files hold them are exported as they are or with a new head."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import torchvision
from PIL import Image, ImageFilter
from torch import nn

from model_card import Card, ImageInput, Metric, from_metadata
from tests.support.image_folders import write_folder
from training.__main__ import main
from training.arguments.command import parse
from training.arguments.loading import load_dataset
from training.data.datasets import split
from training.data.images import ImageDataset
from training.graph import open_session
from training.images import (
    publications,
    weight_files,
    weights,
)
from training.images.architecture import build, find_head, inner
from training.images.convnet import ConvNet
from training.learning.family import TrainingError
from training.pictures import learning_figures
from training.transfer import fine_tuning_curve
from training.transfer.fine_tuning import FineTunedNetwork
from training.transfer.pretrained import PRETRAINED

ARCHS = (
    pytest.param("mobilenet_v3_small", marks=pytest.mark.long),
    "resnet18",
    "squeezenet1_1",
)
"""Two of these have fully connected heads, with and without a hidden layer, and one has a convolution.

The export of the one with a hidden layer takes several times as long as those of the others, so that it is `long`.
"""
SIZES = ((500, 375), (300, 451), (120, 90))


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Sets one thread, which for networks this small is the fastest."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def photograph(width: int, height: int) -> Image.Image:
    """Returns a gradient with the noise of a photograph, seed 0."""
    noise = np.random.default_rng(0).normal(scale=60, size=(height, width, 3))
    slope = np.linspace(0, 255, width)[None, :, None] * np.array([1.0, 0.6, 0.3])
    pixels = Image.fromarray(np.clip(slope + noise, 0, 255).astype(np.uint8))
    return pixels.filter(ImageFilter.GaussianBlur(1.5))


def save_weights(folder: Path, arch: str, n_scores: int = 1000) -> Path:
    """Saves seeded random weights with statistics of noise, under torchvision's names."""
    torch.manual_seed(0)
    network = torchvision.models.get_model(
        arch, weights=None, num_classes=n_scores
    ).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None

    with torch.no_grad():
        network(
            torch.cat(
                [
                    torch.randn(8, 3, 64, 64),
                    torch.randn(8, 3, 4, 4)
                    .repeat_interleave(16, 2)
                    .repeat_interleave(16, 3),
                ]
            )
        )

    path = folder / f"{arch}_{n_scores}.pth"
    torch.save(network.state_dict(), path)

    return path


def open_file(path: Path) -> tuple[Card, onnxruntime.InferenceSession]:
    session = open_session(path.read_bytes())
    card = from_metadata(session.get_modelmeta().custom_metadata_map)
    assert card is not None
    return card, session


Publish = Callable[[str], Path]


@pytest.fixture(scope="module")
def publish(tmp_path_factory: pytest.TempPathFactory) -> Publish:
    """Exports a network by `python -m training pretrained --arch ARCH --weights FILE --task imagenet` once, however
    many tests ask for it; returns the folder of the exported file and of the weights.
    """
    folder = tmp_path_factory.mktemp("published")

    @cache
    def run(arch: str) -> Path:
        weights_path = save_weights(folder, arch)
        given = ["--arch", arch, "--weights", str(weights_path), "--task", "imagenet"]
        assert main(["pretrained", *given, "--output", str(folder)]) == 0
        return folder

    return run


@pytest.fixture(scope="module")
def squeezenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_weights(
        tmp_path_factory.mktemp("weights"), "squeezenet1_1", n_scores=10
    )


def refuse(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Returns what the command says of its refusal."""
    assert main(["pretrained", *words]) == 1
    return capsys.readouterr().out.partition("not written: ")[2].rstrip("\n")


@pytest.mark.parametrize("arch", ARCHS)
def test_the_file_says_what_torchvision_says(publish: Publish, arch: str) -> None:
    """The file agrees with torchvision's own transforms and network on photographs of several sizes."""
    published = publish(arch)
    _, session = open_file(published / f"imagenet-{arch}.onnx")
    network = torchvision.models.get_model(arch, weights=None)
    network.load_state_dict(
        torch.load(published / f"{arch}_1000.pth", weights_only=True)
    )
    transform = torchvision.models.get_model_weights(arch).DEFAULT.transforms()

    for size in SIZES:
        image = photograph(*size)
        with torch.inference_mode():
            expected = network.eval()(transform(image)[None]).softmax(dim=1).numpy()

        label, found = session.run(
            ["label", "probabilities"], {"pixels": np.asarray(image)[None]}
        )
        assert np.abs(found / expected - 1).max() < 0.01  # a grey level here and there
        assert label[0] == found.argmax() == expected.argmax()


def test_the_card_names_imagenets_classes_and_measures_nothing(
    publish: Publish,
) -> None:
    """A file of other weights claims no published accuracy; its weights are named by their SHA-256."""
    published = publish("resnet18")
    card, session = open_file(published / "imagenet-resnet18.onnx")
    digest = weights.fingerprint(published / "resnet18_1000.pth")

    assert card.classes is not None
    assert len(card.classes) == 1000
    assert card.classes[0] == "tench"
    assert card.input == ImageInput(height=224, width=224)
    assert (card.metrics, card.train_metrics, card.calibration) == ({}, None, None)
    assert card.summary == (
        "Pretrained network: a file of weights with the classes and the preprocessing of "
        "ResNet18_Weights.IMAGENET1K_V1, not measured"
    )
    assert (
        card.provenance.data_set
        == f"unknown, through the weights resnet18_1000.pth, {digest}"
    )
    assert card.provenance.fingerprint == digest
    assert card.provenance.command == (
        "python -m training pretrained --task imagenet --folds 0 --seed 0 --arch resnet18 "
        "--weights resnet18_1000.pth"
    )
    assert "torchvision" in card.provenance.packages
    filters = session.run(
        ["filters"], {"pixels": np.zeros((1, 8, 8, 3), dtype=np.uint8)}
    )[0]
    assert filters.shape == (64, 7, 7, 3)


def test_published_figures_are_said_to_be_published() -> None:
    """Published figures stand in the card's summary, since its metrics are what is measured here."""
    assert publications.find_publication("mobilenet_v3_small", "DEFAULT").summary == (
        "MobileNet_V3_Small_Weights.IMAGENET1K_V1 of torchvision, published with 67.668 % acc@1 on ImageNet-1K, "
        "87.402 % acc@5 on ImageNet-1K, not measured here"
    )


def test_preprocessing_is_that_of_the_weights() -> None:
    """Other networks have the sizes and filters of their own weights."""
    found = publications.find_publication("efficientnet_b3", "IMAGENET1K_V1")
    assert (found.resize_px, found.crop_px, found.filter_name) == (320, 300, "bicubic")
    assert found.mean == (0.485, 0.456, 0.406)


def test_names_that_repeat_are_told_apart() -> None:
    """Names that repeat get a number, which no other name has yet."""
    assert publications.number_duplicates(
        ["crane", "tench", "crane", "crane (2)", "crane"]
    ) == (
        "crane",
        "tench",
        "crane (2)",
        "crane (2) (2)",
        "crane (3)",
    )


def test_weights_come_from_the_cache_of_torch_hub(
    squeezenet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights are got from their address the first time, which is here that of a file."""
    digest = weights.fingerprint(squeezenet).removeprefix("sha256:")
    source = tmp_path / f"resnet18-{digest[:8]}.pth"
    source.write_bytes(squeezenet.read_bytes())
    published = publications.PublishedWeights(
        **vars(publications.find_publication("resnet18", "DEFAULT"))
        | {"url": f"file://{source}"}
    )
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    place = tmp_path / "hub" / "checkpoints" / source.name

    assert weight_files.locate(published, "DEFAULT") == place
    source.unlink()
    assert weight_files.locate(published, "DEFAULT") == place
    assert weights.fingerprint(place) == f"sha256:{digest}"


def test_without_weights_it_says_which_file_goes_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error holds address, folder and name of the missing weights."""
    url = f"file://{tmp_path}/resnet18-0123abcd.pth"
    published = publications.PublishedWeights(
        **vars(publications.find_publication("resnet18", "DEFAULT")) | {"url": url}
    )
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    with pytest.raises(TrainingError) as caught:
        weight_files.locate(published, "DEFAULT")

    assert re.sub(r"\(<.*>\)", "(...)", str(caught.value)) == (
        "ResNet18_Weights.IMAGENET1K_V1: the weights are not here and could not be downloaded (...): "
        f"put {url} into {tmp_path}/hub/checkpoints as resnet18-0123abcd.pth, or give the file with --weights PATH"
    )


def test_a_file_unlike_its_name_is_damaged(tmp_path: Path) -> None:
    """A file whose SHA-256 its name does not begin is refused as damaged."""
    path = tmp_path / "resnet18-0123abcd.pth"
    path.write_bytes(b"half a file")
    with pytest.raises(TrainingError) as caught:
        weights.fingerprint(path)

    assert str(caught.value) == (
        f"{path}: damaged: its name promises a SHA-256 that begins with 0123abcd, got 89ec7839: "
        "remove it and get it again"
    )


@pytest.mark.parametrize("content", [b"", b"half a file", b"PK\x03\x04broken"])
def test_what_is_no_file_of_weights_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that holds no weights is refused, whatever it holds."""
    path = tmp_path / "weights.pth"
    path.write_bytes(content)

    with pytest.raises(
        TrainingError, match=f"^{path}: expected weights as torch.save writes them: "
    ):
        weights.read(path)


def test_weights_within_a_checkpoint_are_found(tmp_path: Path) -> None:
    """Weights are found as torchvision's own training script saves them."""
    torch.save(
        {"model": {"weight": torch.ones(2)}, "epoch": 3}, tmp_path / "checkpoint.pth"
    )
    assert weights.read(tmp_path / "checkpoint.pth")["weight"].tolist() == [1, 1]


def test_tensors_by_name_are_expected(tmp_path: Path) -> None:
    """A list of tensors is refused, because tensors by name are expected."""
    torch.save([torch.ones(2)], tmp_path / "weights.pth")
    with pytest.raises(
        TrainingError, match=r"expected tensors by name \(a state_dict\), got list$"
    ):
        weights.read(tmp_path / "weights.pth")


def test_weights_of_another_network_are_told_by_their_names(
    squeezenet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says how many tensors are missing, how many unexpected, and a few of each."""
    words = ("--arch", "resnet18", "--weights", str(squeezenet))
    assert refuse(capsys, *words) == (
        f"{squeezenet}: these are not weights of resnet18: expected 122 tensors, got 52: 102 missing "
        "(conv1.weight, bn1.weight, bn1.bias, ...); 52 unexpected "
        "(features.0.weight, features.0.bias, features.3.squeeze.weight, ...)"
    )


def test_as_many_scores_as_classes_are_named(
    squeezenet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ten scores are refused, because ImageNet's are a thousand."""
    assert refuse(capsys, "--arch", "squeezenet1_1", "--weights", str(squeezenet)) == (
        f"{squeezenet}: expected scores for the 1000 classes that SqueezeNet1_1_Weights.IMAGENET1K_V1 names, got 10: "
        "give weights of that data set, or replace the head with --finetune"
    )


def test_a_missing_file_of_weights_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The error names the missing file and what else --weights takes."""
    assert refuse(capsys, "--arch", "resnet50", "--weights", "nowhere.pth") == (
        "--weights nowhere.pth: there is no such file; expected a path, DEFAULT or one of IMAGENET1K_V1, IMAGENET1K_V2"
    )


def test_an_unknown_network_is_named_with_its_neighbours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The error names similar names that there are."""
    with pytest.raises(SystemExit):
        main(["pretrained", "--arch", "resnet81"])
    text = "expected convnet, one of torchvision's 80 networks for classification or one of timm's, such as resnet"
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ("--epochs", "3"),
            "--epochs: nothing is learnt or measured without --finetune",
        ),
        (
            ("--unfreeze", "--folds", "3"),
            "--unfreeze, --folds: nothing is learnt or measured without --finetune",
        ),
        (
            ("--task", "cat_or_automobile"),
            "--task cat_or_automobile: to learn it, add --finetune",
        ),
        (
            ("--arch", "convnet"),
            "--arch convnet has no published weights to export: python -m training cnn exports it",
        ),
        (
            ("--finetune", "--task", "birds"),
            "--task birds: expected one of cifar10, cifar8, cat_or_automobile, or your own images: --data FOLDER",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    words: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that do not go together are refused with what would."""
    assert refuse(capsys, *words) == text


@pytest.mark.parametrize(
    ("arch", "name"),
    [
        ("resnet18", "fc"),
        ("mobilenet_v3_small", "classifier.3"),
        ("squeezenet1_1", "classifier.1"),
        ("densenet121", "classifier"),
        ("vit_b_32", "heads.head"),
        ("googlenet", "fc"),
        ("convnet", "head"),
    ],
)
def test_the_head_is_what_gives_the_scores(arch: str, name: str) -> None:
    """The head is found wherever a network has it."""
    with torch.device("meta"):
        body = build(arch, 7)
    assert find_head(inner(body)) == name


@pytest.fixture(scope="module")
def sky(tmp_path_factory: pytest.TempPathFactory, squeezenet: Path) -> Path:
    """Returns night and noon, learnt by our own network and by squeezenet1_1 from random weights."""
    root = tmp_path_factory.mktemp("tuned")
    photographs = write_folder(root / "sky")
    torch.manual_seed(0)
    (root / "cache" / "weights").mkdir(parents=True)
    torch.save(
        ConvNet((8, 8, 16), 8).state_dict(),
        root / "cache" / "weights" / "cifar8-cnn.pt",
    )

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEREDICTO_DATA", str(root / "cache"))
        for name, words in {
            "own": ("--arch", "convnet", "--unfreeze", "--epochs", "12"),
            "theirs": (
                "--arch",
                "squeezenet1_1",
                "--weights",
                str(squeezenet),
                "--size",
                "32",
                "--epochs",
                "20",
            ),
        }.items():
            given = ["--data", str(photographs), "--task", "sky", "--finetune", *words]
            assert main(["pretrained", *given, "--output", str(root / name)]) == 0

    return root


@pytest.mark.parametrize("name", ["own", "theirs"])
def test_a_new_head_learns_a_new_task(sky: Path, name: str) -> None:
    """A new head tells day and night apart, calibrated and measured as in any family."""
    card, session = open_file(sky / name / "sky-pretrained.onnx")
    assert card.classes == ("night", "noon")
    assert card.metrics["accuracy"].value > 0.8
    assert card.calibration is not None
    assert card.provenance.split == {"train": 51, "validation": 13, "held_out": 16}
    pixels = np.asarray(Image.open(sky / "sky" / "noon" / "0001.png"))[None]
    assert session.run(["probabilities"], {"pixels": pixels})[0].sum() == pytest.approx(
        1, abs=1e-6
    )


def test_the_card_names_what_it_began_with(sky: Path) -> None:
    """The card names the file of weights, its SHA-256, and every option that the network decided."""
    card, session = open_file(sky / "own" / "sky-pretrained.onnx")
    digest = weights.fingerprint(sky / "cache" / "weights" / "cifar8-cnn.pt")
    assert (
        card.provenance.data_set
        == f"sky; begun with the weights cifar8-cnn.pt, {digest}"
    )
    assert card.provenance.command == (
        "python -m training pretrained --task sky --data sky --size 32 --folds 0 --seed 0 --arch convnet "
        "--weights DEFAULT --finetune --unfreeze --epochs 12 --learning-rate 0.5 --weight-decay 0.00133 "
        "--batch-size 512 --shift 2"
    )
    assert "class_activation" in {output.name for output in session.get_outputs()}


def load_sky(sky: Path, *words: str) -> tuple[ImageDataset, object]:
    given = [
        "--data",
        str(sky / "sky"),
        "--task",
        "sky",
        "--finetune",
        "--arch",
        "convnet",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEREDICTO_DATA", str(sky / "cache"))
        options = parse(
            [
                "pretrained",
                *given,
                "--weights",
                str(sky / "cache/weights/cifar8-cnn.pt"),
                *words,
            ]
        )
        dataset = load_dataset(options)

    assert isinstance(dataset, ImageDataset)

    return dataset, options


@pytest.mark.parametrize("unfreeze", [False, True])
def test_a_frozen_body_stays_as_it_was(sky: Path, unfreeze: bool) -> None:  # noqa: FBT001
    """A frozen body keeps weights and statistics of its normalisations; unfrozen, both change."""
    dataset, options = load_sky(
        sky, "--epochs", "3", *(("--unfreeze",) if unfreeze else ())
    )
    rows = split(dataset, seed=0)
    model, head = PRETRAINED.make_model(dataset, rows, options)
    before = {name: value.clone() for name, value in model.body.state_dict().items()}
    PRETRAINED.fine_tune(model, head, dataset, rows, options, lambda _: None)
    changed = {
        name
        for name, value in model.body.state_dict().items()
        if not torch.equal(value, before[name])
    }
    norms = {name for name in before if name.endswith("running_mean")}

    assert "head.weight" in changed
    assert isinstance(model, FineTunedNetwork)
    if unfreeze:
        assert changed >= {"blocks.0.first.weight", *norms}
        assert "whitening.weight" not in changed
    else:
        assert changed == {"head.weight"}


def test_the_first_convolutions_may_stay_as_they_are(sky: Path) -> None:
    """The first convolutions keep weights and statistics with `--keep`, and those behind them learn."""
    dataset, options = load_sky(sky, "--epochs", "3", "--unfreeze", "--keep", "2")
    rows = split(dataset, seed=0)
    model, head = PRETRAINED.make_model(dataset, rows, options)
    before = {name: value.clone() for name, value in model.body.state_dict().items()}
    PRETRAINED.fine_tune(model, head, dataset, rows, options, lambda _: None)
    changed = {
        name
        for name, value in model.body.state_dict().items()
        if not torch.equal(value, before[name])
    }

    assert changed >= {"head.weight", "blocks.0.second.weight"}
    kept = ("whitening", "blocks.0.first.", "blocks.0.first_norm")
    assert not [name for name in changed if name.startswith(kept)]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ("--keep", "2"),
            "--keep: without --unfreeze all of the body stays as it is: add --unfreeze, or leave --keep out",
        ),
        (
            ("--keep", "7", "--unfreeze"),
            "--keep 7: expected fewer than the network's 7 convolutions",
        ),
    ],
)
def test_something_is_left_to_learn(
    sky: Path, words: tuple[str, ...], text: str
) -> None:
    """Convolutions that stay are refused where nothing but the head would learn anyway, or nothing at all."""
    dataset, options = load_sky(sky, *words)
    with pytest.raises(TrainingError) as caught:
        PRETRAINED.make_model(dataset, split(dataset, seed=0), options)

    assert str(caught.value) == text


def test_epochs_are_counted_on(sky: Path) -> None:
    """The body's epochs are counted on after the head's."""
    dataset, options = load_sky(sky, "--epochs", "4", "--unfreeze")
    rows = split(dataset, seed=0)
    numbers = []
    model, head = PRETRAINED.make_model(dataset, rows, options)
    PRETRAINED.fine_tune(
        model, head, dataset, rows, options, lambda epoch: numbers.append(epoch.number)
    )

    assert numbers == [1, 2, 3, 4]


def test_weights_are_compared_by_the_number_of_images(sky: Path) -> None:
    """Networks are compared with intervals, and a larger choice of images holds the smaller ones."""
    dataset, options = load_sky(sky, "--epochs", "2")
    rows = split(dataset, seed=0)
    points = fine_tuning_curve.measure(
        PRETRAINED, dataset, rows, options, sizes=(5, 500)
    )

    assert [size for size, _ in points] == [5, 26]
    for _, accuracies in points:
        assert list(accuracies) == ["convnet", "convnet, from scratch"]
        assert all(each.interval is not None for each in accuracies.values())
    few, more = (
        fine_tuning_curve.choose(dataset, rows, size, seed=0).train for size in (5, 10)
    )
    assert set(few) < set(more)
    assert np.bincount(dataset.target[few]).tolist() == [5, 5]


def test_the_comparison_is_drawn() -> None:
    """The comparison has a mark for each network and number of images."""
    points = [
        (
            size,
            {
                "tuned": Metric(value=0.9, interval=(0.8, 0.95)),
                "from scratch": Metric(value=0.7, interval=(0.6, 0.8)),
            },
        )
        for size in (5, 50)
    ]
    (axes,) = learning_figures.draw_few_images(points, about="sky-pretrained").axes
    assert [
        container.lines[0].get_ydata().tolist() for container in axes.containers
    ] == [[0.9, 0.9], [0.7, 0.7]]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["5", "50"]


def test_our_own_weights_are_missed_by_name(
    sky: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The error names the command that makes our own weights."""
    monkeypatch.setenv("VEREDICTO_DATA", str(tmp_path))
    words = (
        "--data",
        str(sky / "sky"),
        "--task",
        "sky",
        "--finetune",
        "--arch",
        "convnet",
    )
    assert refuse(capsys, *words) == (
        f"--arch convnet: expected weights in {tmp_path}/weights/cifar8-cnn.pt, there is no such file: "
        "python -m training cnn --task cifar8 makes them, or give a file with --weights PATH"
    )


def test_the_stored_self_check_is_small(publish: Publish) -> None:
    """The self-check's images have 16 pixels, which the graph enlarges, because a card is text."""
    card, _ = open_file(publish("resnet18") / "imagenet-resnet18.onnx")
    assert np.array(card.self_check.input).shape == (3, 16, 16, 3)
    assert len(json.dumps(card.to_document())) < 100_000
