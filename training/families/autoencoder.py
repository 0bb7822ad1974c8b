"""An autoencoder is two small networks around a narrow code, which must carry all that the second needs.

It attains with seed 0, on held-out rows: 0.834 of the variance of digits with a code of 8 numbers, half of the error
of 8 principal components; 18 s on 2 processors. The card names the versions.
"""

from __future__ import annotations

import argparse

from torch import Tensor, nn

from training import option_types as types
from training.data.datasets import Dataset, Split
from training.learning import gradient_descent
from training.learning.family import OnEpoch
from training.learning.network import FittedNetwork, TrainableNetwork

SUMMARY = "Autoencoder"
KINDS = ("transformer",)
NEEDS_VALIDATION = True
NEEDS_CALIBRATION = False


def add_options(parser: argparse.ArgumentParser) -> None:
    gradient_descent.add_options(parser, learning_rate=0.001, l2=0.0)
    parser.set_defaults(batch_size=64, epochs=600, patience=60)
    parser.add_argument(
        "--components",
        type=types.count,
        help="numbers in a code; without it up to 8, half of the features'",
    )
    parser.add_argument(
        "--hidden",
        type=types.count,
        default=256,
        help="neurons of the wider hidden layers",
    )


def fit(
    dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch
) -> FittedNetwork:
    """Learns to answer each row with itself, without use of the target."""
    gradient_descent.seed_torch(options)
    n_components = options.components or max(1, min(8, dataset.features.shape[1] // 2))
    module = Autoencoder(
        dataset, rows, n_components=n_components, n_hidden=options.hidden
    )
    gradient_descent.minimise_loss(module, dataset, rows, options, on_epoch)

    return FittedNetwork(module, kind="transformer")


class Autoencoder(TrainableNetwork):
    """An Autoencoder maps standardised features to a code and back; pixels are taken as shares of the brightest."""

    def __init__(
        self, dataset: Dataset, rows: Split, *, n_components: int, n_hidden: int
    ) -> None:
        train_features = dataset.features[rows.train]
        super().__init__(train_features)
        is_image = dataset.image_shape is not None
        if is_image:
            self.mean.zero_()
            self.deviation.fill_(float(train_features.max()))

        wide, narrow, n_features = (
            n_hidden,
            max(1, n_hidden // 2),
            train_features.shape[1],
        )
        self.encoder = _network(n_features, wide, narrow, n_components)
        self.decoder = _network(n_components, narrow, wide, n_features)
        if is_image:
            self.decoder.append(nn.Sigmoid())

    def loss(self, features: Tensor, _target: Tensor) -> Tensor:
        """Returns the mean squared error of the standardised reconstruction."""
        standardised = self.standardise(features)
        return nn.functional.mse_loss(
            self.decoder(self.encoder(standardised)), standardised
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns codes `(n_rows, n_components)` and reconstruction `(n_rows, n_features)`."""
        codes = self.encoder(self.standardise(features))
        return codes, self.restore(self.decoder(codes))


def _network(n_inputs: int, first: int, second: int, n_outputs: int) -> nn.Sequential:
    layers = [
        nn.Linear(n_inputs, first),
        nn.ReLU(),
        nn.Linear(first, second),
        nn.ReLU(),
        nn.Linear(second, n_outputs),
    ]
    return nn.Sequential(*layers)
