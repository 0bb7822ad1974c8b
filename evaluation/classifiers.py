"""The classifiers of a task in a folder are loaded to be judged, run in this process."""

from __future__ import annotations

import hashlib
from pathlib import Path

from service.judging.asked_models import load_asked
from service.judging.classifiers import LoadedClassifiers
from service.models.model import Model

TIMING = "one row in onnxruntime in this process, one thread"


class LocalClassifiers(LoadedClassifiers):
    """Loads the models of a task here, and no others; one thread, processor only."""

    def __init__(self, folder: Path, task: str) -> None:
        """Raises EvaluationError for an unknown task, and for a folder that is not there or has no models."""
        _, models = load_asked(folder, task=task)
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
