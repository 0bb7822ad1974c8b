"""The table of calls has one line each, from which routes, OpenAPI, in-process answers and BentoML's methods follow.

Each call is the method of its name of `service.calls.data_plane.DataPlane`.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from service.contract import answers, requests

NEVER_INLINE = -1
"""A call whose cost does not show in its body has this `max_inline_bytes`, and always takes a thread."""

MAX_MATRIX_BYTES = 320_000
"""Numbers of so many bytes are read in half a millisecond."""


class Call(NamedTuple):
    """A call is `POST /<name>`, which takes a `request` and gives an `answer`."""

    name: str
    request: type
    answer: Any
    summary: str
    max_inline_bytes: int
    """A longer body is decoded and answered in a thread."""
    image_of: Literal["model", "task"] | None = None
    """A request of image files names this field; None means that the call takes no image files."""
    query: tuple[str, ...] = ()
    """These fields, all of them counts, may stand in the query of a JSON request too."""
    slow_field: str | None = None
    """A request with this field takes a thread, however short it is."""
    max_matrix_bytes: int = 0
    """A body of at most this size whose rows are of numbers alone takes no thread where no journal keeps them."""
    picture: str | None = None
    """The data plane's method of this name draws the answer as a PNG; where it returns None, JSON is sent."""
    tag: str = "Predict and compare"

    @property
    def route(self) -> str:
        """Returns the path over HTTP."""
        return f"/{self.name}"


CALLS = (
    Call(
        "predict",
        requests.PredictRequest,
        answers.Prediction,
        "Class labels, numbers or cluster numbers, one for each row",
        max_inline_bytes=64_000,
        image_of="model",
        max_matrix_bytes=MAX_MATRIX_BYTES,
    ),
    Call(
        "predict_proba",
        requests.PredictProbaRequest,
        answers.Probabilities,
        "Probabilities of each row",
        max_inline_bytes=16_000,
        image_of="model",
        query=("top",),
    ),
    Call(
        "compare",
        requests.CompareRequest,
        answers.Comparison,
        "The task's classifiers on the same rows",
        max_inline_bytes=4_000,
        image_of="task",
        # With labels it resamples, for 3 ms and more.
        slow_field="labels",
    ),
    Call(
        "transform",
        requests.TransformRequest,
        answers.Transformation,
        "Codes of each row, and the row made from them",
        max_inline_bytes=16_000,
        image_of="model",
    ),
    Call(
        "explain",
        requests.ExplainRequest,
        answers.Explanation,
        "Contributions of features, neighbours, what would flip the class, or where in an image it looks",
        # One row may take thousands of answers of the model.
        max_inline_bytes=NEVER_INLINE,
        image_of="model",
        picture="draw_explanation",
    ),
    Call(
        "generate",
        requests.GenerateRequest,
        answers.Generation,
        "New images: one PNG of all, or JSON for who accepts only that",
        max_inline_bytes=NEVER_INLINE,
        picture="draw_generated",
    ),
    Call(
        "feedback",
        requests.FeedbackRequest,
        answers.Feedback,
        "The true class of a row that was predicted; accepted when it is stored",
        max_inline_bytes=64_000,
        tag="Live",
    ),
    Call(
        "invocations",
        requests.InvocationsRequest,
        answers.Predictions,
        "One model's predictions of instances, as SageMaker, Vertex AI and clients of TensorFlow Serving ask for them",
        max_inline_bytes=16_000,
        tag="Platforms",
    ),
)
