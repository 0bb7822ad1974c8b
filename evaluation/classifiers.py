"""The classifiers of a folder are loaded to be judged, run in this process."""

from __future__ import annotations

import hashlib
from pathlib import Path

from service.errors import EvaluationError, NotFound
from service.judging.classifiers import LoadedClassifiers
from service.models.model import Model
from service.models.registry import Registry

TIMING = "one row in onnxruntime in this process, one thread"


class LocalClassifiers(LoadedClassifiers):
    """Loads the models of a folder here; one thread, processor only."""

    def __init__(self, folder: Path, task: str) -> None:
        """Raises NotFound for an unknown task and EvaluationError for a folder without models."""
        if not folder.is_dir():
            raise EvaluationError(f"{folder}: expected a folder of exported models")

        registry = Registry.load(folder)

        try:
            models = registry.task(task)
        except NotFound as error:
            refused = "".join(
                f"; {file} was refused: {reason}"
                for file, reason in registry.refused.items()
            )
            raise EvaluationError(f"{error}{refused}") from None

        sizes = [_find_size(model, folder) for model in models]
        super().__init__(models, sizes, timing=TIMING)


def _find_size(model: Model, folder: Path) -> int | None:
    """Returns the bytes of the model's file, None where it is not there any more."""
    files = [folder / f"{model.name}.onnx", *folder.glob(f"{model.name}/*/model.onnx")]
    contents = [path.read_bytes() for path in files if path.exists()]
    sizes = [
        len(each)
        for each in contents
        if hashlib.sha256(each).hexdigest().startswith(model.version)
    ]

    return next(iter(sizes), None)
