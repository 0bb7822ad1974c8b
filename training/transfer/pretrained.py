"""This module exports networks that have learnt elsewhere, as they were published or with a head for a new task."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from training import option_types as types
from training.data.datasets import Split
from training.data.images import CIFAR10_PX, TASKS, ImageDataset, ParityImages
from training.images import publications, weight_files, weights
from training.images.architecture import (
    CONVNET,
    CONVNET_SHAPE,
    architecture,
    build,
    inner,
    read_shape,
    replace_head,
    restore,
)
from training.images.classifier import (
    CNN,
    ImageFamily,
    find_checkpoint,
    find_weights,
    make_model,
)
from training.images.convnet import MIN_PX, ConvNet
from training.images.gradient_descent import ImageNetwork
from training.images.network import FittedImageClassifier
from training.images.schedule import Schedule
from training.learning.family import OnEpoch, TrainingError
from training.transfer.enlarging import EnlargingNetwork
from training.transfer.fine_tuning import (
    FineTunedNetwork,
    FittedFineTuned,
    describe,
    fine_tune,
    teach_published,
)

TASK = "imagenet"
CONVNET_TASK = "cifar8"
"""Our own network has learnt these kinds of photographs, none of which is a cat or an automobile."""
N_PARITY_IMAGES = 8
COARSE_PX = 8
SCHEDULES: dict[str, dict[str, float]] = {
    CONVNET: {
        "epochs": 12,
        "learning_rate": 0.5,
        "weight_decay": 0.00133,
        "batch_size": 512,
    },
    "": {"epochs": 6, "learning_rate": 0.001, "weight_decay": 0.01, "batch_size": 64},
}
"""These are the defaults for our own network, and for all others."""


@dataclass(frozen=True, kw_only=True)
class Pretrained(ImageFamily):
    """A Pretrained is a family that starts from weights."""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add(
            "--arch",
            type=architecture,
            default="mobilenet_v3_small",
            help=f"torchvision's or timm's name of a network, or {CONVNET}",
        )
        add(
            "--weights",
            type=_parse_weights,
            default=weights.DEFAULT,
            help="a file (.pth or .safetensors), or the library's name of them",
        )
        add(
            "--enlarge",
            type=types.count,
            help="pixels to which small images are brought, because networks of photographs expect large ones",
        )
        add(
            "--photographs",
            type=Path,
            help="a folder of ImageNet's kinds, n01484850_shark.jpg, to measure a published network on",
        )
        add(
            "--finetune",
            action="store_true",
            help="replace the head and teach it a new task",
        )
        add(
            "--unfreeze", action="store_true", help="teach the body too, after the head"
        )
        add(
            "--keep",
            type=types.count,
            help="so many of the first convolutions stay as they are, which takes less time",
        )
        text = "the answer is the mean over the image and its mirror image, for twice the work"
        add("--mirror", action="store_true", help=text)
        add(
            "--epochs",
            type=types.count,
            help="passes over the training images; 12 for convnet, otherwise 6",
        )
        add(
            "--learning-rate",
            type=types.positive,
            help="the highest; 0.5 for convnet, there for 512 images, otherwise 0.001",
        )
        add(
            "--weight-decay",
            type=types.penalty,
            help="of the steps; 0.00133 for convnet, otherwise 0.01",
        )
        add(
            "--batch-size",
            type=types.count,
            help="images in a mini-batch; 512 for convnet, otherwise 64",
        )
        add(
            "--shift",
            type=types.natural,
            help="pixels by which images are moved, at most; a sixteenth of their size",
        )
        parser.set_defaults(size=None)

    def fit(
        self,
        dataset: ImageDataset,
        rows: Split,
        options: argparse.Namespace,
        on_epoch: OnEpoch,
    ) -> FittedImageClassifier:
        """Returns the published network itself where there is nothing to learn from, or else a fine-tuned one."""
        if isinstance(dataset, ParityImages):
            return _restore_published(options)

        model, head = self.make_model(dataset, rows, options)
        begun: dict[str, Any] = {
            "weights": weights.fingerprint(_find_weights_file(options)),
            **describe(),
        }
        begun["schedule"] = self.schedule(options)
        place = find_checkpoint(
            dataset, rows, argparse.Namespace(**vars(options) | begun)
        )
        self.fine_tune(model, head, dataset, rows, options, on_epoch, checkpoint=place)

        return self.make_fitted(model, dataset, options)

    def make_model(
        self, dataset: ImageDataset, rows: Split, options: argparse.Namespace
    ) -> tuple[FineTunedNetwork, nn.Module]:
        """Returns the network with its weights and a head that has learnt nothing yet, and that head."""
        torch.manual_seed(options.seed)
        path = _find_weights_file(options)
        body = restore(options.arch, weights.read(path), path)
        head = replace_head(inner(body), len(dataset.classes))
        if options.enlarge:
            body = EnlargingNetwork(body, options.enlarge)

        _check_size(body, dataset, options)
        _check_kept(body, options)
        model = FineTunedNetwork(body, dataset.pixels[rows.train])
        if options.arch != CONVNET:
            published = publications.find_publication(
                options.arch, str(options.weights)
            )
            _set_normalisation(model, published)

        return model, head

    def make_untrained_model(
        self, dataset: ImageDataset, rows: Split, options: argparse.Namespace
    ) -> ImageNetwork:
        """Returns our own network, which has learnt nothing, in the shape of its weights where these are here."""
        torch.manual_seed(options.seed)
        known = has_own_weights(options)
        shape = (
            read_shape(weights.read(_find_weights_file(options)))
            if known
            else CONVNET_SHAPE
        )

        return make_model(build(CONVNET, len(dataset.classes), shape), dataset, rows)

    def fine_tune(
        self,
        model: FineTunedNetwork,
        head: nn.Module,
        dataset: ImageDataset,
        rows: Split,
        options: argparse.Namespace,
        on_epoch: OnEpoch,
        *,
        checkpoint: Path | None = None,
    ) -> None:
        """Fits the head and, unfrozen, then all, in place."""
        learn = fine_tune if options.arch == CONVNET else teach_published
        learn(
            model,
            head,
            dataset,
            rows,
            self.schedule(options),
            on_epoch,
            unfreeze=options.unfreeze,
            n_kept=options.keep or 0,
            checkpoint=checkpoint,
        )

    def make_fitted(
        self, model: ImageNetwork, dataset: ImageDataset, options: argparse.Namespace
    ) -> FittedImageClassifier:
        """Returns the fitted network, for images as it has seen them in learning."""
        size_px, library = dataset.pixels.shape[1], _find_library(options.arch)
        fitted = FittedFineTuned(
            model,
            mirrors=options.mirror or not library,
            resize_px=size_px,
            crop_px=size_px,
            half_precision=library != "torchvision",
        )
        if library == "timm":
            fitted.round_filters()

        fitted.packages = (*fitted.packages, *((library,) if library else ()))

        return fitted

    def schedule(self, options: argparse.Namespace) -> Schedule:
        """Returns the schedule, which for our own network is that by which it has learnt before."""
        return (
            CNN.schedule(options)
            if options.arch == CONVNET
            else super().schedule(options)
        )


def fill_defaults(options: argparse.Namespace) -> None:
    """Fills in, in place, the options that the network decides where they are not given and it is fine-tuned."""
    options.arch = publications.settle_arch(options.arch, str(options.weights))
    if not options.finetune:
        return

    own = options.arch == CONVNET
    if options.size is None:
        keeps = own or options.task in TASKS
        options.size = (
            CIFAR10_PX
            if keeps
            else publications.find_publication(options.arch, weights.DEFAULT).crop_px
        )

    defaults = SCHEDULES[CONVNET if own else ""] | {"shift": options.size // 16}
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)


def use_own_network(options: argparse.Namespace) -> argparse.Namespace:
    """Returns the options with which our own network learns the same task."""
    if options.arch == CONVNET:
        return options

    own = argparse.Namespace(**vars(options))
    for name in (*SCHEDULES[CONVNET], "shift", "enlarge", "keep"):
        setattr(own, name, None)

    own.arch, own.weights, own.mirror = CONVNET, weights.DEFAULT, False
    fill_defaults(own)

    return own


def has_own_weights(options: argparse.Namespace) -> bool:
    """Tells if the weights that our own network begins with are here."""
    try:
        return _find_weights_file(options).is_file()
    except TrainingError:
        return False


def name_family(options: argparse.Namespace) -> str:
    """Returns the family of the card: a published network is known by its own name among the others of its task."""
    if options.family != "pretrained" or options.finetune:
        return str(options.family)
    return publications.name_family(options.arch)


def prepare(dataset: ImageDataset, options: argparse.Namespace) -> ImageDataset:
    """Returns the same data, which name the weights it begins with; raises TrainingError where these cannot be got."""
    path = _find_weights_file(options)
    source = f"{dataset.source}; begun with the weights {path.name}, {weights.fingerprint(path)}"
    if options.arch == CONVNET:
        return replace(dataset, source=source)

    published = publications.find_publication(options.arch, str(options.weights))

    return replace(dataset, source=source, licence=published.licence)


def make_parity_images(options: argparse.Namespace) -> ParityImages:
    """Returns random images for a published network, half noise, half smooth; raises TrainingError without weights."""
    _refuse_training_options(options)
    published = publications.find_publication(options.arch, str(options.weights))
    path = weight_files.locate(published, str(options.weights))
    digest = weights.fingerprint(path)
    if not published.classes:
        raise TrainingError(
            f"--arch {options.arch}: its scores are no classes that {published.library} names: give it a new head "
            "with --finetune"
        )

    data = ", ".join(published.accuracy) or published.source or "unknown"

    return ParityImages(
        task=options.task,
        summary=published.summary,
        source=f"{data}, through the weights {path.name}, {digest}",
        pixels=_draw_parity_images(published.resize_px, options.seed),
        target=np.full(N_PARITY_IMAGES, -1, dtype=np.int64),
        classes=published.classes,
        licence=published.licence,
        crop_px=published.crop_px,
        weights=digest,
    )


def _refuse_training_options(options: argparse.Namespace) -> None:
    trainable = (
        "data",
        "size",
        "unfreeze",
        "folds",
        "report",
        *SCHEDULES[""],
        "shift",
        "enlarge",
        "keep",
        "mirror",
    )
    given = [
        f"--{name.replace('_', '-')}" for name in trainable if getattr(options, name)
    ]
    if given:
        raise TrainingError(
            f"{', '.join(given)}: nothing is learnt or measured without --finetune"
        )

    if options.task in TASKS:
        raise TrainingError(f"--task {options.task}: to learn it, add --finetune")

    if options.arch == CONVNET:
        raise TrainingError(
            f"--arch {CONVNET} has no published weights to export: python -m training cnn exports it"
        )


def _restore_published(options: argparse.Namespace) -> FittedImageClassifier:
    published = publications.find_publication(options.arch, str(options.weights))
    path = weight_files.locate(published, str(options.weights))
    body = restore(options.arch, weights.read(path), path)
    resize_px, crop_px = published.resize_px, published.crop_px
    with torch.inference_mode():
        n_scores = body.eval()(torch.zeros(1, 3, crop_px, crop_px)).shape[1]

    if n_scores != len(published.classes):
        raise TrainingError(
            f"{path}: expected scores for the {len(published.classes)} classes that {published.name} names, "
            f"got {n_scores}: give weights of that data set, or replace the head with --finetune"
        )

    model = ImageNetwork(body, np.zeros((1, 1, 1, 3), dtype=np.uint8))
    _set_normalisation(model, published)
    fitted = FittedImageClassifier(
        model,
        mirrors=False,
        resize_px=resize_px,
        crop_px=crop_px,
        filter_name=published.filter_name,
        half_precision=published.library != "torchvision",
    )
    fitted.packages = (*fitted.packages, published.library)

    return fitted


def _find_weights_file(options: argparse.Namespace) -> Path:
    given = str(options.weights)
    if options.arch != CONVNET:
        return weight_files.locate(
            publications.find_publication(options.arch, given), given
        )

    path = find_weights(CONVNET_TASK) if given == weights.DEFAULT else Path(given)
    if not path.is_file():
        raise TrainingError(
            f"--arch {CONVNET}: expected weights in {path}, there is no such file: "
            f"python -m training cnn --task {CONVNET_TASK} makes them, or give a file with --weights PATH"
        )

    return path


def _find_library(arch: str) -> str:
    """Returns the package that has the network, or nothing for our own."""
    if arch == CONVNET:
        return ""
    return "timm" if publications.is_timms(arch) else "torchvision"


def _set_normalisation(
    model: ImageNetwork, published: publications.PublishedWeights
) -> None:
    """Sets mean and deviation of colours as the weights have learnt them, as shares of the full brightness."""
    model.mean.copy_(_as_channels(published.mean))
    model.deviation.copy_(_as_channels(published.deviation))


def _as_channels(values: tuple[float, ...]) -> Tensor:
    return torch.tensor(values).view(1, 3, 1, 1)


def _check_size(
    body: nn.Module, dataset: ImageDataset, options: argparse.Namespace
) -> None:
    """Raises TrainingError for a size that fails when tried: each network has a least size, and some have but one."""
    size_px = dataset.pixels.shape[1]
    try:
        if isinstance(body, ConvNet) and size_px < MIN_PX:
            raise RuntimeError(f"at least {MIN_PX} pixels")
        with torch.inference_mode():
            body.eval()(torch.zeros(1, 3, size_px, size_px))
    except (RuntimeError, AssertionError, ValueError) as error:
        raise TrainingError(
            f"--arch {options.arch} takes no images of {size_px} x {size_px} pixels ({error}): another --size or --arch"
        ) from error


def _check_kept(body: nn.Module, options: argparse.Namespace) -> None:
    """Raises TrainingError where the convolutions that are to stay would leave nothing to learn."""
    if options.keep and not options.unfreeze:
        raise TrainingError(
            "--keep: without --unfreeze all of the body stays as it is: add --unfreeze, or leave --keep out"
        )

    n_convolutions = sum(isinstance(each, nn.Conv2d) for each in body.modules())
    if options.keep and options.keep >= n_convolutions:
        raise TrainingError(
            f"--keep {options.keep}: expected fewer than the network's {n_convolutions} convolutions"
        )


def _draw_parity_images(size_px: int, seed: int) -> NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    noise = generator.integers(
        0, 256, (N_PARITY_IMAGES // 2, size_px, size_px, 3), dtype=np.uint8
    )
    coarse = generator.integers(
        0, 256, (N_PARITY_IMAGES // 2, COARSE_PX, COARSE_PX, 3), dtype=np.uint8
    )
    smooth = [
        np.asarray(
            Image.fromarray(each).resize((size_px, size_px), Image.Resampling.BICUBIC)
        )
        for each in coarse
    ]

    return np.concatenate([noise, np.stack(smooth)])


def _parse_weights(text: str) -> Path | str:
    """Returns a path or a name, which are told apart by what paths have and names do not."""
    return Path(text) if "/" in text or "." in text else text


PRETRAINED = Pretrained(
    SUMMARY="Pretrained network",
    body=lambda options, _, n_classes: build(options.arch, n_classes),
    epochs=0,
    learning_rate=0.0,
    weight_decay=0.0,
    shift_px=0,
    smoothing=0.1,
    allow_bfloat16=True,
)
