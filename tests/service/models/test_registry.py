"""A folder becomes models by name, and a bad file never keeps a good one out."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from service.errors import NotFound
from service.models import folder_loader
from service.models.graph import Graph
from service.models.registry import Registry
from tests.support.tiny_models import tiny_card, true_self_check, write_tiny


def test_models_are_found_by_name_in_order(models: Path) -> None:
    """Models are sorted by name, whatever order the file system gives."""
    registry = Registry.load(models)

    assert list(registry.models) == ["colour-first", "colour-second"]
    assert registry.model("colour-second").name == "colour-second"
    assert [model.name for model in registry.task("colour")] == [
        "colour-first",
        "colour-second",
    ]
    assert registry.why_not_ready(strict=True) is None


def test_an_unknown_model_is_told_the_known_ones(models: Path) -> None:
    """The error for an unknown model lists the known ones, so that a typing mistake is mended at once."""
    with pytest.raises(NotFound) as missing:
        Registry.load(models).model("colour-frist")

    assert (
        str(missing.value)
        == "unknown model 'colour-frist' (did you mean 'colour-first'?); known models: colour-first, colour-second"
    )


def test_a_model_without_a_card_is_told_from_an_unknown_one(models: Path) -> None:
    """A client that asks the contract for a graph without a card is told where it is served and how to adopt it."""
    write_tiny(models, None, stem="bare")

    with pytest.raises(NotFound) as missing:
        Registry.load(models).model("bare")

    assert (
        str(missing.value)
        == "'bare' has no card: only the Open Inference Protocol serves it, at /v2/models/bare; it takes features FP32 "
        "(n, 2) and answers label INT64 (n,), probabilities FP32 (n, 2); this gives it one: veredicto adopt bare.onnx "
        "--task bare --data test.csv --target COLUMN"
    )


def test_an_unknown_task_is_told_the_known_ones(models: Path) -> None:
    """The error for an unknown task lists the known ones."""
    with pytest.raises(NotFound) as missing:
        Registry.load(models).task("color")

    assert (
        str(missing.value)
        == "unknown task 'color' (did you mean 'colour'?); known tasks: colour"
    )


@pytest.fixture
def with_a_bad_file(models: Path) -> Registry:
    """The registry is loaded from a folder of two models and a file that is none."""
    (models / "broken.onnx").write_bytes(b"\x00\x01 this is no model")
    return Registry.load(models)


def test_a_bad_file_is_refused_and_the_others_are_served(
    with_a_bad_file: Registry,
) -> None:
    """A bad file is among the refused, and the others are among the models."""
    assert list(with_a_bad_file.models) == ["colour-first", "colour-second"]
    assert list(with_a_bad_file.refused) == ["broken.onnx"]


def test_files_that_are_loaded_at_once_are_as_those_loaded_one_by_one(
    models: Path,
) -> None:
    """Names, versions, what is refused and why are the same, in the same order, and each file is told once."""
    for number in range(12):
        (models / f"broken-{number}.onnx").write_bytes(b"\x00\x01 no model")
        write_tiny(models, tiny_card(family=f"copy{number}"), sign=-1.0)
    version = models / "colour-copy1" / "7"
    version.mkdir(parents=True)
    write_tiny(version, tiny_card(family="copy1"), stem="model")
    told: list[tuple[str, ...]] = []

    found = Registry.load(models, at_once=4, on_load=lambda *files: told.append(files))
    expected = Registry.load(models)

    assert "there is a folder colour-copy1 too" in found.refused["colour-copy1.onnx"]
    assert list(found.refused.items()) == list(expected.refused.items())
    assert list(found.models) == list(expected.models)
    assert {each.name: each.version for each in found} == {
        each.name: each.version for each in expected
    }
    assert list(found.files) == list(expected.files)
    assert sorted(file for file, *_ in told) == sorted([*found.files, *found.refused])
    assert all(file not in beside for file, *beside in told)
    assert all(len(beside) < 4 for _, *beside in told)


def test_a_slow_file_holds_up_no_other(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that is at a file for long leaves all the rest to the other one, however many they are."""
    for number in range(30):
        write_tiny(models, tiny_card(family=f"second{number:02}"))
    others = {path.name for path in models.iterdir()} - {"colour-first.onnx"}
    are_loaded = Event()
    load = folder_loader.load_graph

    def load_slowly(path: Path, **told: Any) -> Graph:
        if path.name == "colour-first.onnx":
            assert are_loaded.wait(60)
            return load(path, **told)

        graph = load(path, **told)
        others.remove(path.name)
        if not others:
            are_loaded.set()
        return graph

    monkeypatch.setattr(folder_loader, "load_graph", load_slowly)
    registry = Registry.load(models, at_once=2)

    assert registry.refused == {}
    assert len(registry.models) == 32


