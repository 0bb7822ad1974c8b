"""This module holds the families that learn from images in the same way with three networks."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from training import option_types as types
from training.data.datasets import Split
from training.data.images import ImageDataset, data_folder
from training.export.freshness import fingerprint_modules
from training.images.convnet import MIN_PX, ConvNet
from training.images.dense import Dense
from training.images.gradient_descent import ImageNetwork, Progress, minimise_loss
from training.images.network import FittedImageClassifier
from training.images.schedule import Schedule
from training.learning.family import Epoch, OnEpoch, TrainingError
from training.processors import count_processors

N_WHITENING_IMAGES = 5000
"""The patches of so many images say how to whiten."""
PROXY_WIDTHS = (32, 64, 64)
"""The small network that chooses what a large one learns has these widths."""

NetworkFactory = Callable[[argparse.Namespace, int, int], nn.Module]
"""It makes the network from the options, the images' height in pixels and the number of classes."""


@dataclass(frozen=True, kw_only=True)
class ImageFamily:
    """An ImageFamily is a family for images: its network and what suits it."""

    SUMMARY: str
    body: NetworkFactory
    epochs: int
    learning_rate: float
    weight_decay: float
    shift_px: int
    smoothing: float
    widths: str | None = None
    cutout_px: int = 0
    bias_scale: float = 1.0
    turn_rate: float = 0.0
    allow_bfloat16: bool = False
    averages_mirrored: bool = False
    min_px: int = 1
    KINDS: tuple[str, ...] = ("classifier",)
    NEEDS_VALIDATION: bool = True
    NEEDS_CALIBRATION: bool = True

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        add_schedule_options(parser, self)
        if self.widths is not None:
            text = "neurons or filters of each layer, as in 64,128,256"
            parser.add_argument(
                "--widths", type=types.widths, default=self.widths, help=text
            )

        if self.turn_rate:
            text = "convolutions of each block; the third makes it residual"
            parser.add_argument(
                "--depth", type=int, choices=(2, 3), default=2, help=text
            )
            text = "learns the half of the images that is harder for a small network, which learns along"
            parser.add_argument("--select", action="store_true", help=text)
            text = "the answer is the mean over the image in place and moved by a pixel, for three times the work"
            parser.add_argument("--moves", action="store_true", help=text)

    def fit(
        self,
        dataset: ImageDataset,
        rows: Split,
        options: argparse.Namespace,
        on_epoch: OnEpoch,
    ) -> FittedImageClassifier:
        """Fits the network, or goes on where it was stopped."""
        size_px = dataset.pixels.shape[1]
        if size_px < self.min_px:
            raise TrainingError(
                f"the network needs images of at least {self.min_px} pixels, --size {size_px}"
            )

        set_threads(self)
        torch.manual_seed(options.seed)
        body = self.body(options, size_px, len(dataset.classes))
        model = make_model(body, dataset, rows)
        proxy = (
            make_model(ConvNet(PROXY_WIDTHS, len(dataset.classes)), dataset, rows)
            if selects_hard_half(options)
            else None
        )
        checkpoint = find_checkpoint(dataset, rows, options)
        fit_model(
            model,
            dataset,
            rows,
            self.schedule(options),
            on_epoch,
            checkpoint=checkpoint,
            proxy=proxy,
        )
        if (
            isinstance(body, ConvNet) and not options.folds
        ):  # those of the last fold are not those of the model
            save_weights(body, dataset.task)

        moves = bool(getattr(options, "moves", False))

        return FittedImageClassifier(
            model,
            mirrors=self.averages_mirrored,
            resize_px=size_px,
            crop_px=size_px,
            moves=moves,
        )

    def schedule(self, options: argparse.Namespace) -> Schedule:
        """Returns the schedule of the options and of what is the family's own."""
        return Schedule(
            epochs=options.epochs,
            learning_rate=options.learning_rate,
            weight_decay=options.weight_decay,
            batch_size=options.batch_size,
            shift_px=options.shift,
            smoothing=self.smoothing,
            cutout_px=getattr(options, "cutout", self.cutout_px),
            bias_scale=self.bias_scale,
            turn_rate=getattr(options, "turn_rate", self.turn_rate),
            allow_bfloat16=self.allow_bfloat16,
            seed=options.seed,
        )


def make_model(body: nn.Module, dataset: ImageDataset, rows: Split) -> ImageNetwork:
    """Returns a network that has learnt nothing, with what it takes from the training images' colours."""
    model = ImageNetwork(body, dataset.pixels[rows.train])
    if isinstance(body, ConvNet):
        some = torch.from_numpy(dataset.pixels[rows.train[:N_WHITENING_IMAGES]])
        body.whiten(model.standardise(some))
    return model


def selects_hard_half(options: argparse.Namespace) -> bool:
    """Tells if only the harder half of the images is learnt."""
    return bool(getattr(options, "select", False))


