"""A folder of exported files as models by name."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from model_card import Card, FeatureInput
from service.errors import InvalidRequest, ModelRefused, NotFound
from service.model import Model

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Registry:
    """What was found: models by name, in order, and for each file that is not served the reason why."""

    models: dict[str, Model] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu", threads: int = 1) -> Registry:
        """Loads every `*.onnx` of the folder, one after the other; a bad file never keeps a good one out."""
        models: dict[str, Model] = {}
        refused: dict[str, str] = {}
        for path in sorted(folder.glob("*.onnx")):
            name = os.fsencode(path.name).decode("utf-8", "backslashreplace")
            try:
                model = Model.load(path, device=device, threads=threads)
                if model is None:
                    logger.warning("passed over %s: it has no card", name)
                    continue
                _check_task(model.card, models)
                models[model.name] = model
            except OSError as error:
                refused[name] = f"it cannot be read: {error.strerror}"
            except ModelRefused as error:
                refused[name] = str(error)
            except Exception:  # one file must never keep the others from being served
                logger.exception("a defect in loading %s", name)
                refused[name] = "loading it fails in a way that the service does not know; its log has the details"
        for name, reason in refused.items():
            logger.error("refused %s: %s", name, reason)
        logger.info("serving %d models: %s", len(models), ", ".join(models))
        return cls(models=models, refused=refused)

    def model(self, name: str) -> Model:
        """Raises NotFound, which lists the known models."""
        try:
            return self.models[name]
        except KeyError:
            raise NotFound(f"unknown model {name!r}; known models: {', '.join(self.models) or 'none'}") from None

    def task(self, name: str) -> list[Model]:
        """The classifiers of a task, by name.

        Raises NotFound for an unknown task and InvalidRequest for one without classifiers; both list what there is.
        """
        comparable = [model for model in self.models.values() if model.card.kind == "classifier"]
        models = [model for model in comparable if model.card.task == name]
        if models:
            return models
        known = ", ".join(sorted({model.card.task for model in comparable})) or "none"
        if any(model.card.task == name for model in self.models.values()):
            raise InvalidRequest(f"the task {name!r} has no classifiers to compare; tasks that have: {known}")
        raise NotFound(f"unknown task {name!r}; known tasks: {known}")

    def why_not_ready(self, *, strict: bool) -> str | None:
        """The reason why this folder is not what the operator wanted served, or None."""
        if not self.models and not self.refused:
            return "no model to serve: the folder of VEREDICTO_MODELS has no .onnx file with a card"
        if self.refused and (strict or not self.models):
            reasons = "; ".join(f"{name}: {reason}" for name, reason in self.refused.items())
            hint = " (VEREDICTO_STRICT=0 serves the others)" if self.models else ""
            return f"refused {reasons}{hint}"
        return None


def _check_task(card: Card, models: dict[str, Model]) -> None:
    """Models of one task share features, and its classifiers their classes, or what they say cannot be compared."""
    for other in models.values():
        if other.card.task != card.task:
            continue
        both_classify = card.kind == other.card.kind == "classifier"
        both_take_rows = isinstance(card.input, FeatureInput) and isinstance(other.card.input, FeatureInput)
        if (both_classify and other.card.classes != card.classes) or (
            both_take_rows and _columns(other.card) != _columns(card)
        ):
            raise ModelRefused(f"its features or classes differ from those of {other.name}, of the same task")


def _columns(card: Card) -> list[object]:
    features = getattr(card.input, "features", ())
    return [(each.name, each.type, each.values, each.imputed is None) for each in features]
