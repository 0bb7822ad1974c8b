"""VEREDICTO_SHADOW says which classifiers are champions, and which run as challengers in their shadow."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from service.errors import SettingsError, VeredictoError
from service.live.cost_settings import find_costs
from service.live.journal.records import ModelKey
from service.models.model import Model
from service.models.registry import Registry
from service.models.session import Placement
from service.settings import Settings

_ROOT = Path(__file__).resolve().parents[2]
_CHECK = "from service.live import challengers; challengers.check_or_exit()"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ShadowDeployment:
    """A ShadowDeployment is a task's champion with the challengers in its shadow: all other classifiers of the task."""

    champion: Model
    challengers: list[Model]

    @property
    def challenger_keys(self) -> tuple[ModelKey, ...]:
        """Returns the journal's keys of the challengers, in their order."""
        return tuple(map(make_model_key, self.challengers))


def make_model_key(model: Model) -> ModelKey:
    """Returns the key by which the journal knows a classifier."""
    return ModelKey(model.card.task, model.name, model.version, model.classes)


def find_shadow_deployments(
    registry: Registry, settings: Settings, champions: Mapping[str, str] | None = None
) -> dict[str, ShadowDeployment]:
    """Returns the deployments by their champion's name; `champions` go before those of VEREDICTO_SHADOW, by task.

    Raises SettingsError where VEREDICTO_SHADOW makes no sense for these models.
    """
    deployments = [
        _find_deployment(registry, task, name, (champions or {}).get(task))
        for task, name in settings.shadow.items()
    ]
    return {each.champion.name: each for each in deployments}


def find_deployments_left(
    registry: Registry, settings: Settings, champions: Mapping[str, str]
) -> dict[str, ShadowDeployment]:
    """Returns the deployments of the tasks whose models have not changed so that theirs makes no sense any more."""
    deployments = {}
    for task, name in settings.shadow.items():
        try:
            found = _find_deployment(registry, task, name, champions.get(task))
        except SettingsError as error:
            logger.error(
                "no challengers run in the shadow of %r any more: %s", task, error
            )
        else:
            deployments[found.champion.name] = found

    return deployments


def _find_deployment(
    registry: Registry, task: str, name: str, acting: str | None
) -> ShadowDeployment:
    """Returns the deployment of a task whose champion is `acting`, or else `name`; raises SettingsError."""
    try:
        models = {model.name: model for model in registry.task(task)}
    except VeredictoError as error:
        raise SettingsError(f"VEREDICTO_SHADOW: {error}") from error

    if acting is not None and acting in models:
        name = acting
    if name not in models:
        raise _refuse_champion(registry, task, name, list(models))

    champion = models.pop(name)
    if not models:
        raise SettingsError(
            f"VEREDICTO_SHADOW: {task!r} has no other classifier than {name} to compare it with"
        )

    return ShadowDeployment(champion=champion, challengers=list(models.values()))


def _refuse_champion(
    registry: Registry, task: str, name: str, known: list[str]
) -> SettingsError:
    reason = "is no classifier of it"
    for file, why in registry.refused.items():
        if Path(file).stem == name:
            reason = f"was refused: {why}"
            break

    return SettingsError(
        f"VEREDICTO_SHADOW: the champion {name!r} of {task!r} {reason}; its classifiers: {', '.join(known)}"
    )


def check_in_subprocess() -> bool:
    """Returns False where VEREDICTO_SHADOW makes no sense for the models, and then the reason is on stderr.

    A process of its own loads the models and takes them along when it ends. Workers that cannot start are started
    again and again, and nobody would see why.
    """
    inherited = os.environ.get("PYTHONPATH")
    paths = f"{_ROOT}{os.pathsep}{inherited}" if inherited else str(_ROOT)
    finished = subprocess.run(
        [sys.executable, "-c", _CHECK], env=os.environ | {"PYTHONPATH": paths}
    )
    return finished.returncode == 0


def check_or_exit() -> None:
    """Ends the process with the reason where VEREDICTO_SHADOW, or VEREDICTO_COSTS, makes no sense for the models."""
    try:
        settings = Settings.from_environment(os.environ)
        registry = Registry.load(
            settings.models, placement=Placement(settings.device, settings.threads)
        )
        find_shadow_deployments(registry, settings)
        find_costs(registry, settings)
    except SettingsError as error:
        sys.exit(f"veredicto does not start: {error}")
