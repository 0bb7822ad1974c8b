"""Every call of the contract as a method: request in, answer out, no HTTP."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from time import perf_counter
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from model_card import Card
from service import images, payloads
from service.comparison import Answer, compare
from service.errors import InvalidRequest, TooLarge
from service.model import Model
from service.payloads import (
    CompareRequest,
    GenerateRequest,
    PredictProbaRequest,
    PredictRequest,
    TransformRequest,
)
from service.registry import Registry
from service.rows import Rows
from service.settings import Settings


class DataPlane:
    """The one implementation behind the HTTP routes and the methods of the BentoML service."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self.registry = registry
        self._max_rows = settings.max_rows
        self._strict = settings.strict

    def answer(self, call: str, **fields: Any) -> dict[str, Any]:
        """The answer of a call by its name, from Python values to Python values."""
        calls: dict[str, tuple[Callable[[Any], Any], Any]] = {
            "predict": (self.predict, PredictRequest),
            "predict_proba": (self.predict_proba, PredictProbaRequest),
            "compare": (self.compare, CompareRequest),
            "transform": (self.transform, TransformRequest),
            "generate": (self.generate, GenerateRequest),
        }
        answer, request_type = calls[call]
        values: dict[str, Any] = payloads.as_json(answer(payloads.RequestDecoder(request_type).convert(fields)))
        return values

    def predict(self, request: PredictRequest) -> payloads.Prediction:
        """Class labels, numbers or cluster numbers, as the model's kind has it, one for each row."""
        model = self.registry.model(request.model)
        if model.card.kind == "classifier":
            label, _ = model.classify(model.encode(self._checked(request.inputs)))
            predictions: Any = payloads.name_classes(model.classes, label)
        else:
            model.check_answers("predict")
            predictions = model.run(model.encode(self._checked(request.inputs)))[0]
        return {"model": model.name, "version": model.version, "predictions": predictions}

    def predict_proba(self, request: PredictProbaRequest) -> payloads.Probabilities:
        """Probabilities of all classes, or of the `top` most probable, for each row."""
        model = self.registry.model(request.model)
        model.check_answers("predict_proba")
        _, probabilities = model.classify(model.encode(self._checked(request.inputs)))
        answer: dict[str, Any] = {"model": model.name, "version": model.version}
        if request.top is None:
            answer |= {"classes": model.classes, "probabilities": probabilities}
        else:
            answer["top"] = _most_probable(model, probabilities, request.top)
        return cast(payloads.Probabilities, answer)

    def compare(self, request: CompareRequest) -> payloads.Comparison:
        """The task's models side by side on the same rows."""
        models = self._chosen(request)
        features = models[0].encode(self._checked(request.inputs))
        truth = None if request.labels is None else _truth(request.labels, models[0], n_rows=len(features))
        answers = []
        for model in models:
            started = perf_counter()
            label, probabilities = model.classify(features)
            answers.append(
                Answer(
                    model=model.name,
                    version=model.version,
                    label=label,
                    probabilities=probabilities,
                    latency_ms=(perf_counter() - started) * 1000,
                )
            )
        return compare(request.task, models[0].classes, answers, truth)

    def transform(self, request: TransformRequest) -> payloads.Transformation:
        """Codes of each row, and the row made again from its codes alone."""
        model = self.registry.model(request.model)
        model.check_answers("transform")
        codes, reconstruction = model.run(model.encode(self._checked(request.inputs)))
        answer = {"model": model.name, "version": model.version, "outputs": codes, "reconstructions": reconstruction}
        return cast(payloads.Transformation, answer)

    def generate(self, request: GenerateRequest) -> payloads.Generation:
        """New images, each as a PNG in base64."""
        model, pixels = self._generated(request)
        encoded: list[payloads.EncodedImage] = [{"b64": b64encode(images.encode_png(each)).decode()} for each in pixels]
        return {"model": model.name, "version": model.version, "images": encoded}

    def generate_grid(self, request: GenerateRequest) -> bytes:
        """New images side by side, as one PNG."""
        _, pixels = self._generated(request)
        return images.encode_png(images.make_grid(pixels))

    def _generated(self, request: GenerateRequest) -> tuple[Model, NDArray[np.uint8]]:
        model = self.registry.model(request.model)
        model.check_answers("generate")
        if request.count > self._max_rows:
            raise TooLarge(f"count: {request.count} images are over the limit of {self._max_rows} (VEREDICTO_MAX_ROWS)")
        return model, model.run(model.draw_noise(request.count, request.seed))[0]

    def list_models(self) -> payloads.ModelList:
        """Summaries by name, and what was refused, if anything was."""
        models: list[payloads.ModelSummary] = [
            {
                "name": model.name,
                "version": model.version,
                "task": model.card.task,
                "family": model.card.family,
                "kind": model.card.kind,
                "summary": model.card.summary,
            }
            for model in self.registry.models.values()
        ]
        refused = [{"file": file, "reason": reason} for file, reason in self.registry.refused.items()]
        return cast(payloads.ModelList, {"models": models} | ({"refused": refused} if refused else {}))

    def describe_model(self, name: str) -> dict[str, Any]:
        """A model's whole card, with version and runtime."""
        return self.registry.model(name).describe()

    def cards(self) -> list[Card]:
        """The cards of the served models, by name."""
        return [model.card for model in self.registry.models.values()]

    def why_not_ready(self) -> str | None:
        return self.registry.why_not_ready(strict=self._strict)

    def _checked(self, rows: Rows) -> Rows:
        if len(rows) > self._max_rows:
            raise TooLarge(
                f"inputs: {len(rows)} rows are over the limit of {self._max_rows} rows a request "
                "(VEREDICTO_MAX_ROWS): send them in several requests"
            )
        return rows

    def _chosen(self, request: CompareRequest) -> list[Model]:
        models = {model.name: model for model in self.registry.task(request.task)}
        if request.models is None:
            return list(models.values())
        names = request.models
        if not names or len(set(names)) < len(names):
            raise InvalidRequest(f"models: expected different names, at least one, got {names}")
        unknown = [name for name in names if name not in models]
        if unknown:
            known = ", ".join(models)
            raise InvalidRequest(
                f"models: {unknown[0]!r} is not a classifier of the task {request.task!r}; its classifiers: {known}"
            )
        return [models[name] for name in names]


def _most_probable(model: Model, probabilities: NDArray[np.float32], top: int) -> list[list[payloads.ClassProbability]]:
    """For each row the `top` classes, most probable first; of equals the first class."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    highest = np.take_along_axis(probabilities, order, axis=1)
    return [
        [{"class": model.classes[label], "probability": value} for label, value in zip(labels, values, strict=True)]
        for labels, values in zip(order.tolist(), highest, strict=True)
    ]


def _truth(labels: list[str | int], model: Model, *, n_rows: int) -> NDArray[np.int64]:
    """Class indices `(n_rows,)` of the labels that a client sent; 3 is taken for the class "3"."""
    if len(labels) != n_rows:
        raise InvalidRequest(f"labels: expected {n_rows}, one for each row of inputs, got {len(labels)}")
    index = {name: position for position, name in enumerate(model.classes)}
    unknown = [label for label in labels if str(label) not in index]
    if unknown:
        raise InvalidRequest(f"labels: unknown class {unknown[0]!r}; classes: {', '.join(index)}")
    return np.array([index[str(label)] for label in labels], dtype=np.int64)
