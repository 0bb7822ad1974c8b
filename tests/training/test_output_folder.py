"""A trial of what is shipped never replaces it unasked."""

from __future__ import annotations

import pytest

from training.arguments.command import EXPORTED_MODELS, MY_MODELS, parse


@pytest.mark.parametrize(
    "words",
    [
        "knn --task wine --metric manhattan --neighbors 7 --weights distance",
        "cnn --task digits --epochs 4",
        "gan --task digits --epochs 30",
        "knn --task wine",
    ],
)
def test_a_trial_of_a_shipped_model_is_written_elsewhere(words: str) -> None:
    """A command that would change a shipped file writes to `my_models`, unless it is told to replace it."""
    assert parse(words.split()).output == MY_MODELS
    assert parse([*words.split(), "--replace"]).output == EXPORTED_MODELS


@pytest.mark.parametrize(
    "words",
    [
        "all",
        "knn --task wine --folds 5",
        "gan --task digits",
        "logistic --task sales --data sales.csv --target bought",
    ],
)
def test_what_is_shipped_and_what_is_new_lie_together(words: str) -> None:
    """The commands that make the shipped files, and those of a person's own data, write to `exported_models`."""
    assert parse(words.split()).output == EXPORTED_MODELS


def test_a_folder_that_is_named_is_taken() -> None:
    """`--output` decides for trials too."""
    assert str(parse(["knn", "--task", "wine", "--output", "here"]).output) == "here"
