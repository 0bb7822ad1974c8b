"""Models have further names, and the only file of a folder may be called anything where one is set for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import NotFound
from service.models.registry import Registry
from tests.support.graphs import write_simple
from tests.support.tiny_models import tiny_card, write_tiny


def write_mounted(folder: Path, *, name: str = "model.onnx") -> Path:
    """Writes `colour-tiny` under another file name, as a platform mounts it; returns the folder."""
    folder.mkdir()
    written = write_tiny(folder, tiny_card(family="first"))
    written.rename(folder / name)
    return folder


@pytest.mark.parametrize("file", ["model.onnx", "anything at all.onnx"])
def test_the_only_file_may_have_any_name(tmp_path: Path, file: str) -> None:
    """The card of the only model says its name where there is an alias for it, and it is found by both."""
    folder = write_mounted(tmp_path / "mnt", name=file)
    registry = Registry.load(folder, aliases={"flowers": ""})

    assert registry.why_not_ready(strict=True) is None
    assert list(registry.models) == ["colour-first"]
    assert registry.model("flowers") is registry.model("colour-first")
    assert registry.find_graph("flowers").name == "flowers"
    assert registry.find_graph("colour-first").name == "colour-first"
    assert registry.count() == 1


def test_without_an_alias_the_file_has_the_cards_name(tmp_path: Path) -> None:
    """A file whose name is not the card's is refused as ever."""
    registry = Registry.load(write_mounted(tmp_path / "mnt"))
    assert registry.refused == {
        "model.onnx": "its card is of 'colour-first': the file must be named colour-first.onnx"
    }


def test_a_file_without_a_card_has_an_alias_too(tmp_path: Path) -> None:
    """A graph alone is served under the name of its file and under the alias, each with statistics of its own."""
    folder = tmp_path / "mnt"
    folder.mkdir()
    write_simple(folder).rename(folder / "model.onnx")
    registry = Registry.load(folder, aliases={"flowers": ""})

    assert list(registry.versions) == ["model", "flowers"]
    ours, alias = registry.find_graph("model"), registry.find_graph("flowers")
    assert alias.session is ours.session
    assert alias.outputs == ours.outputs
    assert alias.statistics is not ours.statistics


def test_several_models_have_aliases_by_name(models: Path) -> None:
    """Pairs name models one by one; the models of the folder keep their names."""
    aliases = {"a": "colour-first", "b": "colour-second", "c": "colour-first"}
    registry = Registry.load(models, aliases=aliases)

    assert registry.aliases == aliases
    assert registry.model("c").name == "colour-first"
    assert [each.name for each in registry.task("colour")] == [
        "colour-first",
        "colour-second",
    ]
    assert registry.count() == 2


def test_the_name_of_a_model_may_stand_for_itself(models: Path) -> None:
    """A name alone that a model of several has already means that model, and gives it no further name."""
    registry = Registry.load(models, aliases={"colour-second": ""})
    assert registry.why_not_ready(strict=True) is None
    assert registry.aliases == {"": "colour-second"}


@pytest.mark.parametrize(
    ("aliases", "reason"),
    [
        (
            {"a": ""},
            "VEREDICTO_MODEL_NAME: 'a' would name the only model, and there are 2 (colour-first, colour-second); "
            "a=NAME names one of several",
        ),
        (
            {"a": "colour-third"},
            "VEREDICTO_MODEL_NAME: expected a model to call 'a', got 'colour-third'; "
            "known models: colour-first, colour-second",
        ),
        (
            {"colour-first": "colour-second"},
            "VEREDICTO_MODEL_NAME: 'colour-first' is the name of a model already, "
            "and cannot be that of 'colour-second' too",
        ),
    ],
)
def test_an_alias_that_cannot_be_given_is_no_readiness(
    models: Path, aliases: dict[str, str], reason: str
) -> None:
    """The server is not ready, and says why; where it is not strict it serves all but the alias."""
    registry = Registry.load(models, aliases=aliases)

    assert registry.why_not_ready(strict=True) == reason
    assert registry.why_not_ready(strict=False) is None
    assert list(registry.versions) == ["colour-first", "colour-second"]


def test_an_alias_is_no_model_of_its_own(tmp_path: Path) -> None:
    """An unknown name is not found, and the model is listed once."""
    registry = Registry.load(write_mounted(tmp_path / "mnt"), aliases={"flowers": ""})
    with pytest.raises(NotFound):
        registry.model("flower")
    assert len(registry.models) == 1