def test_strictly_a_bad_file_means_not_ready(with_a_bad_file: Registry) -> None:
    """The reason in strict mode names the bad file, what is wrong with it and the setting that serves the others."""
    reason = with_a_bad_file.why_not_ready(strict=True)

    assert reason is not None
    assert reason.startswith("refused broken.onnx: onnxruntime cannot load it: ")
    assert reason.endswith(" (VEREDICTO_STRICT=0 serves the others)")


def test_loosely_a_bad_file_does_not_matter(with_a_bad_file: Registry) -> None:
    """Outside strict mode a folder with a bad file and a good one is ready."""
    assert with_a_bad_file.why_not_ready(strict=False) is None


def test_a_folder_of_bad_files_alone_is_never_ready(tmp_path: Path) -> None:
    """A folder of bad files alone has nothing to serve and is not ready in either mode."""
    (tmp_path / "broken.onnx").write_bytes(b"")

    assert Registry.load(tmp_path).why_not_ready(strict=False) is not None


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_nothing_to_serve_is_not_ready(tmp_path: Path, folder: str) -> None:
    """A registry without models is not ready, since an empty set is no success."""
    (tmp_path / "empty").mkdir()
    reason = Registry.load(tmp_path / folder).why_not_ready(strict=False)

    assert (
        reason == "no model to serve: the folder of VEREDICTO_MODELS has no .onnx file"
    )


def test_a_file_without_a_card_is_a_graph_alone(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file without a card is served as a graph and as no model of a task, and the log says why."""
    write_tiny(models, None, stem="bare")
    registry = Registry.load(models)

    assert not registry.refused
    assert registry.why_not_ready(strict=True) is None
    assert "bare" not in registry.models
    assert registry.find_graph("bare").model is None
    assert "bare has no card: only the Open Inference Protocol serves it" in caplog.text


@pytest.fixture
def with_versions(models: Path) -> Registry:
    """The registry has `colour-third` in folders 9 and 10, and in one that is no number."""
    for version, sign in (("9", 1.0), ("10", -1.0), ("old", 1.0)):
        folder = models / "colour-third" / version
        folder.mkdir(parents=True)
        card = tiny_card(family="third", self_check=true_self_check(sign=sign))
        write_tiny(folder, card, sign=sign).rename(folder / "model.onnx")

    return Registry.load(models)


def test_versions_lie_in_numbered_folders(with_versions: Registry) -> None:
    """The latest version is the highest number, compared as a number, as in Triton's layout."""
    latest = with_versions.find_graph("colour-third")

    assert list(with_versions.versions["colour-third"]) == ["9", "10"]
    assert latest.version == "10"
    assert latest.model is with_versions.models["colour-third"]


def test_a_folder_that_is_no_number_is_no_version(with_versions: Registry) -> None:
    """The error for a version of another name lists the versions that there are."""
    with pytest.raises(NotFound, match="has no version 'old'; its versions: 9, 10"):
        with_versions.find_graph("colour-third", "old")


def test_a_file_and_a_folder_of_one_name_are_not_both_served(models: Path) -> None:
    """The file is refused, since only a person can say which was meant."""
    folder = models / "colour-first" / "1"
    folder.mkdir(parents=True)
    (models / "colour-first.onnx").rename(folder / "model.onnx")
    write_tiny(models, tiny_card(family="first"))
    registry = Registry.load(models)

    assert registry.refused == {
        "colour-first.onnx": "there is a folder colour-first too"
    }
    assert registry.find_graph("colour-first").version == "1"


def test_a_task_has_one_set_of_classes(models: Path) -> None:
    """A model whose classes differ from those of its task is refused, since the two cannot be compared."""
    write_tiny(models, tiny_card(family="third", classes=("red", "blue")))
    registry = Registry.load(models)

    assert registry.refused == {
        "colour-third.onnx": "its features or classes differ from those of colour-first, of the same task"
    }


def test_a_folder_named_like_a_model_is_passed_over(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder named like a model's file is no model, and the log says so."""
    (models / "folder.onnx").mkdir()

    assert not Registry.load(models).refused
    assert "passed over folder.onnx: it is a folder, no regular file" in caplog.text


def test_a_file_name_that_is_no_text_is_shown_escaped(models: Path) -> None:
    """A file name that is no UTF-8 is shown escaped, since an answer is text."""
    Path(os.fsdecode(os.fsencode(models) + b"/\xff.onnx")).write_bytes(b"")

    assert list(Registry.load(models).refused) == ["\\xff.onnx"]


def test_a_defect_of_ours_refuses_one_file_alone(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that makes the loader raise an unexpected error is refused, and the others are served."""
    load = folder_loader.load_graph

    def stumble(path: Path, **options: object) -> Graph:
        if path.stem == "colour-first":
            raise ZeroDivisionError
        return load(path, **options)

    monkeypatch.setattr(folder_loader, "load_graph", stumble)
    registry = Registry.load(models)

    assert list(registry.models) == ["colour-second"]
    assert list(registry.refused) == ["colour-first.onnx"]
