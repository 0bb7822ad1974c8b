"""What challengers would have answered: the same as they do when asked, and nothing where it would hurt."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import numpy as np
import pytest

from service.errors import SettingsError
from service.live import shadow as module
from service.live.challengers import find_lineups, name_source
from service.live.journal.records import NO_ANSWER, Shadowed
from service.live.journal.writer import Journal
from service.live.shadow import Shadow
from service.models.registry import Registry
from service.settings import Settings
from tests.support.tiny_models import (
    COLOURS,
    WEIGHTS,
    tiny_card,
    write_image_model,
    write_tiny,
)

LIMIT_S = 30


class Kept(Journal):
    """A journal that also remembers what it was given."""

    def __init__(self, path: Path, registry: Registry) -> None:
        sources = {model.name: name_source(model) for model in registry.models.values()}
        self.shadowed: list[Shadowed] = []
        self.shed = 0
        self.came = Event()
        super().__init__(path, most_rows=1000, sources=sources)

    def record_shadow(self, shadowed: Shadowed) -> None:
        self.shadowed.append(shadowed)
        super().record_shadow(shadowed)
        self.came.set()

    def record_shed(self, task: str, n_rows: int) -> None:
        self.shed += n_rows
        super().record_shed(task, n_rows)
        self.came.set()


def settings(shadow: str) -> Settings:
    return Settings.from_environment(
        {"VEREDICTO_SHADOW": shadow, "VEREDICTO_JOURNAL": "journal.db"}
    )


@pytest.fixture
def cast(tmp_path: Path) -> Iterator[Callable[..., tuple[Registry, Kept, Shadow]]]:
    """The shadow of a champion among the models of a folder."""
    with ExitStack() as stack:

        def make(folder: Path, shadow: str) -> tuple[Registry, Kept, Shadow]:
            registry = Registry.load(folder)
            kept = Kept(tmp_path / "journal.db", registry)
            stack.callback(kept.close)
            made = Shadow(find_lineups(registry, settings(shadow)), kept)
            stack.callback(made.close)

            return registry, kept, made

        yield make


def offer(
    registry: Registry, shadow: Shadow, kept: Journal, name: str, inputs: object
) -> str:
    """Of what the model answers to these inputs."""
    model = registry.model(name)
    labels = model.run(inputs)[0]
    number = kept.record(name_source(model), labels)
    shadow.offer(number, model, inputs, labels)
    return number


def test_challengers_answer_what_the_champion_was_asked(
    models: Path, cast: Callable[..., object]
) -> None:
    """Requests of one row and of several, run together and told apart again; disagreements with their values."""
    registry, kept, shadow = cast(models, "colour:colour-first")
    requests = [
        np.array([[0.5, 1.0]], np.float32),
        np.array([[1.0, 0.0], [-1.0, 2.0]], np.float32),
    ]
    numbers = [offer(registry, shadow, kept, "colour-first", each) for each in requests]
    assert kept.came.wait(LIMIT_S)
    (found,) = kept.shadowed
    expected = (np.concatenate(requests) @ -WEIGHTS).argmax(axis=1)
    assert (found.ids, found.lengths) == (numbers, [1, 2])
    assert found.labels.tolist() == [expected.tolist()]
    assert [(number, row) for number, row, _ in found.examples] == [
        (numbers[0], 0),
        (numbers[1], 0),
        (numbers[1], 1),
    ]
    assert [json.loads(inputs) for _, _, inputs in found.examples] == [
        [0.5, "green"],
        [1.0, "red"],
        [-1.0, "blue"],
    ]


def test_other_models_cast_no_shadow(models: Path, cast: Callable[..., object]) -> None:
    """What a challenger is asked itself is its own."""
    registry, kept, shadow = cast(models, "colour:colour-first")
    offer(registry, shadow, kept, "colour-second", np.array([[0.5, 1.0]], np.float32))
    shadow.close()
    assert (kept.shadowed, kept.shed) == ([], 0)


@pytest.mark.parametrize(
    ("in_flight", "limit"), [(module.MOST_IN_FLIGHT + 1, module.MOST_ROWS), (0, 4)]
)
def test_it_lets_go_where_it_would_hurt(
    models: Path,
    cast: Callable[..., object],
    monkeypatch: pytest.MonkeyPatch,
    in_flight: int,
    limit: int,
) -> None:
    """Where the server is busy, or too much waits already."""
    registry, kept, shadow = cast(models, "colour:colour-first")
    monkeypatch.setattr(module, "MOST_ROWS", limit)
    shadow.count_in_flight = lambda: in_flight
    offer(
        registry,
        shadow,
        kept,
        "colour-first",
        np.tile(np.array([[0.5, 1.0]], np.float32), (5, 1)),
    )
    assert kept.came.wait(LIMIT_S)
    assert (kept.shadowed, kept.shed) == ([], 5)


def test_it_lets_go_where_the_event_loop_is_busy(
    models: Path, cast: Callable[..., object]
) -> None:
    """What has gathered meanwhile."""
    registry, kept, shadow = cast(models, "colour:colour-first")
    shadow.look_at_load = lambda: module.MOST_BUSY + 0.1
    offer(registry, shadow, kept, "colour-first", np.array([[0.5, 1.0]], np.float32))
    assert kept.came.wait(LIMIT_S)
    assert (kept.shadowed, kept.shed) == ([], 1)


def test_the_load_is_looked_at_before_each_run(
    models: Path, cast: Callable[..., object]
) -> None:
    """Requests that come without end keep it running, and it has to see that the server becomes busy meanwhile."""
    registry, kept, shadow = cast(models, "colour:colour-first")
    loads = iter((0.0,))
    shadow.look_at_load = lambda: next(loads, module.MOST_BUSY + 0.1)
    rows = np.tile(np.array([[0.5, 1.0]], np.float32), (module.ROWS_AT_A_TIME, 1))
    for _ in range(2):
        offer(registry, shadow, kept, "colour-first", rows)

    until = monotonic() + LIMIT_S
    while kept.shed == 0 and monotonic() < until:
        sleep(0.01)

    assert [each.labels.shape[1] for each in kept.shadowed] == [len(rows)]
    assert kept.shed == len(rows)


def test_what_waits_at_the_end_is_let_go(
    models: Path, cast: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it."""
    monkeypatch.setattr(module, "GATHER_S", LIMIT_S)
    registry, kept, shadow = cast(models, "colour:colour-first")
    offer(registry, shadow, kept, "colour-first", np.array([[0.5, 1.0]], np.float32))
    shadow.close()
    assert (kept.shadowed, kept.shed) == ([], 1)


