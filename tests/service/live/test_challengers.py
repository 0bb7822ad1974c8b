"""VEREDICTO_SHADOW names champions; their challengers are found, or the setting is refused with words."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.errors import SettingsError
from service.live import challengers
from service.live.challengers import (
    find_deployments_left,
    find_shadow_deployments,
    make_model_key,
)
from service.live.journal.records import ModelKey
from service.models.registry import Registry
from service.settings import Settings
from tests.support.tiny_models import tiny_card, write_tiny


def settings(shadow: str) -> Settings:
    return Settings.from_environment(
        {"VEREDICTO_SHADOW": shadow, "VEREDICTO_JOURNAL": "journal.db"}
    )


def test_all_other_classifiers_of_the_task_are_challengers(models: Path) -> None:
    """A deployment has its champion, and keys of its challengers in the order of their names."""
    write_tiny(models, tiny_card(family="third"), sign=0.5)
    registry = Registry.load(models)
    found = find_shadow_deployments(registry, settings("colour:colour-second"))

    (deployment,) = found.values()
    assert list(found) == ["colour-second"]
    assert deployment.champion.name == "colour-second"
    assert [each.name for each in deployment.challengers] == [
        "colour-first",
        "colour-third",
    ]
    assert deployment.challenger_keys == tuple(
        make_model_key(registry.model(name))
        for name in ("colour-first", "colour-third")
    )


def test_a_model_key_has_task_name_version_and_classes(models: Path) -> None:
    """The journal tells classifiers apart by their names and the versions of their files."""
    model = Registry.load(models).model("colour-first")
    assert make_model_key(model) == ModelKey(
        "colour", "colour-first", model.version, ("no", "yes")
    )


@pytest.mark.parametrize(
    ("shadow", "message"),
    [
        ("hue:hue-first", "VEREDICTO_SHADOW: unknown task 'hue'; known tasks: colour"),
        (
            "colour:colour-third",
            "VEREDICTO_SHADOW: the champion 'colour-third' of 'colour' is no classifier of it; its classifiers: "
            "colour-first, colour-second",
        ),
    ],
)
def test_a_champion_that_makes_no_sense_is_refused(
    models: Path, shadow: str, message: str
) -> None:
    """A champion that is none of the task's classifiers raises SettingsError, which lists those."""
    with pytest.raises(SettingsError) as refused:
        find_shadow_deployments(Registry.load(models), settings(shadow))
    assert str(refused.value) == message


def test_a_champion_needs_a_challenger(tmp_path: Path) -> None:
    """A task with a single classifier raises SettingsError."""
    write_tiny(tmp_path, tiny_card(family="first"))
    with pytest.raises(
        SettingsError,
        match="'colour' has no other classifier than colour-first to compare it with",
    ):
        find_shadow_deployments(
            Registry.load(tmp_path), settings("colour:colour-first")
        )


def test_a_champion_that_is_gone_ends_its_own_shadow_alone(
    models: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Challengers of another task run on, and the log says of which task they no longer do."""
    for family in ("first", "second"):
        write_tiny(models, tiny_card(task="hue", family=family))
    (models / "hue-first.onnx").unlink()
    found = find_deployments_left(
        Registry.load(models), settings("hue:hue-first,colour:colour-first"), {}
    )

    assert list(found) == ["colour-first"]
    assert "in the shadow of 'hue' any more: VEREDICTO_SHADOW: the champion" in (
        caplog.text
    )


def test_a_refused_champion_is_said_to_be_so(models: Path) -> None:
    """The error names the reason for which the champion's file was refused."""
    (models / "colour-third.onnx").write_bytes(b"no graph")
    with pytest.raises(
        SettingsError, match="the champion 'colour-third' of 'colour' was refused: "
    ):
        find_shadow_deployments(Registry.load(models), settings("colour:colour-third"))


@pytest.mark.parametrize(
    ("shadow", "is_right"), [("colour:colour-first", True), ("colour:pink", False)]
)
def test_the_setting_is_checked_in_a_process_of_its_own(
    models: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    shadow: str,
    is_right: bool,  # noqa: FBT001  # pytest passes it by name
) -> None:
    """The check returns False and writes the reason to stderr where the champion is none of the models."""
    monkeypatch.setenv("VEREDICTO_MODELS", str(models))
    monkeypatch.setenv("VEREDICTO_JOURNAL", str(models / "journal.db"))
    monkeypatch.setenv("VEREDICTO_SHADOW", shadow)

    assert challengers.check_in_subprocess() is is_right
    start = (
        "veredicto does not start: VEREDICTO_SHADOW: the champion 'pink' of 'colour'"
    )
    assert (start in capfd.readouterr().err) is not is_right
