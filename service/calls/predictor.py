"""Rows of a request are predicted by one model: checked, run, and answered in words of its kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from service.calls import abstention, prediction_sets
from service.calls.policy import Router
from service.contract import answers, codec
from service.contract.limits import Limits
from service.contract.requests import (
    PredictProbaRequest,
    PredictRequest,
    TransformRequest,
)
from service.errors import InvalidRequest, VeredictoError
from service.execution.run import Outputs, Run
from service.live.monitor import Monitor
from service.models.images import rows as image_rows
from service.models.model import Inputs, Model
from service.models.registry import Registry


class Predictor:
    """A predictor plans runs of one model on a request's rows, and words what comes of them.

    `router` chooses the model of a request that names a task alone.
    """

    def __init__(
        self,
        registry: Registry,
        limits: Limits,
        monitor: Monitor | None,
        router: Router,
    ) -> None:
        self._registry = registry
        self._limits = limits
        self._monitor = monitor
        self.router = router

    def predict(self, request: PredictRequest) -> Run:
        """Predicts a class label, a number or a cluster number for each row, as the model's kind has it.

        With `min_probability` a row may be None, and has a reason then. Where a request names a `task`, a policy
        chooses the model.
        """
        name = request.model
        if name is None or request.task is not None:
            name = self.router.choose(_only_task(request))

        model = self._find(name)
        if request.min_probability is not None or request.coverage is not None:
            return self._predict_carefully(model, request)

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

        return self._plan(model, "predict", request, finish)

    def _predict_carefully(self, model: Model, request: PredictRequest) -> Run:
        """Predicts with reasons where a bound withholds a class, and with sets where a coverage is wanted."""
        bound, coverage = request.min_probability, request.coverage

        def finish(outputs: Outputs) -> answers.Prediction:
            label, probabilities = outputs
            predictions, reasons = abstention.withhold(
                model.classes, label, probabilities, bound or 0.0
            )
            answer: dict[str, Any] = {
                "model": model.name,
                "version": model.version,
                "predictions": predictions,
            }
            if bound is not None:
                answer["reasons"] = reasons
            if coverage is not None:
                answer["sets"] = prediction_sets.collect_sets(
                    model.classes, probabilities, thresholds
                )

            return cast(answers.Prediction, answer)

        run = self._plan(model, "predict", request, finish)
        if bound is not None:
            abstention.check_has_probabilities(model.graph)
        if coverage is not None:
            thresholds = prediction_sets.find_thresholds(model, coverage)

        return run

    def predict_proba(self, request: PredictProbaRequest) -> Run:
        """Predicts the probabilities of all classes, or of the `top` most probable, for each row."""
        model = self._find(request.model)

        def finish(outputs: Outputs) -> answers.Probabilities:
            answer: dict[str, Any] = {"model": model.name, "version": model.version}
            if request.top is None:
                answer |= {"classes": model.classes, "probabilities": outputs[1]}
            else:
                answer["top"] = _most_probable(model, outputs[1], request.top)

            return cast(answers.Probabilities, answer)

        return self._plan(model, "predict_proba", request, finish)

    def transform(self, request: TransformRequest) -> Run:
        """Returns the run that gives the codes of each row, and the row made again from its codes alone."""
        model = self._find(request.model)

        def finish(outputs: Outputs) -> answers.Transformation:
            codes, reconstructions = outputs
            answer = {
                "model": model.name,
                "version": model.version,
                "outputs": codes,
                "reconstructions": reconstructions,
            }
            return cast(answers.Transformation, answer)

        return self._plan(model, "transform", request, finish)

    def _find(self, name: str) -> Model:
        """Returns the model of this name; raises NotFound."""
        model = self._registry.models.get(name)
        return self._registry.model(name) if model is None else model

    def _plan(
        self,
        model: Model,
        call: str,
        request: PredictRequest | PredictProbaRequest | TransformRequest,
        finish: Callable[[Outputs], Any],
    ) -> Run:
        """Returns the run of a model on a request's rows; raises InvalidRequest where they are not what it takes."""
        group = None if isinstance(request, TransformRequest) else request.group
        try:
            model.check_answers(call)
            inputs = self.encode([model], request.inputs)
            if group is not None:
                _check_groups(group, n_rows=len(inputs))
        except VeredictoError as error:
            error.model = model.graph
            raise

        if self._monitor is not None and model.card.kind == "classifier":
            finish = _observe(self._monitor, model, inputs, group, finish)

        return Run(model.graph, model.output_names, inputs, len(inputs), finish)

    def encode(self, models: list[Model], rows: Any) -> Inputs:
        """Returns a request's rows as these models of one task take them; raises InvalidRequest or TooLarge."""
        if len(rows) > self._limits.max_rows:
            self._limits.check_rows(len(rows))
        if isinstance(rows, np.ndarray) and models[0].size_px is None:
            return models[0].encode(rows)

        sizes = [model.size_px for model in models if model.size_px is not None]
        if sizes:
            return image_rows.decode_rows(
                rows,
                model=models[0].name,
                size_px=max(sizes),
                max_pixels=self._limits.max_pixels,
                max_decoding_bytes=self._limits.max_decoding_bytes,
            )

        if image_rows.are_files(rows):
            raise InvalidRequest(
                f"{models[0].name} takes rows of features, not images: send them as JSON; "
                f"GET /models/{models[0].name} lists the features"
            )

        return models[0].encode(rows)


def _only_task(request: PredictRequest) -> str:
    """Returns the task of a request that names no model; raises InvalidRequest for one that names both or neither."""
    if request.task is None:
        raise InvalidRequest(
            f"missing required field model; this call takes {PredictRequest.__doc__}"
        )

    if request.model is not None:
        raise InvalidRequest(
            f"expected model or task, got both; this call takes {PredictRequest.__doc__}"
        )

    return request.task


def _check_groups(group: str | list[str], *, n_rows: int) -> None:
    """Raises InvalidRequest where a list has not one group for each row."""
    if not isinstance(group, str) and len(group) != n_rows:
        raise InvalidRequest(
            f"group: expected one name, or {n_rows}, one for each row of inputs, got {len(group)}"
        )


def _observe(
    monitor: Monitor,
    model: Model,
    inputs: Inputs,
    group: str | list[str] | None,
    finish: Callable[[Outputs], Any],
) -> Any:
    """Returns a `finish` that also hands the answer to the monitor, and puts the id of the prediction into it."""

    def finish_and_observe(outputs: Outputs) -> Any:
        answer = finish(outputs)
        answer["id"] = monitor.observe(model, inputs, outputs[0], group, outputs[1])
        return answer

    return finish_and_observe


def _most_probable(
    model: Model, probabilities: NDArray[np.float32], top: int
) -> list[list[answers.ClassProbability]]:
    """Returns for each row the `top` classes, most probable first; of equals the first class comes first."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :top]
    highest = np.take_along_axis(probabilities, order, axis=1)
    rows: list[list[answers.ClassProbability]] = []
    for labels, values in zip(order.tolist(), highest, strict=True):
        pairs = zip(labels, values, strict=True)
        rows.append(
            [
                {"class": model.classes[label], "probability": value}
                for label, value in pairs
            ]
        )

    return rows