def set_threads(family: ImageFamily) -> None:
    """Sets as many threads as processors for convolutions; with small layers threads would wait for each other."""
    torch.set_num_threads(count_processors() if family.allow_bfloat16 else 1)


def add_schedule_options(parser: argparse.ArgumentParser, family: ImageFamily) -> None:
    """Adds the options of every family that learns from images by gradient descent."""
    add = parser.add_argument
    add(
        "--epochs",
        type=types.count,
        default=family.epochs,
        help="passes over the training images",
    )
    add(
        "--learning-rate",
        type=types.positive,
        default=family.learning_rate,
        help="the highest, for 512 images",
    )
    add(
        "--weight-decay",
        type=types.penalty,
        default=family.weight_decay,
        help="of the descent's steps",
    )
    add(
        "--batch-size",
        type=types.count,
        default=512,
        help="images in a mini-batch; few images make smaller ones",
    )
    add(
        "--shift",
        type=types.natural,
        default=family.shift_px,
        help="pixels by which images are moved, at most",
    )
    add(
        "--cutout",
        type=types.natural,
        default=family.cutout_px,
        help="side in pixels of a square that is hidden",
    )
    if family.turn_rate:
        text = "the highest of Muon, by which filters of convolutions learn; 0 for descent as all else"
        add("--turn-rate", type=types.penalty, default=family.turn_rate, help=text)


def fit_model(
    model: ImageNetwork,
    dataset: ImageDataset,
    rows: Split,
    schedule: Schedule,
    on_epoch: OnEpoch,
    *,
    checkpoint: Path | None = None,
    proxy: ImageNetwork | None = None,
) -> None:
    """Fits the network in place to the training images."""
    train, validation = (
        (dataset.pixels[part], dataset.target[part])
        for part in (rows.train, rows.validation)
    )

    def on_progress(progress: Progress) -> None:
        losses = {"train": progress.train}
        if progress.validation is not None:
            losses["validation"] = progress.validation
        on_epoch(Epoch(number=progress.number, losses=losses))

    minimise_loss(
        model,
        train,
        validation,
        schedule,
        on_progress=on_progress,
        checkpoint=checkpoint,
        proxy=proxy,
    )


def find_checkpoint(
    dataset: ImageDataset, rows: Split, options: argparse.Namespace
) -> Path:
    """Returns where a training is kept, by the options that change it, data, rows and code of learning."""
    others = ("output", "report", "data", "moves")
    stated = {
        name: str(value) for name, value in vars(options).items() if name not in others
    }
    digest = hashlib.sha256(f"{sorted(stated.items())}".encode())
    digest.update(dataset.fingerprint.encode())
    digest.update(rows.train.astype("<i8").tobytes())
    learning = (
        "gradient_descent",
        "schedule",
        "selection",
        "augmentation",
        "muon",
        "convnet",
        "dense",
    )
    digest.update(
        fingerprint_modules(*(f"training.images.{name}" for name in learning)).encode()
    )

    return (
        data_folder()
        / "trainings"
        / f"{dataset.task}-{options.family}-{digest.hexdigest()[:12]}.pt"
    )


def find_weights(task: str) -> Path:
    """Returns where the convolutional network of a task leaves its weights, for others to start from."""
    return data_folder() / "weights" / f"{task}-cnn.pt"


def save_weights(body: ConvNet, task: str) -> None:
    path = find_weights(task)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(body.state_dict(), path)


def _widths(options: argparse.Namespace) -> tuple[int, ...]:
    return tuple(int(width) for width in options.widths.split(","))


def _dense(options: argparse.Namespace, size_px: int, n_classes: int) -> Dense:
    return Dense(
        size_px, _widths(options) if hasattr(options, "widths") else (), n_classes
    )


def _convnet(options: argparse.Namespace, size_px: int, n_classes: int) -> ConvNet:
    widths = _widths(options)
    if len(widths) != 3:
        raise TrainingError(
            f"--widths: expected three numbers of filters, as in 64,128,256, got {options.widths}"
        )

    return ConvNet((widths[0], widths[1], widths[2]), n_classes, depth=options.depth)


LOGISTIC = ImageFamily(
    SUMMARY="Logistic regression",
    body=_dense,
    epochs=40,
    learning_rate=0.01,
    weight_decay=0.01,
    shift_px=1,
    smoothing=0.0,
)
MLP = ImageFamily(
    SUMMARY="Multi-layer perceptron",
    body=_dense,
    widths="512,256",
    epochs=60,
    learning_rate=0.1,
    weight_decay=0.001,
    shift_px=2,
    smoothing=0.1,
)
CNN = ImageFamily(
    SUMMARY="Convolutional network",
    body=_convnet,
    widths="64,128,256",
    epochs=15,
    learning_rate=0.75,
    weight_decay=0.00133,
    shift_px=2,
    smoothing=0.2,
    bias_scale=64.0,
    turn_rate=0.12,
    allow_bfloat16=True,
    averages_mirrored=True,
    min_px=MIN_PX,
)
