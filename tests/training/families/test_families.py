"""Every family is fitted, passes the gate, is served, and is as good as it should be."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import Perceptron as ScikitPerceptron
from threadpoolctl import threadpool_limits

from service.models.model import Model
from training.__main__ import main
from training.arguments.parser import build_parser
from training.console import headline
from training.data import datasets
from training.families import perceptron
from training.families.perceptron import Step
from training.families.registry import FAMILIES

LEAST = {"accuracy": 0.9, "r2": 0.3, "adjusted_rand": 0.7, "explained_variance": 0.6}


FITTED = sorted(set(FAMILIES) - {"cnn", "gan"})
SHORTER = {
    "autoencoder": ("--epochs", "10"),
    "gradient_boosting": ("--rounds", "10"),
    "mlp": ("--epochs", "20"),
    "random_forest": ("--trees", "10"),
}
"""So many steps are enough to see that a family takes the same ones twice."""

Train = Callable[..., Path]


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Exports a family with these options into the folder of a name, once, however many tests ask for it.

    It returns the file, of wine, or of diabetes for numbers.
    """
    root = tmp_path_factory.mktemp("families")

    @cache
    def run(family: str, name: str, *options: str) -> Path:
        task = "diabetes" if family == "linear" else "wine"
        folder = root / name / "-".join(options)
        words = [family, "--task", task, *options, "--output", str(folder)]
        assert main(words) == 0
        return folder / f"{task}-{family}.onnx"

    return run


@pytest.mark.parametrize("family", FITTED)
def test_a_family_is_learnt_exported_and_served(family: str, train: Train) -> None:
    """A family with its defaults is good on wine, or on diabetes for numbers."""
    model = Model.load(train(family, "one"))
    assert model is not None
    assert model.card.family == family
    name, metric = headline(model.card)
    assert metric.value >= LEAST[name]


@pytest.mark.parametrize("family", FITTED)
def test_a_family_is_fitted_twice_to_the_same_file(family: str, train: Train) -> None:
    """A family makes the same bytes of the same data and options."""
    options = SHORTER.get(family, ())
    one, other = (train(family, name, *options) for name in ("one", "other"))
    assert one != other
    assert one.read_bytes() == other.read_bytes()


def test_boosted_trees_are_the_same_whatever_thread_is_first(tmp_path: Path) -> None:
    """Two fits by several threads make the same file, though the tests' own processes have one thread."""
    words = ["gradient_boosting", "--task", "wine", "--rounds", "10"]
    for folder in ("one", "other"):
        with threadpool_limits(limits=3):
            assert main([*words, "--output", str(tmp_path / folder)]) == 0

    one, other = (
        (tmp_path / folder / "wine-gradient_boosting.onnx").read_bytes()
        for folder in ("one", "other")
    )
    assert one == other


@pytest.mark.parametrize("family", ["mlp", "decision_tree", "random_forest"])
def test_a_family_learns_numbers_too(family: str, tmp_path: Path) -> None:
    """A family is a regressor where the task has no classes."""
    options = [] if family == "mlp" else ["--min-leaf", "10"]
    assert (
        main([family, "--task", "diabetes", *options, "--output", str(tmp_path)]) == 0
    )
    model = Model.load(tmp_path / f"diabetes-{family}.onnx")
    assert model is not None
    assert model.card.kind == "regressor"
    assert model.card.metrics["r2"].value > 0


def test_a_convolutional_network_needs_an_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A convolutional network refuses a table, of ours or of anyone's, before anything is learnt."""
    table = tmp_path / "mine.csv"
    rows = [f"{row % 7},{row % 11},{'ab'[row % 2]}" for row in range(120)]
    table.write_text("\n".join(["x,y,kind", *rows]))
    own = ["--task", "mine", "--data", str(table), "--target", "kind"]

    for task, reason in (
        (["--task", "wine"], "cnn learns images, and the rows of 'wine' are none"),
        (own, "not written: cnn: the task 'mine' is not one of images"),
    ):
        assert main(["cnn", *task, "--output", str(tmp_path)]) == 1
        assert reason in capsys.readouterr().out


def test_a_convolutional_network_learns_the_digits(tmp_path: Path) -> None:
    """A few epochs of a convolutional network beat a line, and the graph passes the gate."""
    words = ["cnn", "--task", "digits", "--copies", "0", "--drawn", "0"]
    assert main([*words, "--epochs", "3", "--output", str(tmp_path)]) == 0
    model = Model.load(tmp_path / "digits-cnn.onnx")
    assert model is not None
    assert model.card.metrics["accuracy"].value >= 0.9


def test_families_without_validation_learn_from_those_rows_too() -> None:
    """The card's split says that a family without validation learns from those rows too."""
    dataset = datasets.load("wine")
    rows = datasets.split(dataset, seed=0, needs_validation=False)
    assert rows.counts == {"train": 142, "validation": 0, "held_out": 36}
    assert np.array_equal(rows.held_out, datasets.split(dataset, seed=0).held_out)


def fit_perceptron(task: str, *arguments: str) -> tuple[Step, list[float]]:
    dataset = datasets.load(task)
    options = build_parser().parse_args(["perceptron", "--task", task, *arguments])
    losses: list[float] = []
    fitted = perceptron.fit(
        dataset,
        datasets.split(dataset, seed=0),
        options,
        lambda epoch: losses.append(epoch.losses["train"]),
    )

    return fitted.module, losses


def test_the_perceptron_rule_ends_on_separable_rows() -> None:
    """The perceptron makes no more mistakes on separated points after finitely many, by Rosenblatt's theorem."""
    _, losses = fit_perceptron("points", "--patience", "100")
    assert losses[-1] == 0.0
    assert len(losses) < 100


def test_the_perceptron_answers_with_steps(generator: np.random.Generator) -> None:
    """The perceptron's probabilities are 0 or 1."""
    module, _ = fit_perceptron("wine", "--epochs", "3")
    label, probabilities = module(
        torch.from_numpy(generator.normal(size=(20, 13)).astype(np.float32))
    )
    assert set(probabilities.unique().tolist()) <= {0.0, 1.0}
    assert torch.equal(probabilities.argmax(dim=1), label)


def test_the_perceptron_is_as_good_as_scikit_learns() -> None:
    """The perceptron is within three points of scikit-learn's on held-out standardised digits."""
    dataset = datasets.load("digits")
    rows = datasets.split(dataset, seed=0)
    module, _ = fit_perceptron("digits")
    features = torch.from_numpy(dataset.features)
    train, held_out = (
        module.standardise(features[part]).numpy()
        for part in (rows.train, rows.held_out)
    )
    oracle = ScikitPerceptron(random_state=0).fit(train, dataset.target[rows.train])
    label, _ = module(torch.from_numpy(dataset.features[rows.held_out]))
    found = (label.numpy() == dataset.target[rows.held_out]).mean()

    assert found >= oracle.score(held_out, dataset.target[rows.held_out]) - 0.03
