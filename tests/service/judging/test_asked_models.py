"""Judging loads the models that are asked for, and no others of their folder."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from service.errors import EvaluationError
from service.judging.asked_models import load_asked
from tests.support.tiny_models import tiny_card, write_tiny


@pytest.fixture
def two_tasks(models: Path) -> Path:
    """The folder has two classifiers of `colour`, one of `colours`, and a broken file of another task."""
    write_tiny(models, tiny_card(family="first", task="colours"))
    (models / "shape-first.onnx").write_bytes(b"no model")
    return models


def test_the_models_of_one_task_are_loaded_alone(
    two_tasks: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No file of another task is read, be it good or broken."""
    with caplog.at_level(logging.INFO, logger="service.models.registry"):
        registry, found = load_asked(two_tasks, task="colour")

    assert [each.name for each in found] == ["colour-first", "colour-second"]
    assert list(registry.versions) == ["colour-first", "colour-second"]
    assert caplog.messages == ["serving 2 models: colour-first, colour-second"]


def test_models_are_loaded_by_name_and_once_each(two_tasks: Path) -> None:
    """A name that is said twice is one model, and the order is that of the names."""
    names = ["colours-first", "colour-second", "colours-first"]

    _, found = load_asked(two_tasks, names=names)

    assert [each.name for each in found] == ["colours-first", "colour-second"]


def test_an_unknown_task_is_told_with_all_that_there_are(two_tasks: Path) -> None:
    """The error has every task of the folder, and why a file was refused."""
    with pytest.raises(EvaluationError) as raised:
        load_asked(two_tasks, task="shape")

    told = str(raised.value)
    assert told.startswith("unknown task 'shape'; known tasks: colour, colours; ")
    assert "; shape-first.onnx was refused: " in told
