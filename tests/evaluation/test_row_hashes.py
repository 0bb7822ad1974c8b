"""Rows that models were made from are recognised, and the first sentence says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation import evidence, verification
from evaluation.classifiers import LocalClassifiers
from evaluation.image_hashes import hash_images
from evaluation.labelled_data import read_labelled
from service.errors import EvaluationError
from service.judging.row_hashes import (
    collect_learnt,
    fingerprint_rows,
    hash_feature_rows,
)
from tests.support.made_predictions import make_predictions
from tests.support.model_folders import link_models
from training.__main__ import main as train
from training.data import datasets
from training.data.table import read_dataset
from verdict.criterion import Criterion
from verdict.learnt_rows import tell_learnt


@pytest.mark.parametrize("task", ["breast_cancer", "wine", "points"])
def test_shipped_models_know_their_data_set(task: str, tmp_path: Path) -> None:
    """The fingerprint of the whole data set is the one in each card, and that of fewer rows is another."""
    dataset = datasets.load(task)
    rows = [
        dict(zip(dataset.feature_names, each, strict=True))
        for each in dataset.features.tolist()
    ]
    folder = link_models(tmp_path / "models", f"{task}-*")
    for contender in LocalClassifiers(folder, task).contenders:
        card = contender.card
        found = fingerprint_rows(rows, dataset.target, card)
        assert found == card.provenance.fingerprint
        fewer = fingerprint_rows(rows[1:], dataset.target[1:], card)
        assert fewer != found


def test_a_table_with_categories_and_gaps_is_recognised(tmp_path: Path) -> None:
    """A table that a model was made from has the fingerprint in its card, categories and missing values too."""
    path = tmp_path / "mine.csv"
    lines = [
        f"{'' if row < 3 else row % 11},{('red', 'green')[row % 2]},{('no', 'yes')[row % 5 < 2]}"
        for row in range(60)
    ]
    path.write_text("\n".join(["size,colour,label", *lines]))
    words = ["--task", "mine", "--data", str(path), "--target", "label"]
    assert train(["decision_tree", *words, "--output", str(tmp_path)]) == 0
    card = LocalClassifiers(tmp_path, "mine").contenders[0].card
    found = read_labelled(path, card, label="label")
    assert found.data_set == card.provenance.fingerprint
    assert found.data_set == read_dataset(path, target="label", task="mine").fingerprint


def test_the_first_sentence_says_who_learnt_from_the_rows() -> None:
    """A verdict on rows that a model learnt from begins with that, and evidence of it is verified."""
    predictions = make_predictions({"one": 0.9, "other": 0.8})
    predictions = replace(predictions, learnt_by=["task-one"])
    found = evidence.gather(predictions, risk=0.01, gates=[], software={})
    assert found["verdict"]["headline"].startswith(
        "one learnt from most of these rows, so that nothing here holds for others. "
    )
    assert verification.verify(found) == []
    found["data"]["learnt_by"] = []
    assert verification.verify(found)
    assert np.array_equal(evidence.read_predictions(found).truth, predictions.truth)


def test_rows_that_a_model_was_learnt_from_are_left_out(tmp_path: Path) -> None:
    """Only held-out rows of the table that models were made from are judged; `learnt` empty keeps all of them."""
    path = tmp_path / "mine.csv"
    chance = np.random.default_rng(0)
    sizes = chance.normal(size=200)
    labels = np.where(sizes + chance.normal(scale=0.5, size=200) > 0, "yes", "no")
    lines = [
        f"{size!r},{label}" for size, label in zip(sizes.tolist(), labels, strict=True)
    ]
    path.write_text("\n".join(["size,label", *lines]))
    words = ["--task", "mine", "--data", str(path), "--target", "label"]
    assert train(["decision_tree", *words, "--output", str(tmp_path)]) == 0
    contenders = LocalClassifiers(tmp_path, "mine").contenders
    card = contenders[0].card
    learnt = collect_learnt(contenders)

    left = read_labelled(path, card, label="label", learnt=learnt)
    kept = read_labelled(path, card, label="label")

    split = card.provenance.split
    assert left.n_learnt == len(left.learnt) == split["train"] + split["validation"]
    assert len(left.truth) == len(left.rows) == len(left.places) == split["held_out"]
    assert left.data_set == kept.data_set
    assert (kept.n_learnt, len(kept.truth)) == (0, 200)

    judged = read_labelled(path, card, label="label", learnt=learnt, keeps_learnt=True)
    assert (judged.n_learnt, len(judged.truth)) == (0, 200)
    assert np.array_equal(judged.learnt, left.learnt)

    path.write_text("\n".join(["size,label", *lines[:50]]))
    everything = hash_feature_rows(
        [{"size": float(line.partition(",")[0])} for line in lines], card
    )
    with pytest.raises(EvaluationError, match="--keep-learnt"):
        read_labelled(path, card, label="label", learnt=np.sort(everything))


def test_the_first_sentence_counts_learnt_rows() -> None:
    """A verdict where rows were left out begins with how many, and evidence of it is verified."""
    predictions = replace(make_predictions({"one": 0.9, "other": 0.8}), n_learnt=455)
    n_rows = len(predictions.truth)
    found = evidence.gather(predictions, risk=0.01, gates=[], software={})
    all_rows = f"{455 + n_rows:,}"
    assert found["verdict"]["headline"].startswith(
        f"Models were learnt from 455 of {all_rows} rows, which are left out; the figures are on the other {n_rows:,}. "
    )
    assert verification.verify(found) == []
    assert evidence.read_predictions(found).n_learnt == 455


def test_the_first_sentence_counts_learnt_rows_that_are_judged_all_the_same() -> None:
    """A verdict on learnt rows too says how many they are, by both metrics, and evidence of it is verified."""
    predictions = replace(
        make_predictions({"one": 0.9, "other": 0.8, "third": 0.8}),
        n_learnt_judged=240,
        learnt_rows={"task-one": 240, "task-third": 30},
        learnt_by=["task-one"],
        learnt_unknown=["task-other"],
    )
    criterion = Criterion(metric="brier")
    found = evidence.gather(
        predictions, risk=0.01, gates=[], software={}, criterion=criterion
    )
    for each in (found["verdict"], found["by"]["verdict"]):
        assert each["headline"].startswith(
            "one and third were learnt from 240 of these 300 rows, which are judged all the same; such rows flatter, "
            "and the figures are too good for others. "
        )
        assert "learnt from most" not in each["headline"]
        assert "Which rows other learnt from is not known here" in each["headline"]
    data = found["data"]
    assert (data["n_learnt"], data["n_learnt_judged"]) == (0, 240)
    assert data["learnt_rows"] == {"task-one": 240, "task-third": 30}
    assert verification.verify(found) == []
    del found["data"]["n_learnt_judged"], found["data"]["learnt_rows"]
    assert verification.verify(found)
    assert evidence.read_predictions(found).n_learnt_judged == 0


def test_models_of_which_some_were_learnt_from_rows_are_named() -> None:
    """One model of two that was learnt from rows left out is named, and both are not."""
    trial = replace(make_predictions({"one": 0.9, "other": 0.8}), n_learnt=5)
    one = tell_learnt(replace(trial, learnt_rows={"task-one": 5}))
    assert one.before.startswith("one was learnt from 5 of 305 rows, which are left")
    both = tell_learnt(replace(trial, learnt_rows={"task-one": 5, "task-other": 2}))
    assert both.before.startswith("Models were learnt from 5 of 305 rows, which are")


def test_images_that_models_were_learnt_from_are_left_out_or_counted(
    tmp_path: Path,
) -> None:
    """Two of four images are known by their pixels: they are left out, or judged and counted where they are kept."""
    chance = np.random.default_rng(0)
    for number in range(4):
        folder = tmp_path / "own" / ("cat", "automobile")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = chance.integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")

    files = sorted((tmp_path / "own").rglob("*.png"))
    learnt = np.sort(hash_images(files[:2]).hashes)
    task = "cat_or_automobile"
    folder = link_models(tmp_path / "models", f"{task}-logistic")
    card = LocalClassifiers(folder, task).contenders[0].card
    left = read_labelled(tmp_path / "own", card, label=None, learnt=learnt)
    assert left.files == files[2:]
    assert (left.n_learnt, len(left.learnt)) == (2, 2)

    kept = read_labelled(
        tmp_path / "own", card, label=None, learnt=learnt, keeps_learnt=True
    )
    assert kept.files == files
    assert (kept.n_learnt, len(kept.learnt)) == (0, 2)
