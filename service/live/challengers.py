"""Whose shadow is cast on whom: a task's champion, and its other classifiers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from service.errors import SettingsError, VeredictoError
from service.live.journal.records import ModelKey
from service.models.model import Model
from service.models.registry import Registry
from service.settings import Settings

_CHECK = "from service import lineup; lineup.check_in_process()"


@dataclass(frozen=True, kw_only=True)
class Lineup:
    """A champion, whose predictions are also asked of the challengers."""

    champion: Model
    challengers: list[Model]

    @property
    def sources(self) -> tuple[ModelKey, ...]:
        """Of the challengers."""
        return tuple(map(name_source, self.challengers))


def name_source(model: Model) -> ModelKey:
    """A classifier as the journal knows it."""
    return ModelKey(model.card.task, model.name, model.version, model.classes)


def find_lineups(registry: Registry, settings: Settings) -> dict[str, Lineup]:
    """By the champion's name; raises SettingsError where VEREDICTO_SHADOW makes no sense for these models."""
    lineups = {}
    for task, name in settings.shadow.items():
        try:
            models = {model.name: model for model in registry.task(task)}
        except VeredictoError as error:
            raise SettingsError(f"VEREDICTO_SHADOW: {error}") from error

        known = ", ".join(models)
        if name not in models:
            refused = [
                reason
                for file, reason in registry.refused.items()
                if Path(file).stem == name
            ]
            why = f"was refused: {refused[0]}" if refused else "is no classifier of it"
            raise SettingsError(
                f"VEREDICTO_SHADOW: the champion {name!r} of {task!r} {why}; its classifiers: {known}"
            )

        champion = models.pop(name)
        if not models:
            raise SettingsError(
                f"VEREDICTO_SHADOW: {task!r} has no other classifier than {name} to compare it with"
            )

        lineups[name] = Lineup(champion=champion, challengers=list(models.values()))

    return lineups


def check_apart() -> bool:
    """Whether the lineups make sense, found out in a process of its own, which says why not and takes the models along.

    Workers that cannot start are started again and again, and nobody would see why.
    """
    root = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return (
        subprocess.run(
            [sys.executable, "-c", _CHECK], env=os.environ | {"PYTHONPATH": paths}
        ).returncode
        == 0
    )


def check_in_process() -> None:
    """Ends the process with the reason where a lineup makes no sense."""
    try:
        settings = Settings.from_environment(os.environ)
        find_lineups(
            Registry.load(
                settings.models, device=settings.device, threads=settings.threads
            ),
            settings,
        )
    except SettingsError as error:
        sys.exit(f"veredicto does not start: {error}")
