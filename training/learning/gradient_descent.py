"""This module descends by the gradient in mini-batches, with L1, L2 and early stopping on a validation part."""

from __future__ import annotations

import argparse
import copy
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from training import option_types as types
from training.data.datasets import Dataset, Split
from training.learning.class_weight import draw_order
from training.learning.family import Epoch, OnEpoch, TrainingError
from training.learning.network import (
    Classifier,
    FittedNetwork,
    Regressor,
    TrainableNetwork,
)

OPTIMIZERS = ("adam", "sgd")
MIN_BATCH_ROWS = 32
MAX_BATCHES = 256
"""An epoch has at most so many mini-batches, since more steps of fewer rows learn nothing more of many rows."""
SLOWER = 0.3
"""Adam's steps shrink by this factor whenever a third of the patience has passed without a lower loss."""


NetworkFactory = Callable[[int, int], nn.Module]
"""It makes the network from the number of features and the number of scores."""


def add_options(
    parser: argparse.ArgumentParser,
    *,
    learning_rate: float,
    l2: float | None,
    optimizer: str = "adam",
    needs_validation: bool = True,
) -> None:
    """Adds the options of every family that learns by gradient descent; the defaults that differ are given."""
    parser.add_argument(
        "--optimizer", choices=OPTIMIZERS, default=optimizer, help="adam, or plain sgd"
    )
    parser.add_argument(
        "--learning-rate",
        type=types.positive,
        default=learning_rate,
        help="size of a step",
    )
    parser.add_argument(
        "--clip",
        type=types.penalty,
        default=1.0,
        help="largest norm of a gradient that sgd follows, so that one row cannot throw it off; 0 for any",
    )
    parser.add_argument(
        "--batch-size",
        type=types.count,
        help=f"rows in a mini-batch; {MIN_BATCH_ROWS}, or of many rows one in {MAX_BATCHES}, without it",
    )
    parser.add_argument(
        "--epochs",
        type=types.count,
        default=500,
        help="passes over the training rows, at most",
    )
    parser.add_argument(
        "--l1",
        type=types.penalty,
        default=0.0,
        help="weight of the sum of absolute weights",
    )
    parser.add_argument(
        "--l2",
        type=types.penalty,
        default=l2,
        help="weight of the sum of squared weights; "
        + ("half of 1 / rows without it" if l2 is None else "0 for none"),
    )
    if needs_validation:
        parser.add_argument(
            "--patience",
            type=types.count,
            default=30,
            help="epochs without a lower validation loss before it stops",
        )


def fit_network(
    body: NetworkFactory,
    dataset: Dataset,
    rows: Split,
    options: argparse.Namespace,
    on_epoch: OnEpoch,
) -> FittedNetwork:
    """Returns a fitted classifier or, where the task has no classes, a regressor."""
    seed_torch(options)
    n_classes = len(dataset.classes)
    network = body(dataset.features.shape[1], n_classes if n_classes > 2 else 1)
    features, target = dataset.features[rows.train], dataset.target[rows.train]
    module: TrainableNetwork = (
        Classifier(network, features, n_classes=n_classes)
        if n_classes
        else Regressor(network, features, target.astype(np.float32))
    )
    minimise_loss(module, dataset, rows, options, on_epoch)

    return FittedNetwork(module, kind="classifier" if n_classes else "regressor")


def seed_torch(options: argparse.Namespace) -> None:
    """Seeds torch, so that the same seed gives the same weights from here on."""
    torch.manual_seed(options.seed)
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(
        1
    )  # sums in one order; and for networks this small, the fastest too


def minimise_loss(
    module: TrainableNetwork,
    dataset: Dataset,
    rows: Split,
    options: argparse.Namespace,
    on_epoch: OnEpoch,
) -> int:
    """Fits in place to the training rows and stops by the validation rows, where there are any.

    It leaves the weights of the lowest validation loss, or without validation rows of the lowest training loss with
    its penalty, and returns that epoch's number; it raises TrainingError where no epoch had a finite loss.
    """
    train, validation = (
        (
            torch.from_numpy(dataset.features[part]),
            torch.from_numpy(dataset.target[part]),
        )
        for part in (rows.train, rows.validation)
    )
    features, target = train
    needs_validation = len(rows.validation) > 0
    optimizer = _make_optimizer(module, options)
    l2 = 0.5 / len(target) if options.l2 is None else options.l2
    batch_size = options.batch_size or max(MIN_BATCH_ROWS, len(target) // MAX_BATCHES)
    best, best_epoch, best_state = float("inf"), 0, copy.deepcopy(module.state_dict())

    for number in range(1, options.epochs + 1):
        module.train()
        for batch in torch.split(draw_order(target, options), batch_size):
            optimizer.zero_grad()
            penalty = _compute_penalty(module, l1=options.l1, l2=l2)
            loss = module.loss(features[batch], target[batch]) + penalty
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves this method untyped
            _step(module, optimizer, options)

        losses = {"train": _evaluate(module, train)}
        if not math.isfinite(losses["train"]):
            break
        if needs_validation:
            losses["validation"] = _evaluate(module, validation)

        on_epoch(Epoch(number=number, losses=losses))
        with torch.inference_mode():
            penalty = _compute_penalty(module, l1=options.l1, l2=l2)

        objective = losses.get("validation", losses["train"] + float(penalty))
        if objective < best:
            best, best_epoch = objective, number
            best_state = copy.deepcopy(module.state_dict())

        if needs_validation and number - best_epoch >= options.patience:
            break
        if needs_validation and options.optimizer == "adam":
            _slow_down(optimizer, number - best_epoch, options.patience)

    if best_epoch == 0:
        raise TrainingError("the loss was never a finite number: lower --learning-rate")

    module.load_state_dict(best_state)

    return best_epoch


def _make_optimizer(
    module: nn.Module, options: argparse.Namespace
) -> torch.optim.Optimizer:
    if options.optimizer == "sgd":
        return torch.optim.SGD(module.parameters(), lr=options.learning_rate)
    return torch.optim.Adam(module.parameters(), lr=options.learning_rate)


def _step(
    module: nn.Module, optimizer: torch.optim.Optimizer, options: argparse.Namespace
) -> None:
    """Follows the gradient; plain SGD follows a long one only so far, and Adam sees to the length itself."""
    if options.optimizer == "sgd" and options.clip:
        nn.utils.clip_grad_norm_(module.parameters(), options.clip)

    optimizer.step()


def _slow_down(
    optimizer: torch.optim.Optimizer, epochs_without: int, patience: int
) -> None:
    """Shortens the steps after each third of the patience, in place."""
    if epochs_without and epochs_without % max(1, patience // 3) == 0:
        for group in optimizer.param_groups:
            group["lr"] *= SLOWER


def _compute_penalty(module: nn.Module, *, l1: float, l2: float) -> Tensor:
    """Returns L1 and L2 over the weights; biases go free."""
    weights = [parameter for parameter in module.parameters() if parameter.ndim > 1]
    absolute = torch.stack([weight.abs().sum() for weight in weights]).sum()
    squared = torch.stack([weight.square().sum() for weight in weights]).sum()
    penalty: Tensor = l1 * absolute + l2 * squared
    return penalty


def _evaluate(module: TrainableNetwork, rows: tuple[Tensor, Tensor]) -> float:
    module.eval()
    with torch.inference_mode():
        return float(module.loss(*rows))
