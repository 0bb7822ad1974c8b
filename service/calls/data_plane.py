"""The data plane has every call of the contract as a method: request in, answer out, no HTTP."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from model_card import Card
from service.calls import catalogue, invocations, to_label
from service.calls.comparison import ClassifierOutput, NotFinite, compare
from service.calls.comparison_request import index_labels, select_classifiers
from service.calls.comparison_run import ComparisonRun
from service.calls.examples import Examples
from service.calls.explaining.rows import RowExplainer
from service.calls.held_out_verdict import Verdicts
from service.calls.judgement import Judgements, JudgeRequest, list_learnt
from service.calls.pictures import Pictures
from service.calls.policy import NoOutcomes, Router
from service.calls.predictor import Predictor
from service.calls.repository import Repository
from service.contract import answers, codec, live_answers
from service.contract.calls import CALLS
from service.contract.limits import Limits
from service.contract.requests import (
    CompareRequest,
    ExplainRequest,
    FeedbackRequest,
    GenerateRequest,
    InvocationsRequest,
    Row,
)
from service.errors import InvalidRequest, NotReady, VeredictoError
from service.execution.lifecycle import Lifecycle
from service.execution.run import Outputs, Pending, Reply, Run, wait_for
from service.live import challenger_tests, comparison
from service.live.journal.reading.window import Example
from service.live.monitor import Monitor
from service.models.content import read_unchanged
from service.models.model import Model
from service.models.registry import Registry
from service.settings import Settings


class DataPlane:
    """The HTTP routes and the methods of the BentoML service share this implementation.

    The calls that one model answers are methods of its predictor: `predict`, `predict_proba` and `transform`.
    """

    def __init__(
        self, registry: Registry, settings: Settings, monitor: Monitor | None = None
    ) -> None:
        self.registry = registry
        self.monitor = monitor
        self.lifecycle = Lifecycle()
        self.repository = Repository(is_on=settings.reload_s is not None)
        self._settings = settings
        self._examples = Examples(settings.models)
        self._limits = Limits(settings)
        router = self._make_router()
        self._predictor = Predictor(registry, self._limits, monitor, router)
        self.predict = self._predictor.predict
        self.predict_proba = self._predictor.predict_proba
        self.transform = self._predictor.transform
        if monitor is not None:
            monitor.follow_champions = self._follow_champions
            monitor.read_held_out_by(self._read_held_out)
        self._strict = settings.strict
        self._verdicts = Verdicts()
        self._judgements = Judgements(self._limits)
        rows = RowExplainer(self._limits, self._read_file, self._list_held_out)
        self.pictures = Pictures(registry, self._limits, self._predictor.encode, rows)

    def follow(self) -> None:
        """Follows the registry, which has other models now."""
        if self.monitor is not None:
            self.monitor.follow()
        self._predictor.router = self._make_router()

    def _follow_champions(self) -> None:
        """Answers for tasks by the champions that there are now; another thread than that of requests calls it."""
        self._predictor.router = self._make_router()

    def _read_held_out(self, task: str) -> NDArray[np.float32] | None:
        """Returns the held-out rows of a task as its graphs take them; None where none lie beside its models."""
        try:
            return self._examples.encode(self.registry.task(task))
        except VeredictoError:
            return None

    def _make_router(self) -> Router:
        monitor = self.monitor
        return Router(
            self.registry,
            self._settings,
            monitor or NoOutcomes(),
            champions=None if monitor is None else monitor.champions,
        )

    def answer(self, name: str, **fields: Any) -> dict[str, Any]:
        """Returns the answer of a call, from Python values to Python values."""
        call = next(each for each in CALLS if each.name == name)
        request = codec.RequestDecoder(call.request).convert(fields)
        reply = wait_for(getattr(self, name)(request))
        answer: dict[str, Any] = codec.as_json(reply.content)
        return answer

    def invocations(self, request: InvocationsRequest) -> Run:
        """Predicts instances by the one model that is meant, whatever its kind; the answer has predictions alone."""
        name = invocations.find_name(self.registry, request)
        model = invocations.find_model(self.registry, name)
        call = invocations.find_call(model, request)
        plain = invocations.make_request(call, model.name, request.inputs)
        try:
            run: Run = getattr(self, call)(plain)
        except VeredictoError as error:
            invocations.reword(error)
            raise

        finish = run.finish

        def finish_as_predictions(outputs: Outputs) -> answers.Predictions:
            answer = finish(outputs)
            predictions: dict[str, Any] = {
                "predictions": answer[invocations.FIELDS[call]]
            }
            if "id" in answer:
                predictions["id"] = answer["id"]
            return cast(answers.Predictions, predictions)

        run.finish = finish_as_predictions

        return run

    def feedback(self, request: FeedbackRequest) -> Pending:
        """Takes the true class of a row that was predicted; the reply is true once it is stored."""
        if self.monitor is None:
            raise InvalidRequest(
                "feedback is off: predictions are not kept (VEREDICTO_JOURNAL names no file)"
            )

        answer: answers.Feedback = {"id": request.id, "accepted": True}
        return Pending(
            self.monitor.record_feedback(request.id, request.label, request.group),
            Reply(answer),
        )

    def compare_live(
        self, task: str, by: str = "accuracy", curves: str = ""
    ) -> live_answers.LiveComparison:
        """Returns how the task's classifiers did on recent requests; without a journal the figures are empty."""
        has_curves = codec.read_switch("curves", curves)
        if self.monitor is not None:
            return self.monitor.compare(task, by, has_curves=has_curves)

        models = self.registry.task(task)
        challenger_tests.check_metric(by, task, None)
        return comparison.describe(models, None, comparison.EMPTY_WINDOW, by=by)

    def judge(
        self, task: str, by: str = "accuracy", curves: str = ""
    ) -> answers.Verdict:
        """Returns which of the task's classifiers to trust, from what their files keep of held-out rows."""
        return self._verdicts.judge(self.registry.task(task), by=by, curves=curves)

    def judge_rows(self, request: JudgeRequest) -> dict[str, Any]:
        """Returns the evidence of a report on labelled rows that somebody sends; nothing is kept."""
        return self._judgements.judge(self.registry, request)

    def list_learnt(self, name: str) -> answers.LearntRows:
        """Returns hashes of the rows that a model was learnt from; raises NotFound and InvalidRequest."""
        return list_learnt(self.registry.model(name))

    def list_to_label(
        self, task: str, n: str = "20", wanted: str = "0.02"
    ) -> live_answers.ToLabel:
        """Returns the journalled rows whose truth would say most; without a journal there are none."""
        models = self.registry.task(task)
        n_rows, difference = to_label.read_options(n, wanted)
        window = comparison.EMPTY_WINDOW
        examples: list[Example] = []
        champion = None
        if self.monitor is not None:
            window, examples = self.monitor.read_unlabelled(task, to_label.MAX_ROWS)
            champion = self.monitor.find_champion(task)

        return to_label.describe(
            models, champion, window, examples, n_rows=n_rows, wanted=difference
        )

    def list_examples(self, task: str, n: str = "", hard: str = "") -> answers.Examples:
        """Returns held-out rows of a task with their truth; with `hard` those on which its classifiers disagree."""
        return self._examples.select(self.registry.task(task), n=n, hard=hard)

    def _list_held_out(self, model: Model) -> list[Row]:
        """Returns the held-out rows of a model's task, none where its folder has no table that is believed."""
        try:
            return self._examples.list_rows(self.registry.task(model.card.task))
        except VeredictoError:
            return []

    def _read_file(self, model: Model) -> bytes | None:
        """Returns the content of the file that a model is of; None where it is another one by now, or gone."""
        files = self.registry.files.items()
        session = model.graph.session
        shown = [file for file, graph in files if graph.session is session]
        return read_unchanged(self._settings.models, shown, session.version)

    def compare(self, request: CompareRequest) -> ComparisonRun:
        """Returns what is left of a comparison: to run the task's classifiers on the same rows, side by side."""
        models = select_classifiers(self.registry, request)
        inputs = self._predictor.encode(models, request.inputs)
        classes = models[0].classes
        truth = None
        if request.labels is not None:
            truth = index_labels(request.labels, models[0], n_rows=len(inputs))

        def finish(outputs: list[ClassifierOutput]) -> answers.Comparison:
            try:
                return compare(request.task, classes, outputs, truth)
            except NotFinite:
                for model, output in zip(models, outputs, strict=True):
                    model.check_finite(output.probabilities)
                raise

        return ComparisonRun(models, inputs, len(inputs), finish)

    def explain(self, request: ExplainRequest) -> Reply:
        """Explains each row by contributions of features or by neighbours, and each image by a map of it."""
        return Reply(self.pictures.explain(request))

    def draw_explanation(self, request: ExplainRequest) -> bytes | None:
        """Draws the explanation of images as one PNG; None for rows of features, which have no picture."""
        return self.pictures.draw_explanation(request)

    def generate(self, request: GenerateRequest) -> Reply:
        """Generates images, each as a PNG in base64."""
        return Reply(self.pictures.generate(request))

    def draw_generated(self, request: GenerateRequest) -> bytes:
        """Generates images and draws them side by side, as one PNG."""
        return self.pictures.draw_generated(request)

    def list_models(self) -> answers.ModelList:
        """Returns summaries by name, and what was refused, if anything was."""
        return catalogue.list_models(self.registry)

    def describe_model(self, name: str) -> dict[str, Any]:
        """Returns a model's whole card, with version and runtime."""
        return self.registry.model(name).describe()

    def cards(self) -> list[Card]:
        """Returns the cards of the served models, by name."""
        return [model.card for model in self.registry.models.values()]

    def check_ready(self) -> None:
        """Raises NotReady, which says what keeps the service from being as the operator wants it."""
        reason = self.lifecycle.why_not_ready()
        if reason is None:
            reason = self.registry.why_not_ready(strict=self._strict)
        if reason is None and self._strict:
            reason = next(iter(self._predictor.router.problems.values()), None)

        if reason is not None:
            raise NotReady(f"not ready: {reason}")

    def is_ready(self) -> bool:
        """Returns whether `check_ready` raises nothing."""
        try:
            self.check_ready()
        except NotReady:
            return False
        return True
