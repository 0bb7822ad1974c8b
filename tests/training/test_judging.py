"""A model that is worse than a constant answer is not exported, unless that is asked for, and explosions are named."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from training.__main__ import main
from training.export.freshness import read_card
from training.learning import leaf_bounds

EXPLODING = (
    "linear",
    "--task",
    "tacos",
    "--learning-rate",
    "1.5",
    "--clip",
    "0",
    "--batch-size",
    "16",
    "--epochs",
    "10",
)


def test_a_rate_that_explodes_is_named_and_not_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says that the loss exploded, and writes nothing unless it is forced to."""
    assert main([*EXPLODING, "--output", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert "tacos-linear is worse than the mean of the training rows: R² -" in told
    assert "the training loss exploded, from " in told
    assert "lower --learning-rate" in told
    assert list(tmp_path.iterdir()) == []

    assert main([*EXPLODING, "--force", "--output", str(tmp_path)]) == 0
    assert "the training loss exploded, from " in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["tacos-linear.onnx"]


@pytest.mark.parametrize("options", [(), ("--learning-rate", "0.01", "--epochs", "12")])
def test_one_outlier_does_not_throw_a_line_off(
    tmp_path: Path, generator: np.random.Generator, options: tuple[str, ...]
) -> None:
    """An outlier of another column and a category of two rows leave both solvers of a line near the truth."""
    x = generator.normal(size=4000)
    other = generator.normal(size=4000)
    other[7] = 1e6
    rare = ["often"] * 3998 + ["never"] * 2
    frame = pl.DataFrame({"x": x, "other": other, "rare": rare, "y": 5 + 2 * x})
    frame.sample(fraction=1, shuffle=True, seed=0).write_csv(tmp_path / "line.csv")
    words = ("--data", str(tmp_path / "line.csv"), "--target", "y", "--task", "line")

    assert main(["linear", *words, *options, "--output", str(tmp_path)]) == 0

    card = read_card(tmp_path / "line-linear.onnx")
    assert card is not None
    assert card.metrics["r2"].value > 0.99


def test_a_classifier_of_noise_is_not_exported(
    tmp_path: Path,
    generator: np.random.Generator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A tree that learnt noise by heart is right less often than the most frequent class, and is not written."""
    noise = pl.DataFrame(
        {
            "x": generator.normal(size=1500),
            "y": np.where(generator.random(1500) < 0.1, "rare", "common"),
        }
    )
    noise.write_csv(tmp_path / "noise.csv")
    words = ("--data", str(tmp_path / "noise.csv"), "--target", "y", "--task", "noise")

    assert main(["decision_tree", *words, "--output", str(tmp_path / "models")]) == 1
    assert "is worse than always answering 'common': " in capsys.readouterr().out
    assert not (tmp_path / "models").exists()


def test_a_rare_class_has_a_threshold_of_its_own(
    tmp_path: Path,
    generator: np.random.Generator,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command says from which probability on more of a rare class is found, and what that costs."""
    x = generator.normal(size=4000)
    is_rare = generator.random(4000) < 1 / (1 + np.exp(4 - 1.5 * x))
    rare = pl.DataFrame({"x": x, "y": np.where(is_rare, "rare", "common")})
    rare.write_csv(tmp_path / "rare.csv")
    words = ("--data", str(tmp_path / "rare.csv"), "--target", "y", "--task", "rare")

    assert main(["logistic", *words, "--output", str(tmp_path)]) == 0

    told = " ".join(capsys.readouterr().out.split())
    found = re.search(
        r"'rare' taken from a probability of ([\d.]+) on.*balanced accuracy ([\d.]+); where",
        told,
    )
    assert found is not None
    assert float(found[1]) == pytest.approx(is_rare.mean(), abs=0.01)
    card = read_card(tmp_path / "rare-logistic.onnx")
    assert card is not None
    assert float(found[2]) > card.metrics["balanced_accuracy"].value + 0.1


def test_what_a_file_has_no_room_for_is_said(
    tmp_path: Path,
    generator: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A tree that would be larger than its file may be is bounded, which a line tells, and one that fits is not."""
    monkeypatch.setattr(leaf_bounds, "MAX_BYTES", 60_000)
    x = generator.normal(size=5000)
    y = np.where(x + generator.logistic(size=5000) > 0, "yes", "no")
    pl.DataFrame({"x": x, "y": y}).write_csv(tmp_path / "noisy.csv")
    words = ("--data", str(tmp_path / "noisy.csv"), "--target", "y", "--task", "noisy")
    told = []
    for depth in ("40", "3"):
        options = ("--max-depth", depth, "--output", str(tmp_path / depth))
        assert main(["decision_tree", *words, *options]) == 0
        told.append(capsys.readouterr().out)
    sentence = (
        "noisy-decision_tree is bounded: of 472 leaves in all, for which its file has"
    )

    assert sentence in told[0]
    assert "is bounded" not in told[1]
