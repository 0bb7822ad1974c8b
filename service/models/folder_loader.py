"""The files of a folder become graphs and models: first those that are loaded already, then what is new."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import NamedTuple

from model_card import Card, FeatureInput
from service.errors import ModelRefused
from service.models.cardless import write_command
from service.models.cards import CardReader
from service.models.content import read_content
from service.models.folder import ModelFile, ModelFolder
from service.models.graph import Graph
from service.models.model import Model, load_graph
from service.models.session import Placement

DIFFERS = "its features or classes differ from those of"
"""A file that is refused so may be served once another one has changed."""

logger = logging.getLogger(__name__)

OnLoad = Callable[..., None]
"""This is called with a file, and with the others that are being loaded at the moment."""
_FLAT = -1
"""A file that lies in no folder of versions has this number."""


class LoadedFolder(NamedTuple):
    """A folder has models by name, graphs by name and version, graphs by file, and the reason for each refused file."""

    models: dict[str, Model]
    versions: dict[str, dict[str, Graph]]
    files: dict[str, Graph]
    refused: dict[str, str]


class FolderLoader:
    """A loader opens the files of a folder and keeps what comes of them, also why one is refused."""

    def __init__(
        self,
        folder: ModelFolder,
        *,
        placement: Placement,
        refused: dict[str, str],
        on_load: OnLoad | None,
        takes_any_name: bool,
        at_once: int,
    ) -> None:
        self._takes_any_name = takes_any_name
        self._at_once = at_once
        self._opening: list[str] = []
        """These files are being loaded; each thread adds and removes its own."""
        self._lock = Lock()
        self._folder = folder
        self._placement = placement
        self._refused = refused
        self._on_load = on_load
        self._cards = CardReader()
        self._models: dict[str, Model] = {}
        self._tasks: dict[str, dict[str, Model]] = {}
        """The same models by task and name, so that one of 2,000 is compared with its own task's alone."""
        self._files: dict[str, Graph] = {}
        self._latest: dict[str, int] = {}
        """The highest version of each name that is here."""

    def load(self, loaded: Mapping[str, Graph]) -> LoadedFolder:
        """Returns what is served; what is loaded already is never refused for the sake of what is new."""
        files = self._folder.find()
        self._takes_any_name = self._takes_any_name and len(files) == 1
        known_bad = set(self._refused)
        for file in files:
            if file.shown in loaded:
                self._add(file, loaded[file.shown])
        known = {*loaded, *known_bad}
        new = [each for each in files if each.shown not in known]
        for file, opened in self._open_in_order(new):
            self._take(file, opened)

        versions: dict[str, dict[str, Graph]] = {}
        for file in files:
            graph = self._files.get(file.shown)
            if graph is not None:
                versions.setdefault(graph.name, {})[graph.version] = graph

        # Those of Triton's layout come first in a folder.
        names = sorted(versions)

        return LoadedFolder(
            models={name: self._models[name] for name in names if name in self._models},
            versions={name: versions[name] for name in names},
            files=self._files,
            refused=self._refused,
        )

    def _open_in_order(
        self, files: list[ModelFile]
    ) -> Iterator[tuple[ModelFile, Graph | str]]:
        """Yields each file with its graph or the reason why it has none, in this order, though several load at once.

        The largest begin first, so that none is left to one thread while the others have nothing to do any more.
        """
        if self._at_once == 1:
            yield from ((file, self._open(file)) for file in files)
            return

        with ThreadPoolExecutor(self._at_once, "load") as threads:
            by_size = sorted(files, key=lambda each: each.n_bytes, reverse=True)
            begun = {each: threads.submit(self._open, each) for each in by_size}
            for file in files:
                yield file, begun.pop(file).result()

    def _open(self, file: ModelFile) -> Graph | str:
        """Returns the graph of a file, or the reason why it is refused; any thread may call it."""
        shown = file.shown
        # Who is told last is told of all that are on their way.
        with self._lock:
            if self._on_load is not None:
                self._on_load(shown, *self._opening)
            self._opening.append(shown)

        try:
            self._check_name(file)
            return self._load(file)
        except Exception as error:
            return _explain(error, shown)
        finally:
            self._opening.remove(shown)

    def _take(self, file: ModelFile, opened: Graph | str) -> None:
        """Adds the graph of a file, unless it does not go with those of the files before."""
        if isinstance(opened, str):
            self._refused[file.shown] = opened
            return

        try:
            # Those before it are known only now, where several were loaded at once.
            self._check_name(file)
            self._add(file, opened)
        except Exception as error:
            self._refused[file.shown] = _explain(error, file.shown)
            return

        if opened.model is None:
            logger.warning(
                "%s has no card: only the Open Inference Protocol serves it; this gives it one: %s",
                opened.name,
                write_command(opened.name, file.shown),
            )

    def _load(self, file: ModelFile) -> Graph:
        graph = load_graph(
            file.path,
            content=read_content(self._folder, file),
            name=file.name,
            version=file.version,
            placement=self._placement,
            takes_any_name=self._takes_any_name,
            cards=self._cards,
        )
        # Otherwise what else runs would be measured too.
        if graph.session.computes_in_caller:
            graph.measure()

        return graph

    def _check_name(self, file: ModelFile) -> None:
        """Raises ModelRefused for a file name whose bytes are no text, or that is a file's and a folder's."""
        if not file.name.isprintable():
            raise ModelRefused("its name is no text")

        latest = self._latest.get(file.name)
        if latest is not None and file.version is None:
            raise ModelRefused(f"there is a folder {file.name} too")
        if latest == _FLAT:
            raise ModelRefused(f"there is a file {file.name}.onnx too")

    def _add(self, file: ModelFile, graph: Graph) -> None:
        """Adds a graph; the latest of several versions is the model that its task has."""
        number = _FLAT if file.version is None else int(file.version)
        if graph.model is not None:
            of_task = self._tasks.setdefault(graph.model.card.task, {})
            others = [each for each in of_task.values() if each.name != graph.name]
            _check_task(graph.model.card, others)
            if number >= self._latest.get(graph.name, number):
                before = self._models.get(graph.name, graph.model)
                self._tasks[before.card.task].pop(graph.name, None)
                self._models[graph.name] = of_task[graph.name] = graph.model

        self._latest[graph.name] = max(number, self._latest.get(graph.name, number))
        self._files[file.shown] = graph


def _explain(error: Exception, file: str) -> str:
    """Returns why a file is refused; one must never keep the others from being served, whatever is wrong with it."""
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror}"
    if isinstance(error, ModelRefused):
        return str(error)

    logger.error("a defect in loading %s", file, exc_info=error)

    return "loading it fails in a way that the service does not know; its log has the details"


def _check_task(card: Card, others: list[Model]) -> None:
    """Raises ModelRefused where a card's features or classes are not those of its task, whose models are compared."""
    for other in others:
        if not _fit_together(card, other.card):
            raise ModelRefused(f"{DIFFERS} {other.name}, of the same task")


def _fit_together(card: Card, other: Card) -> bool:
    """Returns whether two cards of one task have the same features and, both of classifiers, the same classes."""
    same_input = type(other.input) is type(card.input)
    if same_input and _columns(other) != _columns(card):
        return False

    if card.kind != "classifier" or other.kind != "classifier":
        return True

    return same_input and other.classes == card.classes


def _columns(card: Card) -> list[object]:
    if not isinstance(card.input, FeatureInput):
        return []
    return [
        (each.name, each.type, each.values, each.imputed is None)
        for each in card.input.features
    ]
