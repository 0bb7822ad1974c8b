"""Every call of the contract as a method: request in, answer out, no HTTP."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from model_card import Card
from service.calls import abstention
from service.calls.comparison import Answer, NotFinite, compare
from service.calls.pictures import Gallery
from service.calls.policy import NoOutcomes, Router
from service.contract import answers, codec, requests
from service.contract.requests import (
    CompareRequest,
    ExplainRequest,
    FeedbackRequest,
    GenerateRequest,
    PredictProbaRequest,
    PredictRequest,
    Rows,
    TransformRequest,
)
from service.errors import InvalidRequest, TooLarge, VeredictoError
from service.execution.run import Answered, Outputs, Promised, Ran, Work
from service.live import comparison
from service.live.monitor import Monitor
from service.models import image_rows
from service.models.graph import Graph
from service.models.model import Inputs, Model
from service.models.model_statistics import Times
from service.models.registry import Registry
from service.settings import Settings


class DataPlane:
    """The one implementation behind the HTTP routes and the methods of the BentoML service."""

    def __init__(
        self, registry: Registry, settings: Settings, monitor: Monitor | None = None
    ) -> None:
        self.registry = registry
        self.monitor = monitor
        self._router = Router(registry, settings, monitor or NoOutcomes())
        self._max_rows = settings.max_rows
        self._max_pixels = settings.max_pixels
        self._strict = settings.strict
        self.gallery = Gallery(registry, settings, self._encode)

    def answer(self, call: str, **fields: Any) -> dict[str, Any]:
        """The answer of a call by its name, from Python values to Python values."""
        calls: dict[str, tuple[Callable[[Any], Any], Any]] = {
            "predict": (self.predict, PredictRequest),
            "predict_proba": (self.predict_proba, PredictProbaRequest),
            "compare": (self.compare, CompareRequest),
            "transform": (self.transform, TransformRequest),
            "generate": (self.gallery.generate, GenerateRequest),
            "explain": (self.gallery.explain, ExplainRequest),
            "feedback": (self.feedback, FeedbackRequest),
        }
        answer, request_type = calls[call]
        done = answer(requests.RequestDecoder(request_type).convert(fields))
        if isinstance(done, Work):
            done = done.finish(done.run())
        elif isinstance(done, Answered):
            done = done.answer
        elif isinstance(done, Promised):
            done.done.result()
            done = done.answer

        values: dict[str, Any] = codec.as_json(done)

        return values

    def predict(self, request: PredictRequest) -> Work:
        """Class labels, numbers or cluster numbers, as the model's kind has it, one for each row.

        With `min_probability` a row may be None, and has a reason then. Of a `task` a policy chooses the model.
        """
        name = request.model
        if name is None or request.task is not None:
            name = self._router.choose(_only_task(request))

        graph, model = self.registry.carded(name)
        if request.min_probability is not None:
            return self._predict_selectively(graph, model, request)

        is_classifier = model.card.kind == "classifier"

        def finish(outputs: Outputs) -> answers.Prediction:
            predictions: Any = (
                codec.name_classes(model.classes, outputs[0])
                if is_classifier
                else outputs[0]
            )
            return {
                "model": model.name,
                "version": model.version,
                "predictions": predictions,
            }

        return self._plan(graph, model, "predict", request.inputs, finish)

    def _predict_selectively(
        self, graph: Graph, model: Model, request: PredictRequest
    ) -> Work:
        def finish(outputs: Outputs) -> answers.Prediction:
            assert request.min_probability is not None
            label, probabilities = outputs
            predictions, reasons = abstention.withhold(
                model.classes, label, probabilities, request.min_probability
            )
            answer = {
                "model": model.name,
                "version": model.version,
                "predictions": predictions,
                "reasons": reasons,
            }

            return cast(answers.Prediction, answer)

        work = self._plan(graph, model, "predict", request.inputs, finish)
        abstention.check_has_probabilities(graph)

        return work

    def predict_proba(self, request: PredictProbaRequest) -> Work:
        """Probabilities of all classes, or of the `top` most probable, for each row."""
        graph, model = self.registry.carded(request.model)

        def finish(outputs: Outputs) -> answers.Probabilities:
            answer: dict[str, Any] = {"model": model.name, "version": model.version}
            if request.top is None:
                answer |= {"classes": model.classes, "probabilities": outputs[1]}
            else:
                answer["top"] = _most_probable(model, outputs[1], request.top)

            return cast(answers.Probabilities, answer)

        return self._plan(graph, model, "predict_proba", request.inputs, finish)

    def _plan(
        self,
        graph: Graph,
        model: Model,
        call: str,
        rows: Any,
        finish: Callable[[Outputs], Any],
    ) -> Work:
        """The run of a model on the rows of a request, which are found to be what it takes."""
        try:
            model.check_answers(call)
            inputs = self._encode([model], rows)
        except VeredictoError as error:
            error.model = graph
            raise

        if self.monitor is not None and model.card.kind == "classifier":
            finish = _observed(self.monitor, model, inputs, finish)

        return Work(graph, model.output_names, inputs, len(inputs), finish)

    def feedback(self, request: FeedbackRequest) -> Promised:
        """The true class of a row that was predicted, accepted when it is stored."""
        if self.monitor is None:
            raise InvalidRequest(
                "feedback is off: predictions are not kept (VEREDICTO_JOURNAL names no file)"
            )

        answer: answers.Feedback = {"id": request.id, "accepted": True}
        return Promised(self.monitor.record_feedback(request.id, request.label), answer)

    def compare_live(self, task: str) -> answers.Standing:
        """How the task's classifiers stand in what they were asked lately; nothing of it where nothing is kept."""
        if self.monitor is not None:
            return self.monitor.compare(task)
        return comparison.describe(self.registry.task(task), None, comparison.EMPTY_WINDOW)

    def compare(self, request: CompareRequest) -> Answered:
        """The task's models side by side on the same rows."""
        models = self._chosen(request)
        inputs = self._encode(models, request.inputs)
        truth = (
            None
            if request.labels is None
            else _truth(request.labels, models[0], n_rows=len(inputs))
        )
        given = []
        runs = []
        n_rows = len(inputs)
        graphs = self.registry.graphs
        before_ns = perf_counter_ns()

        for model in models:
            label, probabilities = model.compute(model.output_names, inputs)
            now_ns = perf_counter_ns()
            given.append(
                Answer(
                    model.name,
                    model.version,
                    label,
                    probabilities,
                    (now_ns - before_ns) / 1e6,
                )
            )
            runs.append(
                Ran(graphs[model.name], Times(0, 0, now_ns - before_ns, 0, n_rows))
            )
            before_ns = now_ns

        try:
            return Answered(
                compare(request.task, models[0].classes, given, truth), tuple(runs)
            )
        except NotFinite:
            for model, answer in zip(models, given, strict=True):
                model.check_finite(answer.probabilities)
            raise

    def transform(self, request: TransformRequest) -> Work:
        """Codes of each row, and the row made again from its codes alone."""
        graph, model = self.registry.carded(request.model)

        def finish(outputs: Outputs) -> answers.Transformation:
            answer = {"model": model.name, "version": model.version}
            names = ("outputs", "reconstructions")
            return cast(
                answers.Transformation, answer | dict(zip(names, outputs, strict=True))
            )

        return self._plan(graph, model, "transform", request.inputs, finish)

    def list_models(self) -> answers.ModelList:
        """Summaries by name, and what was refused, if anything was."""
        models: list[answers.ModelSummary] = [
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
        refused = [
            {"file": file, "reason": reason}
            for file, reason in self.registry.refused.items()
        ]
        return cast(
            answers.ModelList,
            {"models": models} | ({"refused": refused} if refused else {}),
        )

    def describe_model(self, name: str) -> dict[str, Any]:
        """A model's whole card, with version and runtime."""
        return self.registry.model(name).describe()

    def cards(self) -> list[Card]:
        """The cards of the served models, by name."""
        return [model.card for model in self.registry.models.values()]

    def why_not_ready(self) -> str | None:
        reason = self.registry.why_not_ready(strict=self._strict)
        if reason is None and self._strict:
            reason = next(iter(self._router.problems.values()), None)
        return reason

    def _encode(self, models: list[Model], rows: Any) -> Inputs:
        """Rows of a request as these models of one task take them."""
        self._check_count(rows)
        if isinstance(rows, np.ndarray) and models[0].size_px is None:
            return models[0].encode(rows)

        sizes = [model.size_px for model in models if model.size_px is not None]
        if sizes:
            return image_rows.decode_rows(
                rows,
                model=models[0].name,
                size_px=max(sizes),
                most_pixels=self._max_pixels,
            )

        if image_rows.are_files(rows):
            raise InvalidRequest(
                f"{models[0].name} takes rows of features, not images: send them as JSON; "
                f"GET /models/{models[0].name} lists the features"
            )

        return models[0].encode(rows)

    def _check_count(self, rows: Rows) -> None:
        if len(rows) > self._max_rows:
            raise TooLarge(
                f"inputs: {len(rows)} rows are over the limit of {self._max_rows} rows a request "
                "(VEREDICTO_MAX_ROWS): send them in several requests"
            )

    def _chosen(self, request: CompareRequest) -> list[Model]:
        classifiers = self.registry.task(request.task)
        if request.models is None:
            return classifiers

        models = {model.name: model for model in classifiers}
        names = request.models
        if not names or len(set(names)) < len(names):
            raise InvalidRequest(
                f"models: expected different names, at least one, got {names}"
            )

        unknown = [name for name in names if name not in models]
        if unknown:
            known = ", ".join(models)
            raise InvalidRequest(
                f"models: {unknown[0]!r} is not a classifier of the task {request.task!r}; its classifiers: {known}"
            )

        return [models[name] for name in names]


def _only_task(request: PredictRequest) -> str:
    """The task of a request that names no model; raises InvalidRequest for one that names both or neither."""
    if request.task is None:
        raise InvalidRequest(
            f"missing required field model; this call takes {PredictRequest.__doc__}"
        )

    if request.model is not None:
        raise InvalidRequest(
            f"expected model or task, got both; this call takes {PredictRequest.__doc__}"
        )

    return request.task


def _observed(
    monitor: Monitor, model: Model, inputs: Inputs, finish: Callable[[Outputs], Any]
) -> Any:
    """The same end with an id in the answer."""

    def finish_and_observe(outputs: Outputs) -> Any:
        answer = finish(outputs)
        answer["id"] = monitor.observe(model, inputs, outputs[0])
        return answer

    return finish_and_observe


def _most_probable(
    model: Model, probabilities: NDArray[np.float32], top: int
) -> list[list[answers.ClassProbability]]:
    """For each row the `top` classes, most probable first; of equals the first class."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    highest = np.take_along_axis(probabilities, order, axis=1)
    return [
        [
            {"class": model.classes[label], "probability": value}
            for label, value in zip(labels, values, strict=True)
        ]
        for labels, values in zip(order.tolist(), highest, strict=True)
    ]


def _truth(labels: list[str | int], model: Model, *, n_rows: int) -> NDArray[np.int64]:
    """Class indices `(n_rows,)` of the labels that a client sent; 3 is taken for the class "3"."""
    if len(labels) != n_rows:
        raise InvalidRequest(
            f"labels: expected {n_rows}, one for each row of inputs, got {len(labels)}"
        )

    index = {name: position for position, name in enumerate(model.classes)}
    unknown = [label for label in labels if str(label) not in index]
    if unknown:
        raise InvalidRequest(
            f"labels: unknown class {unknown[0]!r}; classes: {', '.join(index)}"
        )

    return np.array([index[str(label)] for label in labels], dtype=np.int64)
