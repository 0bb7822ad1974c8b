"""The models of a job are chosen by task or by name in a folder of exported files, and loaded in each process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model_card import Card, CardError, ImageInput
from row_records import read_learnt
from scoring.job import ChosenModel
from service.errors import EvaluationError, ModelRefused
from service.judging.asked_models import load_asked
from service.judging.row_hashes import Hashes
from service.models.content import ModelContent, read_one
from service.models.folder import name_version
from service.models.model import Inputs, Model, load_graph

KINDS = ("classifier", "regressor", "clusterer")


def choose_models(
    folder: Path, task: str | None, names: Sequence[str]
) -> tuple[list[ChosenModel], LoadedModels]:
    """Returns all classifiers of a task, or the models of these names; raises EvaluationError."""
    registry, models = load_asked(folder, task=task, names=names)
    _check_together(models)
    files = {id(graph): file for file, graph in registry.files.items()}
    chosen = []
    for model in models:
        path = folder / files[id(model.graph)]
        chosen.append(_describe(model, path.absolute()))

    return chosen, LoadedModels(models)


def _describe(model: Model, path: Path) -> ChosenModel:
    return ChosenModel(
        name=model.name,
        version=model.version,
        digest=read_one(path).digest,
        path=str(path),
    )


def _check_together(models: Sequence[Model]) -> None:
    """Raises EvaluationError where models cannot be asked about the same rows."""
    first = models[0].card
    for model in models:
        card = model.card
        if card.kind not in KINDS:
            raise EvaluationError(
                f"{card.name} is a {card.kind}: expected one of the kinds {', '.join(KINDS)}"
            )
        if card.task != first.task:
            raise EvaluationError(
                f"{card.name} is of the task {card.task}, {first.name} of {first.task}: "
                "expected models of one task; score those of another in a run of their own"
            )


def load_contents(models: Sequence[ChosenModel]) -> dict[str, ModelContent]:
    """Reads the models' files; raises EvaluationError, which names the model, for one that was changed."""
    contents = {}
    for model in models:
        content = read_one(Path(model.path))
        if content.digest != model.digest:
            raise EvaluationError(
                f"{model.name}: its file was changed: the SHA-256 was {name_version(model.digest)}, "
                f"is {content.version}"
            )
        contents[model.name] = content

    return contents


class LoadedModels:
    """The models in one process, on one thread; the first one's card says what all of them take."""

    def __init__(self, models: list[Model]) -> None:
        self.models = models
        self.card: Card = self.models[0].card
        self.classes = self.models[0].classes
        self.are_classifiers = all(
            each.card.kind == "classifier" for each in self.models
        )

    @classmethod
    def load(
        cls, chosen: Sequence[ChosenModel], contents: dict[str, ModelContent]
    ) -> LoadedModels:
        """Loads models of these contents; raises EvaluationError."""
        return cls([_load(each, contents[each.name]) for each in chosen])

    @property
    def size_px(self) -> int:
        """Returns the side that images must not be decoded below."""
        assert isinstance(self.card.input, ImageInput)
        return max(each.size_px or 0 for each in self.models)

    def run(self, inputs: Inputs) -> list[list[NDArray[np.generic]]]:
        """Returns each model's outputs, whose values may be infinite or no number."""
        return [each.run_unchecked(each.output_names, inputs) for each in self.models]

    def collect_learnt(self) -> Hashes:
        """Returns the hashes of all rows that any of the models was learnt from, as far as their files say so."""
        try:
            records = [read_learnt(each.graph.session.metadata) for each in self.models]
        except CardError as error:
            raise EvaluationError(str(error)) from None

        known = [each for each in records if each is not None]
        if not known:
            return np.empty(0, np.uint64)

        return np.unique(np.concatenate(known))


def _load(chosen: ChosenModel, content: ModelContent) -> Model:
    try:
        graph = load_graph(Path(chosen.path), name=chosen.name, content=content)
    except ModelRefused as error:
        raise EvaluationError(f"{chosen.name}: {error}") from None

    assert graph.model is not None
    return graph.model
