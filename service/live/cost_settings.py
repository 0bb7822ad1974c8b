"""VEREDICTO_COSTS names a file for each task: the costs of mistakes by which live tests judge."""

from __future__ import annotations

import logging
from hashlib import blake2b
from pathlib import Path

import numpy as np

from service.contract.cost_table import CostTable, read_cost_table
from service.errors import SettingsError, VeredictoError
from service.live.journal.records import MAX_CLASSES, Costs
from service.models.registry import Registry
from service.settings import Settings

logger = logging.getLogger(__name__)


def find_costs(
    registry: Registry, settings: Settings, *, leaves_out: bool = False
) -> dict[str, Costs]:
    """Returns the costs of each task that has some; raises SettingsError where they make no sense for the models.

    With `leaves_out` such costs are told and left out.
    """
    found = {}
    for task, path in settings.costs.items():
        try:
            found[task] = _find(registry, task, path)
        except SettingsError as error:
            if not leaves_out:
                raise
            logger.error("nothing is judged by these costs any more: %s", error)

    return found


def make_costs(table: CostTable, classes: tuple[str, ...]) -> Costs:
    """Returns costs under a name that no other ones have: another table begins another test."""
    digest = blake2b(repr((classes, table)).encode(), digest_size=6).hexdigest()
    matrix = np.array(table, dtype=np.float64)
    ranges = matrix.max(axis=1) - matrix.min(axis=1)
    largest = float(ranges.max())

    return Costs(f"cost {digest}", classes, matrix, largest)


def _find(registry: Registry, task: str, path: Path) -> Costs:
    where = f"VEREDICTO_COSTS: {task}"
    try:
        classes = registry.task(task)[0].classes
        costs = make_costs(read_cost_table(path, classes), classes)
    except OSError as error:
        raise SettingsError(
            f"{where}: {path.name} cannot be read: {error.strerror}"
        ) from error
    except (VeredictoError, ValueError) as error:
        raise SettingsError(f"{where}: {error}") from error

    if not costs.largest:
        raise SettingsError(
            f"{where}: {path.name}: expected costs that depend on what is said, got the same whatever is said"
        )
    if len(classes) > MAX_CLASSES:
        raise SettingsError(
            f"{where}: expected a task of at most {MAX_CLASSES} classes, whose probabilities are kept, "
            f"got {len(classes)}"
        )

    return costs
