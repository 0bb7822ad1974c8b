"""Classifiers of digits learn from more rows than the data set has, and their cards say so."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

from training.arguments.command import parse
from training.arguments.run import find_family, make_training_run
from training.data import datasets
from training.export.encoding import EncodedFamily
from training.export.freshness import fingerprint_code
from training.export.recalibration import RecalibratedFamily
from training.families import knn, naive_bayes
from training.learning.enlarged import EnlargedFamily, enlarge
from training.learning.family import Family, TrainingError
from training.pipeline import train


def test_only_training_rows_become_more() -> None:
    """Copies come after the data set's rows, in the order of the training rows, then drawings; other parts stay."""
    digits = datasets.load("digits")
    rows = datasets.split(digits, seed=0)
    larger, more = enlarge(digits, rows, n_copies=2, n_drawn=3, seed=0)

    n_rows, n_train = len(digits.target), len(rows.train)
    target = larger.target[n_rows:]
    assert np.array_equal(larger.features[:n_rows], digits.features)
    assert np.array_equal(target[: 2 * n_train], np.tile(digits.target[rows.train], 2))
    assert np.array_equal(np.bincount(target[2 * n_train :]), [3] * 10)
    assert np.array_equal(more.train[:n_train], rows.train)
    assert np.array_equal(more.train[n_train:], np.arange(n_rows, len(larger.target)))
    assert np.array_equal(more.validation, rows.validation)
    assert np.array_equal(more.held_out, rows.held_out)


def test_the_card_counts_the_rows_of_the_data_set_and_names_what_was_added(
    tmp_path: Path,
) -> None:
    """The card's split is that of the data set, its summary and its command say what was learnt besides."""
    words = ["decision_tree", "--task", "digits", "--copies", "1", "--drawn", "2"]
    (trained,) = train(
        make_training_run(parse([*words, "--output", str(tmp_path)])), tmp_path
    )

    card = trained.card
    assert (
        "1 distorted copies of each image and 2 drawings of each digit" in card.summary
    )
    assert card.provenance.command.endswith("--copies 1 --drawn 2")
    assert card.provenance.split == {"train": 1437, "validation": 0, "held_out": 360}


def inner_of(options: argparse.Namespace) -> Family:
    """Returns the family of the options without what encodes its rows and makes its probabilities hold."""
    family = find_family(options, images=False)
    while isinstance(family, EncodedFamily | RecalibratedFamily):
        family = family.inner

    return family


def test_digits_are_enlarged_unless_the_options_say_no() -> None:
    """The digits' classifiers learn from copies and drawings by themselves, and from neither with both at 0."""
    words = ["knn", "--task", "digits"]
    plain = parse([*words, "--copies", "0", "--drawn", "0"])

    assert inner_of(parse(words)) == EnlargedFamily(inner=knn)
    assert inner_of(plain) is knn


def test_other_tasks_and_other_kinds_are_as_they_were() -> None:
    """A family of another task, and a family of digits that is no classifier, has neither option nor copies."""
    for words in (["knn", "--task", "wine"], ["pca", "--task", "digits"]):
        options = parse(words)
        assert not isinstance(inner_of(options), EnlargedFamily)
        assert not hasattr(options, "copies")


def test_copies_of_rows_that_are_no_digits_are_refused() -> None:
    """Copies are refused for a task other than digits, by the option's name."""
    with pytest.raises(TrainingError, match=r"--copies is for --task digits"):
        find_family(parse(["knn", "--task", "wine", "--copies", "2"]), images=False)


def test_the_code_of_an_enlarged_family_is_its_own_and_the_inner_familys() -> None:
    """The fingerprint differs from the inner family's, and from that of another inner family."""
    codes = {
        fingerprint_code(each)
        for each in (
            knn,
            EnlargedFamily(inner=knn),
            EnlargedFamily(inner=naive_bayes),
        )
    }
    assert len(codes) == 3
