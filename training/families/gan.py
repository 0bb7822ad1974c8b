"""A generative adversarial network has a generator that learns to make images that a discriminator takes for real.

It is that of Goodfellow et al., NeurIPS 2014. The discriminator is penalised for steep scores at real images (R1;
Mescheder et al., ICML 2018), so that it stays a smooth guide and does not learn the few training rows by heart. What
is kept of both networks is a moving average of their weights.

It attains with seed 0: a logistic regression on real digits is 0.873 sure of generated ones (0.894 of real held-out
ones) and finds all ten among them about equally often (0.997 of the largest entropy); the discriminator is close to
chance between the two, 0.565 on held-out rows; 60 s on 2 processors. The cards name the versions.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from training import option_types as types
from training.data.datasets import Dataset, Split
from training.learning import gradient_descent
from training.learning.family import Companion, Epoch, OnEpoch, TrainingError
from training.learning.network import Classifier, FittedNetwork

SUMMARY = "Generative adversarial network"
KINDS = ("generator",)
NEEDS_VALIDATION = False
NEEDS_CALIBRATION = False

SHOWN = 10
"""So many samples of the same noise are kept of some epochs, to see it learn."""
SHOWN_EPOCHS = 8


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--learning-rate",
        type=types.positive,
        default=0.0008,
        help="size of a step of either",
    )
    parser.add_argument(
        "--batch-size", type=types.count, default=64, help="rows in a mini-batch"
    )
    parser.add_argument(
        "--epochs", type=types.count, default=300, help="passes over the training rows"
    )
    parser.add_argument(
        "--noise",
        type=types.count,
        default=16,
        help="random numbers that an image is made of",
    )
    parser.add_argument(
        "--hidden", type=types.count, default=256, help="neurons of each hidden layer"
    )
    parser.add_argument(
        "--slope-penalty", type=types.penalty, default=0.3, help="weight of R1"
    )
    parser.add_argument(
        "--averaging",
        type=types.share,
        default=0.999,
        help="of the weights, over steps",
    )


def fit(
    dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch
) -> FittedGan:
    """Learns from the training rows, without their classes."""
    if dataset.image_shape is None:
        raise TrainingError(f"gan: the task {dataset.task!r} is not one of images")

    if len(rows.train) < options.batch_size:
        raise TrainingError(
            f"--batch-size {options.batch_size}: there are only {len(rows.train)} training rows"
        )

    gradient_descent.seed_torch(options)
    trainer = AdversarialTrainer(dataset, rows, options)
    shown = torch.randn(SHOWN, options.noise)
    samples = {}

    for number in range(1, options.epochs + 1):
        losses = trainer.train_epoch()
        on_epoch(Epoch(number=number, losses=losses))
        if number in np.linspace(1, options.epochs, SHOWN_EPOCHS, dtype=int):
            samples[number] = trainer.sample(shown).reshape(SHOWN, *dataset.image_shape)

    return FittedGan(trainer, dataset, rows, samples)


class Generator(nn.Module):
    """A Generator maps standard normal noise `(n_images, size)` to pixels from 0 to 1, `(n_images, n_pixels)`."""

    def __init__(self, n_noise: int, n_pixels: int, *, n_hidden: int) -> None:
        super().__init__()
        stages = [
            _stage(n_noise, n_hidden),
            _stage(n_hidden, n_hidden),
            _stage(n_hidden, n_hidden),
        ]
        self.body = nn.Sequential(*stages, nn.Linear(n_hidden, n_pixels), nn.Sigmoid())

    def forward(self, noise: Tensor) -> Tensor:
        pixels: Tensor = self.body(noise)
        return pixels


class Images(nn.Module):
    """Images is a generator whose pixels are grey levels from 0 to 255, the same in red, green and blue."""

    def __init__(self, generator: Generator, shape: tuple[int, int]) -> None:
        super().__init__()
        self.generator = generator
        self.shape = shape

    def forward(self, noise: Tensor) -> Tensor:
        """Returns images uint8 `(n_images, height, width, 3)`."""
        grey = (self.generator(noise) * 255).round().to(torch.uint8)
        images: Tensor = grey.reshape(-1, *self.shape, 1).expand(-1, *self.shape, 3)
        return images


class AdversarialTrainer:
    """An AdversarialTrainer holds both networks, their optimizers, and the moving averages that are kept."""

    def __init__(
        self, dataset: Dataset, rows: Split, options: argparse.Namespace
    ) -> None:
        features = dataset.features[rows.train]
        self.brightest = float(features.max())
        self.real = torch.from_numpy(features) / self.brightest
        self.options = options
        n_pixels, n_hidden = features.shape[1], options.hidden
        self.generator = Generator(options.noise, n_pixels, n_hidden=n_hidden)
        self.discriminator = nn.Sequential(
            nn.Linear(n_pixels, n_hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(n_hidden, n_hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(n_hidden, 1),
        )
        self.averaged_generator = copy.deepcopy(self.generator).eval()
        self.averaged_discriminator = copy.deepcopy(self.discriminator).eval()
        self._optimizers = [
            torch.optim.Adam(
                each.parameters(), lr=options.learning_rate, betas=(0.5, 0.999)
            )
            for each in (self.generator, self.discriminator)
        ]

    def train_epoch(self) -> dict[str, float]:
        """Returns mean losses over the epoch, in nats.

        Where the discriminator cannot tell, its loss is 1.386, and the generator's 0.693.
        """
        size = self.options.batch_size
        n_batches = len(self.real) // size
        totals = np.zeros(2)

        for rows in torch.split(
            torch.randperm(len(self.real))[: n_batches * size], size
        ):
            totals += self._step(self.real[rows])
            _update_average(
                self.averaged_generator, self.generator, 1 - self.options.averaging
            )
            _update_average(
                self.averaged_discriminator,
                self.discriminator,
                1 - self.options.averaging,
            )

        discriminator, generator = totals / n_batches

        return {"discriminator": float(discriminator), "generator": float(generator)}

    def sample(self, noise: Tensor) -> NDArray[np.float32]:
        """Returns pixels from 0 to 1, `(n_images, n_pixels)`."""
        with torch.inference_mode():
            pixels: NDArray[np.float32] = self.averaged_generator(noise).numpy()
        return pixels

    def _step(self, real: Tensor) -> tuple[float, float]:
        """Steps on one mini-batch: the discriminator learns to tell, then the generator to deceive it."""
        generator_optimizer, discriminator_optimizer = self._optimizers
        generated = self.generator(torch.randn(len(real), self.options.noise))
        real = real.requires_grad_()
        scores = self._score(real)
        discriminator_loss = (
            softplus(-scores).mean() + softplus(self._score(generated.detach())).mean()
        )
        penalty = self.options.slope_penalty / 2 * _squared_gradient_norm(scores, real)
        discriminator_optimizer.zero_grad()
        (discriminator_loss + penalty).backward()
        discriminator_optimizer.step()
        generator_loss = softplus(-self._score(generated)).mean()
        generator_optimizer.zero_grad()
        generator_loss.backward()  # type: ignore[no-untyped-call]  # torch leaves this method untyped
        generator_optimizer.step()

        return discriminator_loss.item(), generator_loss.item()

    def _score(self, pixels: Tensor) -> Tensor:
        scores: Tensor = self.discriminator(pixels * 2 - 1)
        return scores


class FittedGan(FittedNetwork):
    """A FittedGan is the fitted generator, and beside it the discriminator as a classifier of what is real."""

    def __init__(
        self,
        trainer: AdversarialTrainer,
        dataset: Dataset,
        rows: Split,
        samples: dict[int, NDArray[np.float32]],
    ) -> None:
        assert dataset.image_shape is not None
        super().__init__(
            Images(trainer.averaged_generator, dataset.image_shape), kind="generator"
        )
        self.noise_size = trainer.options.noise
        self.samples_by_epoch = samples
        self.companions = (_make_discriminator(trainer, dataset, rows),)


def _make_discriminator(
    trainer: AdversarialTrainer, dataset: Dataset, rows: Split
) -> Companion:
    """Returns the discriminator, with a task of its own: the real rows, and as many generated ones."""
    n_rows = len(dataset.target)
    noise = np.random.default_rng(trainer.options.seed).standard_normal(
        (n_rows, trainer.options.noise)
    )
    generated = trainer.sample(torch.from_numpy(noise).float()) * np.float32(
        trainer.brightest
    )
    beside = replace(
        dataset,
        task=f"{dataset.task}_origin",
        summary=f"{dataset.summary}, real or generated",
        features=np.concatenate([dataset.features, generated]),
        target=np.repeat(np.array([1, 0], dtype=np.int64), n_rows),
        classes=("generated", "real"),
    )
    both = Split(
        **{
            part: np.concatenate([each, each + n_rows])
            for part, each in vars(rows).items()
        }
    )
    module = Classifier(
        trainer.averaged_discriminator, dataset.features[rows.train], n_classes=2
    )
    for buffer in (module.mean, module.deviation):
        buffer.fill_(trainer.brightest / 2)  # pixels from -1 to 1

    return Companion(
        family="discriminator",
        summary="Discriminator of a generative adversarial network",
        fitted=FittedNetwork(module, kind="classifier"),
        dataset=beside,
        rows=both,
    )


def _stage(n_inputs: int, n_outputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(n_inputs, n_outputs, bias=False), nn.BatchNorm1d(n_outputs), nn.ReLU()
    )


def _squared_gradient_norm(scores: Tensor, pixels: Tensor) -> Tensor:
    """Returns the mean squared length of the score's gradient, the pixels taken from -1 to 1."""
    (slope,) = torch.autograd.grad(scores.sum(), pixels, create_graph=True)
    return (slope / 2).square().sum(dim=1).mean()


@torch.no_grad()
def _update_average(average: nn.Module, current: nn.Module, share: float) -> None:
    """Moves weights and running statistics of `average` by `share` towards those of `current`."""
    for old, new in zip(
        average.state_dict().values(), current.state_dict().values(), strict=True
    ):
        if old.is_floating_point():  # not the counters of batches
            old.lerp_(new, share)