def test_a_challenger_without_an_answer_leaves_a_gap(
    tmp_path: Path, cast: Callable[..., object]
) -> None:
    """Of the request at fault alone: numbers that overflow its graph, but not the champion's."""
    folder = tmp_path / "models"
    folder.mkdir()
    write_tiny(folder, tiny_card(family="first"), sign=0.5)
    write_tiny(folder, tiny_card(family="second"), sign=4.0)
    registry, kept, shadow = cast(folder, "colour:colour-first")

    for size in (1.0, 1.5e38):
        offer(
            registry, shadow, kept, "colour-first", np.array([[size, 1.0]], np.float32)
        )

    assert kept.came.wait(LIMIT_S)
    assert kept.shadowed[0].labels.tolist() == [[0, NO_ANSWER]]


def test_images_are_shadowed_too(tmp_path: Path, cast: Callable[..., object]) -> None:
    """Of any size each; a picture is not kept."""
    folder = tmp_path / "models"
    folder.mkdir()
    for family in ("first", "second"):
        write_image_model(folder, family=family)

    registry, kept, shadow = cast(folder, "hue:hue-second")
    images = [np.zeros((height, 4, 3), np.uint8) for height in (3, 5)]
    images[1][:, :, 2] = 200
    offer(registry, shadow, kept, "hue-second", images)
    assert kept.came.wait(LIMIT_S)
    assert [COLOURS[label] for label in kept.shadowed[0].labels[0]] == ["red", "blue"]


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
def test_a_lineup_that_makes_no_sense_is_refused(
    models: Path, shadow: str, message: str
) -> None:
    """With what would make some."""
    with pytest.raises(SettingsError) as refused:
        find_lineups(Registry.load(models), settings(shadow))
    assert str(refused.value) == message


def test_a_champion_needs_a_challenger(tmp_path: Path) -> None:
    """Alone there is nothing to compare."""
    write_tiny(tmp_path, tiny_card(family="first"))
    with pytest.raises(
        SettingsError,
        match="'colour' has no other classifier than colour-first to compare it with",
    ):
        find_lineups(Registry.load(tmp_path), settings("colour:colour-first"))


def test_a_refused_champion_is_said_to_be_so(models: Path) -> None:
    """The reason is the file's."""
    (models / "colour-third.onnx").write_bytes(b"no graph")
    with pytest.raises(
        SettingsError, match="the champion 'colour-third' of 'colour' was refused: "
    ):
        find_lineups(Registry.load(models), settings("colour:colour-third"))
