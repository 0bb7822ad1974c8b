"""Networks of timm are exported with weights that files, packages and caches hold, and measured on photographs."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import nn

from model_card import Card, ImageInput, from_metadata
from tests.support.image_folders import write_folder
from training.__main__ import main
from training.graph import open_session
from training.images import packaged, publications, weight_files, weights
from training.images.architecture import restore
from training.images.timm_network import TimmNetwork
from training.learning.family import TrainingError
from training.transfer import fine_tuning

timm = pytest.importorskip("timm")
safetensors = pytest.importorskip("safetensors.torch")

ARCH = "test_efficientnet"
"""This network of timm has a third of a million weights, and is there for tests."""
LITE_ARCH = "tf_efficientnet_lite0"
LITE = packaged.PACKAGED[LITE_ARCH]
PHOTOGRAPHS = ("n01440764_tench", "n01484850_great_white_shark", "n03126707_crane")


@pytest.fixture(scope="module")
def network() -> nn.Module:
    """Returns a small network with seeded random weights, and statistics of noise in its normalisations."""
    torch.manual_seed(0)
    made = timm.create_model(ARCH, pretrained=False).train()
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        for _ in range(2):
            made(torch.randn(8, 3, 64, 64))
    return made.eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, network: nn.Module) -> Path:
    """Returns a folder with the weights in both formats, in a foreign library's names, and some photographs."""
    folder = tmp_path_factory.mktemp("timm")
    state = network.state_dict()
    torch.save(state, folder / "lite.pth")
    safetensors.save_file(state, folder / "lite.safetensors")
    foreign = {
        f"_part{row}.{name.rpartition('.')[2]}": each
        for row, (name, each) in enumerate(state.items())
    }
    torch.save(foreign, folder / "foreign.pth")
    (folder / "photographs").mkdir()

    for row, name in enumerate(PHOTOGRAPHS):
        pixels = np.random.default_rng(row).integers(
            0, 256, (30, 40, 3), dtype=np.uint8
        )
        Image.fromarray(pixels).resize((400, 300)).save(
            folder / "photographs" / f"{name}.jpg"
        )

    return folder


@pytest.fixture(scope="module")
def exported(folder: Path) -> Path:
    """Returns the file that the command makes of the weights, measured on the photographs."""
    words = [
        "--arch",
        ARCH,
        "--weights",
        str(folder / "lite.safetensors"),
        "--task",
        "imagenet",
    ]
    given = [
        "--photographs",
        str(folder / "photographs"),
        "--output",
        str(folder / "models"),
    ]
    assert main(["pretrained", *words, *given]) == 0
    return folder / "models" / "imagenet-test_efficientnet.onnx"


def read_card(path: Path) -> Card:
    card = from_metadata(
        open_session(path.read_bytes()).get_modelmeta().custom_metadata_map
    )
    assert card is not None
    return card


@pytest.mark.parametrize("name", ["lite.pth", "lite.safetensors", "foreign.pth"])
def test_weights_come_in_both_formats_and_under_foreign_names(
    folder: Path, network: nn.Module, name: str
) -> None:
    """A pickle, safetensors, and another library's names in the same order give equal scores."""
    path = folder / name
    body = restore(ARCH, weights.read(path), path).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.equal(body(images), network(images))


def test_foreign_names_of_another_order_are_refused(folder: Path) -> None:
    """Tensors under foreign names are refused where one has another shape than its namesake."""
    state = list(weights.read(folder / "foreign.pth").items())
    with pytest.raises(
        TrainingError, match="these are not weights of test_efficientnet"
    ):
        restore(
            ARCH,
            dict([state[6], *state[1:6], state[0], *state[7:]]),
            folder / "foreign.pth",
        )


def test_a_damaged_file_of_safetensors_is_refused(tmp_path: Path) -> None:
    """A file that only bears the name of safetensors is refused by what was expected."""
    (tmp_path / "half.safetensors").write_bytes(b"half a file")
    with pytest.raises(
        TrainingError, match="expected weights as safetensors writes them"
    ):
        weights.read(tmp_path / "half.safetensors")


