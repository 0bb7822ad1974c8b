"""k-means gathers rows around centres, without a look at the target; it is scikit-learn's, in a graph of our own.

It attains with seed 0, on held-out rows: an adjusted Rand index of 0.646 with the classes of digits; 5 s on 2
processors. The card names the versions.
"""

from __future__ import annotations

import argparse

import torch
from sklearn.cluster import KMeans
from torch import Tensor

from training import option_types as types
from training.data.datasets import Dataset, Split
from training.learning.family import OnEpoch, TrainingError
from training.learning.network import FittedNetwork, Standardised

SUMMARY = "k-means clustering"
KINDS = ("clusterer",)
NEEDS_VALIDATION = False
NEEDS_CALIBRATION = False


class Centres(Standardised):
    """Centres computes distances to learnt centres in float64, so that rounding does not decide between near ones."""

    centres: Tensor

    def __init__(
        self,
        dataset: Dataset,
        rows: Split,
        options: argparse.Namespace,
        *,
        n_clusters: int,
    ) -> None:
        super().__init__(
            dataset.features[rows.train], scaled=dataset.image_shape is None
        )
        standardised = self.standardise(
            torch.from_numpy(dataset.features[rows.train])
        ).numpy()
        kmeans = KMeans(
            n_clusters=n_clusters, n_init=options.starts, random_state=options.seed
        )
        self.register_buffer(
            "centres",
            torch.from_numpy(kmeans.fit(standardised).cluster_centers_).double(),
        )

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns cluster int64 `(n_rows,)`, of equally near ones the lowest, and distances `(n_rows, n_clusters)`."""
        apart = self.standardise(features).double()[:, None] - self.centres
        distances = apart.square().sum(dim=2).sqrt()
        return distances.argmin(dim=1), distances.float()


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--clusters",
        type=types.count,
        help="k, the number of centres; the classes', or 8, without it",
    )
    parser.add_argument(
        "--starts",
        type=types.count,
        default=10,
        help="random beginnings, of which the best is kept",
    )


def fit(
    dataset: Dataset, rows: Split, options: argparse.Namespace, on_epoch: OnEpoch
) -> FittedNetwork:
    """Fits standardised features; pixels share a unit and are left as they are."""
    n_clusters = options.clusters or len(dataset.classes) or 8
    if n_clusters > len(rows.train):
        raise TrainingError(
            f"--clusters {n_clusters}: there are only {len(rows.train)} training rows"
        )

    return FittedNetwork(
        Centres(dataset, rows, options, n_clusters=n_clusters), kind="clusterer"
    )
