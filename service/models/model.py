"""A model is a graph together with the card that it was checked against."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import OUTPUTS, Card, CardError, FeatureInput, ImageInput, NoiseInput
from row_records import HeldOut, read_held_out
from service.contract.arrays import Rows
from service.contract.requests import Row
from service.errors import InvalidRequest, ModelRefused, TooLarge
from service.models.cancellation import current
from service.models.cards import CardReader
from service.models.content import ModelContent, read_one
from service.models.graph import Graph
from service.models.partial_runs import ROWS_AT_A_TIME, run_images, run_rows
from service.models.rows import RowEncoder
from service.models.runtime.run_errors import one_line
from service.models.self_check import check_card, run_self_check
from service.models.session import ON_ONE_THREAD, Placement, Session
from tables.plain_columns import TextTable

logger = logging.getLogger(__name__)

Inputs = NDArray[np.float32] | list[NDArray[np.uint8]]
"""A graph takes rows of features or noise `(n_rows, n)`, or a list of images `(height, width, 3)` of any size."""

MAX_IMAGES = 16
"""One request for the layers of a network may have this many images."""
MANY_ROWS = 1000
"""A model that had so many rows is worth a second session; a start with 2,000 models opens none."""

_CALLS = {
    "classifier": ("predict", "predict_proba", "compare"),
    "regressor": ("predict",),
    "clusterer": ("predict",),
    "transformer": ("transform",),
    "generator": ("generate",),
}
INFINITY = float("inf")


@dataclass(frozen=True, kw_only=True)
class RuntimeInfo:
    """The runtime information states what the session really runs on, and how long its loading took."""

    providers: list[str]
    threads: int
    load_ms: float
    warm_up_ms: float


class Model:
    """A model of any kind encodes rows, runs its graph, and checks what comes out."""

    def __init__(self, card: Card, graph: Graph) -> None:
        session = graph.session
        self.card = card
        self.graph = graph
        self.name = card.name
        self.version = session.version
        self.classes = card.classes or ()
        self._session = session
        self._tensor = card.input.tensor
        self.output_names = list(OUTPUTS[card.kind])
        self.extras = frozenset(session.outputs.keys() - set(self.output_names))
        self.layer_shapes = {
            name: tensor.shape[1:]
            for name, tensor in session.outputs.items()
            if name.startswith("layer/")
        }
        self.size_px: int | None = None
        """This is the larger side of what its graph resizes images to; None where it takes no images."""
        self.runtime: RuntimeInfo | None = None
        self.check_s = 0.0
        """The thread that ran the self-check, all of its rows together, computed for so many seconds."""
        self._encoder: RowEncoder | None = None
        self._subgraph_content: ModelContent | None = None
        """The content is kept until the session of a subgraph is opened from it, where one is worth that."""
        self._n_rows = 0
        if isinstance(card.input, FeatureInput):
            self._encoder = RowEncoder(card.input)
        elif isinstance(card.input, ImageInput):
            self.size_px = max(card.input.height, card.input.width)

    @cached_property
    def held_out(self) -> HeldOut | None:
        """Returns what the file keeps of held-out rows, None where that is nothing; it raises CardError."""
        record = read_held_out(self.graph.session.metadata)
        fits = record is not None and record.probabilities.shape[1] == len(self.classes)
        return record if fits else None

    @classmethod
    def load(cls, path: Path, placement: Placement = ON_ONE_THREAD) -> Model | None:
        """Returns the model in a file, checked and warmed up, or None where the file has no card.

        It raises ModelRefused with the reason where the file cannot be served.
        """
        return load_graph(path, name=path.stem, placement=placement).model

    @classmethod
    def from_card(cls, card: Card, graph: Graph) -> Model:
        """Returns the model of a card and a graph; raises ModelRefused where they differ, or the self-check fails."""
        started = perf_counter()
        session = graph.session
        check_card(card, session, stem=graph.name)
        model = cls(card, graph)
        loaded = perf_counter()
        model._check_itself()
        model.runtime = RuntimeInfo(
            providers=session.providers,
            threads=session.placement.threads,
            load_ms=round(session.load_ms + (loaded - started) * 1000, 3),
            warm_up_ms=round((perf_counter() - loaded) * 1000, 3),
        )

        return model

    def check_answers(self, call: str) -> None:
        """Raises InvalidRequest, which names the calls of this kind, where `call` is none of them."""
        calls = _CALLS[self.card.kind]
        if call not in calls:
            known = ", ".join(f"/{each}" for each in calls)
            raise InvalidRequest(
                f"{self.name} is a {self.card.kind}: it has no answer to /{call}, only to {known}"
            )

    def encode(self, rows: Rows | TextTable) -> NDArray[np.float32]:
        """Returns the rows of a request as the graph's input, `(n_rows, n_features)`."""
        assert self._encoder is not None
        return self._encoder.encode(rows)

    def decode(self, row: NDArray[np.float32]) -> Row:
        """Returns a row of the graph's input, `(n_features,)`, as a client would send it."""
        assert self._encoder is not None
        return self._encoder.decode(row)

    def join_dates(self, row: Any) -> Any:
        """Returns a row that was kept, with each date in the place of its parts; an image, or nothing, as it is."""
        if self._encoder is None or not isinstance(row, list):
            return row
        return self._encoder.join_dates(row)

    def check_features(self, features: NDArray[np.float32]) -> None:
        """Raises InvalidRequest for features that are not finite or name no category."""
        if self._encoder is not None:
            self._encoder.check(features)

    def draw_noise(self, count: int, seed: int | None) -> NDArray[np.float32]:
        """Returns a generator's input `(count, size)`, the same for the same seed and new each time without one."""
        assert isinstance(self.card.input, NoiseInput)
        shape = (count, self.card.input.size)
        return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)

    def run(self, inputs: Inputs) -> tuple[NDArray[Any], ...]:
        """Returns the outputs of its kind, in the order of `OUTPUTS`: of a classifier label and probabilities.

        `label` is `(n_rows,)`, indices into `classes`, and `probabilities` is `(n_rows, n_classes)`. It raises
        InvalidRequest where the graph overflows on a row, which only values far from all training do.
        """
        return tuple(self.run_outputs(self.output_names, inputs))

    @property
    def layer_names(self) -> list[str]:
        """Returns the outputs that show what a layer gives, from the first layer to the last."""
        return list(self.layer_shapes)

    def run_outputs(self, names: list[str], inputs: Inputs) -> list[NDArray[Any]]:
        """Returns outputs of the graph by name, also those beyond its kind; raises InvalidRequest as `run` does."""
        outputs = self.run_unchecked(names, inputs)
        for output in outputs:
            # If the sum of squares is finite, so is each of them; if it is not, it is worth a look.
            if output.dtype.char == "f" and not np.vdot(output, output) < INFINITY:
                self.check_finite(output)

        return outputs

    def run_unchecked(self, names: list[str], inputs: Inputs) -> list[NDArray[Any]]:
        """Returns the same outputs without a look at their values: the caller checks them with `check_finite`."""
        if isinstance(inputs, list):
            return self._run_images(names, inputs)
        if self._subgraph_content is not None:
            self._count_rows(len(inputs))
        if len(inputs) > ROWS_AT_A_TIME:
            return run_rows(self._run_once, self.graph, names, inputs)

        return self._run_once(names, inputs)

    def keep_content(self, content: ModelContent) -> None:
        """Keeps the content of the file where a second session, without what only explains, may be worth its memory."""
        if self._session.can_add_subgraph(content, self.output_names):
            self._subgraph_content = content

    def _count_rows(self, n_rows: int) -> None:
        """Has the subgraph opened once there were MANY_ROWS, beside the requests, which go on meanwhile."""
        self._n_rows += n_rows
        if self._n_rows >= MANY_ROWS:
            content, self._subgraph_content = self._subgraph_content, None
            opening = Thread(
                target=self._add_subgraph, args=(content,), name="subgraph"
            )
            try:
                opening.start()
            except RuntimeError as error:
                # No more threads are allowed here, and the request needs none.
                self._say_no_subgraph(error)

    def _add_subgraph(self, content: ModelContent | None) -> None:
        try:
            if content is not None:
                self._session.add_subgraph(content, self.output_names)
        except Exception as error:
            # It goes on as it did.
            self._say_no_subgraph(error)

    def _say_no_subgraph(self, error: Exception) -> None:
        reason = one_line(error)
        logger.warning("%s goes on computing its explanations: %s", self.name, reason)

    def _run_images(
        self, names: list[str], images: list[NDArray[np.uint8]]
    ) -> list[NDArray[Any]]:
        """Returns the outputs of a request's images; raises TooLarge for too many with outputs beyond its kind."""
        if len(images) > MAX_IMAGES and not self.extras.isdisjoint(names):
            extras = ", ".join(name for name in names if name in self.extras)
            raise TooLarge(
                f"{len(images)} images are over the {MAX_IMAGES} of a request for {extras}"
            )

        assert self.size_px is not None
        return run_images(
            self._run_once, self.graph, names, images, size_px=self.size_px
        )

    def _run_once(self, names: list[str], inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Runs the graph so that the run ends where the work of this thread is no longer wanted."""
        session = self._session
        feed = {self._tensor: inputs}
        token = current.token
        if token is None:
            return session.run(names, feed, session.options)

        return token.run(session.run, names, feed)

    def check_finite(self, output: NDArray[Any]) -> None:
        """Raises InvalidRequest, which names the row, for an output `(n_rows, ...)` with a value that is not finite."""
        if not np.isfinite(output).all():
            row = int(np.argwhere(~np.isfinite(output))[0][0])
            raise InvalidRequest(
                f"inputs[{row}]: {self.name} has no finite answer to these values; they are far outside of the "
                "ranges seen in training, which its card states"
            )

    def describe(self) -> dict[str, Any]:
        """Returns the whole card, with version and runtime."""
        assert self.runtime is not None
        return self.card.to_document() | {
            "version": self.version,
            "runtime": asdict(self.runtime),
        }

    def self_check_inputs(self) -> NDArray[Any]:
        """Returns the rows that the card stores for its self-check."""
        kind = np.uint8 if isinstance(self.card.input, ImageInput) else np.float32
        return np.array(self.card.self_check.input, dtype=kind)

    def _check_itself(self) -> None:
        """Runs the card's stored rows; raises ModelRefused where the outputs are not the stored ones."""
        self.check_s = run_self_check(
            self.card, self._session, self.self_check_inputs()
        )


def load_graph(
    path: Path,
    *,
    name: str,
    content: ModelContent | None = None,
    version: str | None = None,
    placement: Placement = ON_ONE_THREAD,
    takes_any_name: bool = False,
    cards: CardReader | None = None,
) -> Graph:
    """Returns the graph in a file with the model that its card makes of it, checked but not yet measured.

    `content` is the file's where it was read already. Its version is the content's where none is given. With
    `takes_any_name` the card says the name. Whoever loads several files has one reader of `cards`. It raises
    ModelRefused.
    """
    if content is None:
        content = read_one(path)

    session = Session(content, placement)

    try:
        card = (cards or CardReader()).read(session.metadata)
    except CardError as error:
        raise ModelRefused(f"its card breaks the contract: {error}") from error

    if takes_any_name and card is not None:
        name = card.name
    graph = Graph(name, version or session.version, session)

    if card is None:
        graph.try_out()
    else:
        model = Model.from_card(card, graph)
        model.keep_content(content)
        graph.attach(model)

    return graph