def test_folding_leaves_the_scores_and_no_normalisation(network: nn.Module) -> None:
    """Normalisations become part of the convolutions, and the scores by place have the scores as their mean."""
    body = TimmNetwork(copy.deepcopy(network), ARCH)
    images = torch.randn(2, 3, 64, 64)

    with torch.inference_mode():
        before = body(images)
        body.fold()
        (last,) = body.layers(images)
        places = body.locate(last).mean(dim=(2, 3))

    assert not any(isinstance(each, nn.BatchNorm2d) for each in body.modules())
    assert torch.allclose(body.score(last), before, rtol=1e-3, atol=1e-3)
    assert torch.allclose(places, before, rtol=1e-3, atol=1e-3)


def test_a_network_without_such_a_head_shows_no_places() -> None:
    """A transformer has no map of its classes by place."""
    body = TimmNetwork(
        timm.create_model("vit_tiny_patch16_224", pretrained=False),
        "vit_tiny_patch16_224",
    )
    assert not body.has_places
    assert body.layers(torch.zeros(1, 3, 224, 224)) == []


def test_the_file_answers_as_timms_own_transforms(
    exported: Path, folder: Path, network: nn.Module
) -> None:
    """The file agrees with timm's transforms and network within what half precision and a grey level change."""
    config = timm.data.resolve_data_config({}, model=network)
    transform = timm.data.create_transform(**config)
    session = open_session(exported.read_bytes())
    for name in PHOTOGRAPHS:
        with (
            Image.open(folder / "photographs" / f"{name}.jpg") as image,
            torch.inference_mode(),
        ):
            expected = network(transform(image)[None]).softmax(dim=1).numpy()
            found = session.run(["probabilities"], {"pixels": np.asarray(image)[None]})[
                0
            ]
        assert np.abs(found / expected - 1).max() < 0.05


def test_the_card_names_the_photographs_that_it_was_measured_on(exported: Path) -> None:
    """The card has figures of the photographs, lists them with a digest, and holds none of them."""
    card = read_card(exported)
    assert card.name == "imagenet-test_efficientnet"
    assert card.metrics["accuracy"].interval is not None
    assert (card.parity.rows, card.provenance.split["held_out"]) == (3, 3)
    assert (
        "measured on 3 photographs of ImageNet's kinds, sha256:"
        in card.provenance.data_set
    )
    assert card.provenance.data_set.endswith(", ".join(PHOTOGRAPHS))
    assert len(card.classes or ()) == 1000
    assert (card.classes or ())[2] == "great white shark"
    assert card.licence == "unknown: that of the file of weights"


def test_the_file_is_half_as_large_and_has_maps(exported: Path, folder: Path) -> None:
    """Weights are stored in half precision, and the graph shows each class by place."""
    assert exported.stat().st_size < 0.55 * (folder / "lite.pth").stat().st_size
    names = {each.name for each in open_session(exported.read_bytes()).get_outputs()}
    assert names >= {"class_activation", "layer/1", "filters"}


def test_a_file_made_again_keeps_its_figures(
    exported: Path, folder: Path, tmp_path: Path
) -> None:
    """An equal graph keeps the figures without the photographs, and another graph loses them."""
    path = tmp_path / exported.name
    shutil.copy(exported, path)
    words = [
        "pretrained",
        "--arch",
        ARCH,
        "--task",
        "imagenet",
        "--output",
        str(tmp_path),
    ]
    assert main([*words, "--weights", str(folder / "lite.safetensors")]) == 0
    assert read_card(path).metrics == read_card(exported).metrics

    state = weights.read(folder / "lite.safetensors")
    state["classifier.bias"] = state["classifier.bias"] + torch.arange(1000) / 1000
    torch.save(state, tmp_path / "other.pth")
    assert main([*words, "--weights", str(tmp_path / "other.pth")]) == 0
    assert read_card(path).metrics == {}


