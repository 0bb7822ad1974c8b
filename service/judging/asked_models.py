"""Of a folder of exported files those alone are loaded that are asked for: their names begin with the task's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from service.errors import EvaluationError, VeredictoError
from service.models.folder import ModelFile, ModelFolder
from service.models.model import Model
from service.models.registry import Registry


def load_asked(
    folder: Path, *, task: str | None = None, names: Sequence[str] = ()
) -> tuple[Registry, list[Model]]:
    """Returns all classifiers of a task, or else the models of these names, with the registry that has them.

    Only where there are none of them are all files looked at, for what the error says: it raises EvaluationError.
    """
    if not folder.is_dir():
        raise EvaluationError(f"{folder}: expected a folder of exported models")

    others = {
        file.shown: "it was not asked for"
        for file in ModelFolder(folder).find()
        if not _is_asked(file, task, names)
    }
    try:
        registry = Registry.load(folder, known_bad=others)
        return registry, _find(registry, task, names)
    except VeredictoError:
        registry = Registry.load(folder)

    try:
        return registry, _find(registry, task, names)
    except VeredictoError as error:
        refused = "".join(
            f"; {file} was refused: {reason}"
            for file, reason in registry.refused.items()
        )
        raise EvaluationError(f"{error}{refused}") from None


def _is_asked(file: ModelFile, task: str | None, names: Sequence[str]) -> bool:
    return file.name.startswith(f"{task}-") if task else file.name in names


def _find(registry: Registry, task: str | None, names: Sequence[str]) -> list[Model]:
    """Raises NotFound."""
    if task:
        return registry.task(task)

    found = [registry.model(each) for each in names]
    distinct = {each.name: each for each in found}

    return list(distinct.values())
