"""Every call of the contract as a method: request in, answer out, no HTTP."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from model_card import Card
from service import abstention, answers, explanation, images, payloads, pixels, standing
from service.comparison import Answer, NotFinite, compare
from service.errors import InvalidRequest, TooLarge, VeredictoError
from service.model import Inputs, Model
from service.observer import Observer
from service.payloads import (
    CompareRequest,
    ExplainRequest,
    FeedbackRequest,
    GenerateRequest,
    PredictProbaRequest,
    PredictRequest,
    TransformRequest,
)
from service.registry import Registry
from service.routing import NoOutcomes, Router
from service.rows import Rows
from service.served import MOST_IMAGES, Served
from service.settings import Settings
from service.statistics import Times
from service.work import Answered, Outputs, Promised, Ran, Work


class DataPlane:
    """The one implementation behind the HTTP routes and the methods of the BentoML service."""

    def __init__(self, registry: Registry, settings: Settings, observer: Observer | None = None) -> None:
        self.registry = registry
        self.observer = observer
        self._router = Router(registry, settings, observer or NoOutcomes())
        self._max_rows = settings.max_rows
        self._max_pixels = settings.max_pixels
        self._strict = settings.strict

    def answer(self, call: str, **fields: Any) -> dict[str, Any]:
        """The answer of a call by its name, from Python values to Python values."""
        calls: dict[str, tuple[Callable[[Any], Any], Any]] = {
            "predict": (self.predict, PredictRequest),
            "predict_proba": (self.predict_proba, PredictProbaRequest),
            "compare": (self.compare, CompareRequest),
            "transform": (self.transform, TransformRequest),
            "generate": (self.generate, GenerateRequest),
            "explain": (self.explain, ExplainRequest),
            "feedback": (self.feedback, FeedbackRequest),
        }
        answer, request_type = calls[call]
        done = answer(payloads.RequestDecoder(request_type).convert(fields))
        if isinstance(done, Work):
            done = done.finish(done.run())
        elif isinstance(done, Answered):
            done = done.answer
        elif isinstance(done, Promised):
            done.done.result()
            done = done.answer
        values: dict[str, Any] = payloads.as_json(done)
        return values

    def predict(self, request: PredictRequest) -> Work:
        """Class labels, numbers or cluster numbers, as the model's kind has it, one for each row.

        With `min_probability` a row may be None, and has a reason then. Of a `task` a policy chooses the model.
        """
        name = request.model
        if name is None or request.task is not None:
            name = self._router.choose(_only_task(request))
        served, model = self.registry.carded(name)
        if request.min_probability is not None:
            return self._predict_selectively(served, model, request)
        is_classifier = model.card.kind == "classifier"

        def finish(outputs: Outputs) -> answers.Prediction:
            predictions: Any = payloads.name_classes(model.classes, outputs[0]) if is_classifier else outputs[0]
            return {"model": model.name, "version": model.version, "predictions": predictions}

        return self._plan(served, model, "predict", request.inputs, finish)

    def _predict_selectively(self, served: Served, model: Model, request: PredictRequest) -> Work:
        def finish(outputs: Outputs) -> answers.Prediction:
            assert request.min_probability is not None
            label, probabilities = outputs
            predictions, reasons = abstention.withhold(model.classes, label, probabilities, request.min_probability)
            answer = {"model": model.name, "version": model.version, "predictions": predictions, "reasons": reasons}
            return cast(answers.Prediction, answer)

        work = self._plan(served, model, "predict", request.inputs, finish)
        abstention.check_has_probabilities(served)
        return work

    def predict_proba(self, request: PredictProbaRequest) -> Work:
        """Probabilities of all classes, or of the `top` most probable, for each row."""
        served, model = self.registry.carded(request.model)

        def finish(outputs: Outputs) -> answers.Probabilities:
            answer: dict[str, Any] = {"model": model.name, "version": model.version}
            if request.top is None:
                answer |= {"classes": model.classes, "probabilities": outputs[1]}
            else:
                answer["top"] = _most_probable(model, outputs[1], request.top)
            return cast(answers.Probabilities, answer)

        return self._plan(served, model, "predict_proba", request.inputs, finish)

    def _plan(self, served: Served, model: Model, call: str, rows: Any, finish: Callable[[Outputs], Any]) -> Work:
        """The run of a model on the rows of a request, which are found to be what it takes."""
        try:
            model.check_answers(call)
            inputs = self._encode([model], rows)
        except VeredictoError as error:
            error.model = served
            raise
        if self.observer is not None and model.card.kind == "classifier":
            finish = _observed(self.observer, model, inputs, finish)
        return Work(served, model.output_names, inputs, len(inputs), finish)

    def feedback(self, request: FeedbackRequest) -> Promised:
        """The true class of a row that was predicted, accepted when it is stored."""
        if self.observer is None:
            raise InvalidRequest("feedback is off: predictions are not kept (VEREDICTO_JOURNAL names no file)")
        answer: answers.Feedback = {"id": request.id, "accepted": True}
        return Promised(self.observer.tell(request.id, request.label), answer)

    def compare_live(self, task: str) -> answers.Standing:
        """How the task's classifiers stand in what they were asked lately; nothing of it where nothing is kept."""
        if self.observer is not None:
            return self.observer.compare(task)
        return standing.describe(self.registry.task(task), None, standing.NOTHING)

    def compare(self, request: CompareRequest) -> Answered:
        """The task's models side by side on the same rows."""
        models = self._chosen(request)
        inputs = self._encode(models, request.inputs)
        truth = None if request.labels is None else _truth(request.labels, models[0], n_rows=len(inputs))
        given, runs, n_rows, graphs = [], [], len(inputs), self.registry.graphs
        before_ns = perf_counter_ns()
        for model in models:
            label, probabilities = model.compute(model.output_names, inputs)
            now_ns = perf_counter_ns()
            given.append(Answer(model.name, model.version, label, probabilities, (now_ns - before_ns) / 1e6))
            runs.append(Ran(graphs[model.name], Times(0, 0, now_ns - before_ns, 0, n_rows)))
            before_ns = now_ns
        try:
            return Answered(compare(request.task, models[0].classes, given, truth), tuple(runs))
        except NotFinite:
            for model, answer in zip(models, given, strict=True):
                model.check_finite(answer.probabilities)
            raise

    def transform(self, request: TransformRequest) -> Work:
        """Codes of each row, and the row made again from its codes alone."""
        served, model = self.registry.carded(request.model)

        def finish(outputs: Outputs) -> answers.Transformation:
            answer = {"model": model.name, "version": model.version}
            names = ("outputs", "reconstructions")
            return cast(answers.Transformation, answer | dict(zip(names, outputs, strict=True)))

        return self._plan(served, model, "transform", request.inputs, finish)

    def explain(self, request: ExplainRequest) -> answers.Explanation:
        """Why the model answers so: contributions of features, neighbours, or a map of each image."""
        model, inputs = self._to_explain(request)
        if isinstance(inputs, list):
            explanations = [self._explain_image(model, image, request) for image in inputs]
        else:
            explanations = explanation.explain_rows(model, inputs, request.class_name)
        answer = {"model": model.name, "version": model.version, "explanations": explanations}
        return cast(answers.Explanation, answer)

    def draw_explanation(self, request: ExplainRequest) -> bytes | None:
        """The same of images as one PNG, each below the other; None for rows of features, which have no picture."""
        model, inputs = self._to_explain(request)
        if not isinstance(inputs, list):
            return None
        pictures = [_draw(model, image, request)[0] for image in inputs]
        return images.encode_png(images.stack(pictures))

    def _to_explain(self, request: ExplainRequest) -> tuple[Model, Inputs]:
        model = self.registry.model(request.model)
        if not explanation.can_explain(model):
            known = [each.name for each in self.registry.models.values() if explanation.can_explain(each)]
            family = model.card.family
            raise InvalidRequest(
                f"{model.name} is a {family}: it has no explanation; models that have: {', '.join(known) or 'none'}"
            )
        if model.size_px is not None and len(request.inputs) > MOST_IMAGES:
            raise TooLarge(f"inputs: {len(request.inputs)} images are over the {MOST_IMAGES} of one request")
        if model.size_px is None and request.layer is not None:
            raise InvalidRequest(f"layer: {model.name} takes rows of features: it has no layers to show")
        return model, self._encode([model], request.inputs)

    def _explain_image(self, model: Model, image: images.Pixels, request: ExplainRequest) -> dict[str, Any]:
        picture, heat = _draw(model, image, request)
        encoded = {"b64": b64encode(images.encode_png(picture)).decode()}
        if heat is None:
            label, probabilities = model.classify([image])
            told = {"prediction": model.classes[label[0]], "probability": probabilities[0, label[0]]}
            return told | {"layer": request.layer, "maps": encoded}
        return {
            "prediction": model.classes[heat.label],
            "class": model.classes[heat.chosen],
            "probability": heat.probability,
            "method": heat.method,
            "heat_map": encoded,
        }

    def describe_layers(self, name: str) -> answers.Layers:
        """The layers of a network of images, and the filters of its first one."""
        model = self._with_layers(name)
        layers = [
            {"name": each.removeprefix(explanation.LAYER), "channels": shape[0], "height": shape[1], "width": shape[2]}
            for each, shape in model.layer_shapes.items()
        ]
        answer: dict[str, Any] = {"model": model.name, "version": model.version, "layers": layers}
        if "filters" in model.extras:
            answer["filters"] = {"b64": b64encode(images.encode_png(explanation.draw_filters(model))).decode()}
        return cast(answers.Layers, answer)

    def draw_filters(self, name: str) -> bytes | None:
        """The filters as one PNG; None where the file has none."""
        model = self._with_layers(name)
        return images.encode_png(explanation.draw_filters(model)) if "filters" in model.extras else None

    def _with_layers(self, name: str) -> Model:
        model = self.registry.model(name)
        if not _has_layers(model):
            known = ", ".join(each.name for each in self.registry.models.values() if _has_layers(each)) or "none"
            raise InvalidRequest(f"{name} has no layers to show; models that have: {known}")
        return model

    def generate(self, request: GenerateRequest) -> answers.Generation:
        """New images, each as a PNG in base64."""
        model, generated = self._generated(request)
        encoded: list[answers.EncodedImage] = [
            {"b64": b64encode(images.encode_png(each)).decode()} for each in generated
        ]
        return {"model": model.name, "version": model.version, "images": encoded}

    def generate_grid(self, request: GenerateRequest) -> bytes:
        """New images side by side, as one PNG."""
        _, generated = self._generated(request)
        return images.encode_png(images.make_grid(generated))

    def _generated(self, request: GenerateRequest) -> tuple[Model, NDArray[np.uint8]]:
        model = self.registry.model(request.model)
        model.check_answers("generate")
        if request.count > self._max_rows:
            raise TooLarge(f"count: {request.count} images are over the limit of {self._max_rows} (VEREDICTO_MAX_ROWS)")
        return model, model.run(model.draw_noise(request.count, request.seed))[0]

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
        refused = [{"file": file, "reason": reason} for file, reason in self.registry.refused.items()]
        return cast(answers.ModelList, {"models": models} | ({"refused": refused} if refused else {}))

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
            return pixels.decode_rows(rows, model=models[0].name, size_px=max(sizes), most_pixels=self._max_pixels)
        if pixels.are_files(rows):
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
            raise InvalidRequest(f"models: expected different names, at least one, got {names}")
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
        raise InvalidRequest(f"missing required field model; this call takes {PredictRequest.__doc__}")
    if request.model is not None:
        raise InvalidRequest(f"expected model or task, got both; this call takes {PredictRequest.__doc__}")
    return request.task


def _observed(observer: Observer, model: Model, inputs: Inputs, finish: Callable[[Outputs], Any]) -> Any:
    """The same end with an id in the answer."""

    def finish_and_observe(outputs: Outputs) -> Any:
        answer = finish(outputs)
        answer["id"] = observer.observe(model, inputs, outputs[0])
        return answer

    return finish_and_observe


def _has_layers(model: Model) -> bool:
    return model.size_px is not None and ("filters" in model.extras or bool(model.layer_names))


def _draw(model: Model, image: images.Pixels, request: ExplainRequest) -> tuple[images.Pixels, explanation.Heat | None]:
    """The maps of the layer that is asked for, or else a heat map, and what it is of."""
    if request.layer is not None:
        return explanation.draw_maps(model, image, request.layer), None
    heat = explanation.find_heat(model, image, request.class_name)
    return explanation.draw_heat(image, heat), heat


def _most_probable(model: Model, probabilities: NDArray[np.float32], top: int) -> list[list[answers.ClassProbability]]:
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