def test_a_folder_without_such_photographs_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The refusal says which names are expected."""
    (tmp_path / "empty").mkdir()
    words = [
        "--arch",
        ARCH,
        "--weights",
        str(folder / "lite.pth"),
        "--photographs",
        str(tmp_path / "empty"),
    ]
    assert main(["pretrained", *words, "--output", str(tmp_path)]) == 1
    assert (
        "expected files such as n01484850_great_white_shark.jpg"
        in capsys.readouterr().out
    )


def test_the_packages_weights_are_checked_by_their_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package's file with another SHA-256 is refused."""
    path = tmp_path / "efficientnet-lite0.pth"
    path.write_bytes(b"other weights")
    monkeypatch.setattr(weight_files, "find_packaged", lambda _: path)
    published = publications.PublishedWeights(
        **vars(publications.find_publication("resnet18", "DEFAULT"))
        | {"packaged": LITE}
    )
    with pytest.raises(
        TrainingError, match="damaged or another release: expected sha256:579344"
    ):
        weight_files.locate(published, "DEFAULT")


def test_weights_of_tensorflow_go_into_the_network_that_pads_as_it_does() -> None:
    """The name without `tf_` means the package's weights by default, and timm's own where these are named."""
    assert publications.settle_arch("efficientnet_lite0", "DEFAULT") == LITE_ARCH
    assert (
        publications.settle_arch("efficientnet_lite0", "ra_in1k")
        == "efficientnet_lite0"
    )
    assert publications.name_family(LITE_ARCH) == "efficientnet_lite0"


def test_a_name_of_both_libraries_is_torchvisions_but_for_the_prefix() -> None:
    """`resnet18` is torchvision's, and `timm/resnet18` timm's, with its licence."""
    assert publications.find_publication("resnet18", "DEFAULT").library == "torchvision"
    found = publications.find_publication("timm/resnet18", "tv_in1k")
    assert (found.library, found.name, found.licence) == (
        "timm",
        "resnet18.tv_in1k",
        "BSD-3-Clause",
    )
    assert found.classes == publications.find_publication("resnet18", "DEFAULT").classes


def test_preprocessing_that_the_graph_does_not_have_is_refused() -> None:
    """A network that takes squashed images is refused with what it takes."""
    with pytest.raises(TrainingError, match="brought to a square by 'squash'"):
        publications.find_publication("coat_lite_medium_384", "DEFAULT")


@pytest.fixture(scope="module")
def tuned(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns the file of a network that has learnt day and night from images of 16 pixels, seen at 48."""
    root = tmp_path_factory.mktemp("tuned")
    photographs = write_folder(root / "sky")
    words = ["--arch", ARCH, "--weights", str(folder / "lite.pth"), "--finetune"]
    size = ["--size", "16", "--enlarge", "48", "--epochs", "2"]
    body = ["--unfreeze", "--keep", "3", "--mirror"]
    given = ["--data", str(photographs), "--task", "sky", "--output", str(root)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VEREDICTO_DATA", str(root / "cache"))
        patch.setattr(fine_tuning, "MIN_IMAGES_SEEN", 1)
        assert main(["pretrained", *words, *size, *body, *given]) == 0

    return root / "sky-pretrained.onnx"


def test_small_images_are_enlarged_within_a_network_of_photographs(tuned: Path) -> None:
    """The card says the size of the data set's images, and its command the size that the network sees."""
    card = read_card(tuned)
    assert isinstance(card.input, ImageInput)
    assert card.input.height == 16
    assert "--size 16" in card.provenance.command
    assert "--enlarge 48" in card.provenance.command
    assert "--keep 3 --mirror" in card.provenance.command
    assert card.parity.unequal_labels == 0


def test_an_image_and_its_mirror_image_get_the_same_answer(tuned: Path) -> None:
    """The answer with `--mirror` is the mean over both images, so it is the same for either."""
    pixels = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    session = open_session(tuned.read_bytes())
    one, other = (
        session.run(["probabilities"], {"pixels": np.ascontiguousarray(each)})[0]
        for each in (pixels, pixels[:, :, ::-1])
    )
    assert np.allclose(one, other, atol=1e-6)


def test_filters_of_a_fine_tuned_network_are_kept_in_eight_bits(tuned: Path) -> None:
    """Most of the weights lie in eight bits on disk, and what the file says of itself was measured with them."""
    constants = onnx.load(tuned).graph.initializer
    sizes = dict.fromkeys((onnx.TensorProto.INT8, onnx.TensorProto.FLOAT), 0)
    for each in constants:
        if each.data_type in sizes:
            sizes[each.data_type] += int(np.prod(each.dims))

    assert sizes[onnx.TensorProto.INT8] > 10 * sizes[onnx.TensorProto.FLOAT]
