"""A network that has learnt elsewhere gets a head at once, and then learns on in all its layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.images.gradient_descent import ImageNetwork, Progress
from training.images.schedule import Schedule
from training.transfer.descent import teach
from training.transfer.enlarging import EnlargingNetwork
from training.transfer.fine_tuning import FineTunedNetwork
from training.transfer.head import fit_head

Images = tuple[NDArray[np.uint8], NDArray[np.int64]]
EPOCHS = 3
SCHEDULE = Schedule(
    epochs=EPOCHS, learning_rate=0.02, weight_decay=0.01, batch_size=8, shift_px=1
)


class Stopped(Exception):
    """This exception stops a training as a person does."""


def draw_images(n_images: int) -> Images:
    """Returns noisy images of two kinds, whose reds differ."""
    generator = np.random.default_rng(0)
    target = np.arange(n_images, dtype=np.int64) % 2
    pixels = generator.integers(0, 200, (n_images, 8, 8, 3), dtype=np.uint8)
    pixels[..., 0] += (target * 40).astype(np.uint8)[:, None, None]
    return pixels, target


def make_network(pixels: NDArray[np.uint8]) -> tuple[FineTunedNetwork, nn.Linear]:
    """Returns a small network that enlarges its images, and its head."""
    torch.manual_seed(0)
    head = nn.Linear(8, 2)
    layers = (nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
    model = FineTunedNetwork(EnlargingNetwork(body, 48), pixels)
    model.frozen = False

    return model, head


def teach_network(
    train: Images,
    validation: Images,
    checkpoint: Path | None = None,
    stop_after: int | None = None,
) -> tuple[ImageNetwork, list[Progress], list[int]]:
    """Returns the network, what its epochs came to, and how large its images were in each."""
    model, head = make_network(train[0])
    done: list[Progress] = []
    sizes: list[int] = []

    def note(progress: Progress) -> None:
        done.append(progress)
        sizes.append(model.body.learnt_px)
        if progress.number == stop_after:
            raise Stopped

    try:
        teach(
            model,
            head,
            train,
            validation,
            SCHEDULE,
            on_progress=note,
            checkpoint=checkpoint,
        )
    except Stopped:
        pass

    return model, done, sizes


def find_loss(model: ImageNetwork, images: Images) -> float:
    """Returns the mean log loss of these images."""
    with torch.inference_mode():
        scores = model(torch.from_numpy(images[0]))
    return float(nn.functional.cross_entropy(scores, torch.from_numpy(images[1])))


def read_weights(model: ImageNetwork) -> list[Tensor]:
    return list(model.state_dict().values())


def test_a_head_is_fitted_at_once_and_the_body_stays() -> None:
    """The head tells the kinds apart on features of other layers, which keep their weights and statistics."""
    pixels, target = draw_images(80)
    model, head = make_network(pixels)
    before = {name: each.clone() for name, each in model.state_dict().items()}
    loss = fit_head(model, head, pixels, target, allow_bfloat16=False)
    changed = {
        name
        for name, each in model.state_dict().items()
        if not torch.equal(each, before[name])
    }

    assert {name.rpartition(".")[0] for name in changed} == {"body.network.5"}
    assert loss == pytest.approx(find_loss(model, (pixels, target)), abs=1e-5)
    assert loss < 0.65
    scores = model(torch.from_numpy(pixels)).argmax(dim=1).numpy()
    assert (scores == target).mean() > 0.9


def test_all_layers_learn_and_images_grow() -> None:
    """The loss falls below the head's guess, and images grow to the size at which the network answers."""
    train = draw_images(80)
    model, done, sizes = teach_network(train, draw_images(20))

    assert [each.number for each in done] == [1, 2, 3]
    assert done[-1].train < done[0].train
    assert sizes == [48 * 3 // 4 // 16 * 16 + 16, 48, 48]
    assert find_loss(model, draw_images(20)) < 0.5


def test_the_best_weights_for_the_validation_images_are_kept() -> None:
    """The weights of the first epoch stay if learning makes the validation loss grow from there."""
    train = draw_images(80)
    wrong = (train[0], 1 - train[1])
    model, done, _ = teach_network(train, wrong)
    losses = [each.validation for each in done]

    assert losses[0] == min(losses)
    assert losses[-1] > losses[0] + 0.1
    assert not model.training


def test_a_training_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    """A training that was stopped, then begun again, ends with the weights of one that was not."""
    train, validation = draw_images(80), draw_images(20)
    whole, all_done, _ = teach_network(train, validation)
    place = tmp_path / "sky.pt"
    _, before, _ = teach_network(train, validation, place, stop_after=2)
    assert [each.number for each in before] == [1, 2]
    resumed, done, _ = teach_network(train, validation, place)

    assert done == all_done
    for one, other in zip(read_weights(whole), read_weights(resumed), strict=True):
        assert torch.equal(one, other)


def test_statistics_of_normalisations_may_stay() -> None:
    """The means of the first data set stay with `keeps_statistics`, and scales and shifts learn."""
    train = draw_images(80)
    model, head = make_network(train[0])
    model.keeps_statistics = True
    norm = model.body.network[1]
    mean, weight = norm.running_mean.clone(), norm.weight.detach().clone()
    teach(model, head, train, draw_images(20), SCHEDULE, on_progress=lambda _: None)

    assert torch.equal(norm.running_mean, mean)
    assert not torch.equal(norm.weight, weight)
