"""The course's page is true: each of its commands runs, and each picture that it names is drawn."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from tests.support.report_pictures import CLASSIFIER, REGRESSOR, check_picture
from tests.support.server import Server
from training.__main__ import main

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "course.md").read_text(
    encoding="utf-8"
)
COMMANDS = [
    line
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S)
    for line in block.splitlines()
]
TRAINING = [
    line.removeprefix(".venv/bin/python -m training ")
    for line in COMMANDS
    if line.startswith(".venv")
]
CURLS = [line for line in COMMANDS if line.startswith("curl ")]
PICTURES = sorted(set(re.findall(r"`(\w+\.png)`", TEXT)))
FEWER = {
    "all": "--family decision_tree",
    "autoencoder": "--epochs 5",
    "cnn": "--epochs 1 --copies 0 --drawn 0",
    "gan": "--epochs 2",
    "mlp": "--epochs 20",
    "naive_bayes": "--folds 2",
}
"""With these behind it a family's command writes and draws all that it does with those of the page, but in less time.

That `all` learns several families, and leaves alone what is up to date, is shown where jobs are tested.
"""

DRAWN = {
    "decision_tree --task wine": {
        "wine-decision_tree": CLASSIFIER | {"tree", "importances"}
    },
    "linear --task tacos": {"tacos-linear": REGRESSOR | {"losses", "line"}},
    "kmeans --task digits": {
        "digits-kmeans": {"metrics", "centres", "cluster_classes"}
    },
    "pca --task digits": {
        "digits-pca": {"metrics", "codes", "reconstructions", "explained_variance"}
    },
    "gan --task digits": {
        "digits-gan": {"metrics", "losses", "samples", "samples_by_epoch"},
        "digits_origin-discriminator": CLASSIFIER - {"learning_curve"},
    },
}
"""The first report of each of these families has these pictures, in a folder of this name for each model."""

Train = Callable[[str], dict[str, set[str]]]


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Runs a training command once, however many tests ask for it; returns each model's pictures by their names.

    A command writes a file for each model of which it draws pictures.
    """

    @cache
    def run(command: str) -> dict[str, set[str]]:
        folder = tmp_path_factory.mktemp("trained")
        reports = folder / "reports"
        words = [word for word in shlex.split(command) if word != "--report"]
        drawing = ["--report", str(reports)] if "--report" in command else []

        assert main([*words, "--output", str(folder), *drawing]) == 0
        written = {path.stem for path in folder.glob("*.onnx")}
        assert written

        drawn: dict[str, set[str]] = {}
        for path in reports.rglob("*"):
            if path.is_file():
                drawn.setdefault(path.parent.name, set()).add(path.name)
                check_picture(path)
        assert drawn.keys() <= written

        return drawn

    return run


def shorten(command: str) -> str:
    """Returns the command with fewer epochs, folds or families, and without the report of a family that has drawn one.

    Of an option that is given twice the last one counts. A family draws the same pictures whatever its options, but
    losses that explode, which are forced, are drawn too.
    """
    family = command.partition(" ")[0]
    reports = [each for each in TRAINING if "--report" in each]
    first = next((each for each in reports if each.startswith(f"{family} ")), command)
    if command != first and "--force" not in command:
        command = command.removesuffix(" --report")

    fewer = FEWER.get(family)

    return command if fewer is None else f"{command} {fewer}"


def test_every_command_is_run_by_a_test() -> None:
    """The tests of this file run every console command of the page."""
    assert len(TRAINING) + len(CURLS) == len(COMMANDS) > 30


def test_every_class_is_there() -> None:
    """The page has all classes from 1 to 27."""
    numbers: set[int] = set()
    for first, last in re.findall(r"^## (\d+)(?:-(\d+))?: ", TEXT, re.M):
        numbers |= set(range(int(first), int(last or first) + 1))
    assert numbers == set(range(1, 28))


@pytest.mark.parametrize("command", TRAINING)
def test_a_training_command_runs(train: Train, command: str) -> None:
    """The command writes a file, and pictures where it asks for a report."""
    shorter = shorten(command)
    assert bool(train(shorter)) == ("--report" in shorter)


@pytest.mark.long
@pytest.mark.parametrize(
    "command", [each for each in TRAINING if each != shorten(each)]
)
def test_a_training_command_runs_and_draws_as_it_stands(
    train: Train, command: str
) -> None:
    """The command of the page, as it is, does the same."""
    assert bool(train(command)) == ("--report" in command)


def list_reporting() -> list[str]:
    """Returns the commands that draw, as the tests run them."""
    return [each for each in map(shorten, TRAINING) if "--report" in each]


def test_every_picture_that_is_named_is_drawn(train: Train) -> None:
    """One of the commands of the page draws each picture that the page names."""
    drawn = [names for each in list_reporting() for names in train(each).values()]
    assert set(PICTURES) <= set().union(*drawn)


@pytest.mark.parametrize("words", DRAWN)
def test_a_report_holds_what_suits_the_model(train: Train, words: str) -> None:
    """A report of each written model holds these pictures and no others, each of a sensible size and not blank.

    A discriminator has no learning curve: its family trains generators.
    """
    command = next(each for each in list_reporting() if each.startswith(f"{words} "))
    expected = {
        model: {f"{name}.png" for name in names}
        for model, names in DRAWN[words].items()
    }
    assert train(command) == expected


@pytest.mark.parametrize("command", CURLS)
def test_a_curl_is_answered(server: Server, command: str, tmp_path: Path) -> None:
    """A real server answers without an error."""
    command = command.replace("http://127.0.0.1:3000", server.url)
    finished = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    written = re.search(r"-o (\w+\.png)", command)
    if written:
        with Image.open(tmp_path / written[1]) as picture:
            picture.load()
            assert (
                picture.size == (5 * 66 + 2, 5 * 66 + 2) or written[1] != "samples.png"
            )
    else:
        assert "error" not in json.loads(finished.stdout)
