"""The registry holds a folder of exported files as graphs and models by name."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from model_card import Card, FeatureInput
from service.errors import InvalidRequest, ModelRefused, NotFound
from service.models.aliases import add_aliases
from service.models.content import read_content
from service.models.folder import MAX_MODEL_BYTES, ModelFolder
from service.models.graph import Graph
from service.models.model import Model, load_graph

logger = logging.getLogger(__name__)

LATEST = "-1"
"""Triton's clients may name the latest version so."""


@dataclass(frozen=True, kw_only=True)
class Registry:
    """The registry has models by name, in order, and for each file that is not served the reason why.

    `versions` has every graph by name, also those without a card, and under each name its versions, the latest last.
    """

    models: dict[str, Model] = field(default_factory=dict)
    versions: dict[str, dict[str, Graph]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    """Each further name stands here with the model's own; the empty one with that of the model that needs no name."""
    alias_problems: dict[str, str] = field(default_factory=dict)
    """A name that could not be given stands here with the reason."""

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        device: str = "cpu",
        threads: int = 1,
        max_model_bytes: int = MAX_MODEL_BYTES,
        aliases: Mapping[str, str] | None = None,
        known_bad: Mapping[str, str] | None = None,
        on_load: Callable[[str], None] | None = None,
    ) -> Registry:
        """Loads every `NAME.onnx` and `NAME/VERSION/model.onnx`; a bad file never keeps a good one out.

        How long runs take is unknown until `measure`. The files of `known_bad`, such as those whose load ended another
        process, are refused for the reason that stands there. `on_load` is told of each file before it is read. With
        an alias for the only file, that file may have any name: its model has the card's.
        """
        registry = cls()
        model_folder = ModelFolder(folder, max_bytes=max_model_bytes)
        files = model_folder.find()
        takes_any_name = len(files) == 1 and "" in (aliases or {}).values()
        for each in files:
            path, name, version, file, _ = each
            if known_bad is not None and file in known_bad:
                registry.refused[file] = known_bad[file]
                continue
            if on_load is not None:
                on_load(file)
            try:
                registry._check_name(name, version)
                graph = load_graph(
                    path,
                    content=read_content(model_folder, each),
                    name=name,
                    version=version,
                    device=device,
                    threads=threads,
                    takes_any_name=takes_any_name,
                )
                registry._add(graph)
            except OSError as error:
                registry.refused[file] = f"it cannot be read: {error.strerror}"
            except ModelRefused as error:
                registry.refused[file] = str(error)
            except Exception:
                # One file must never keep the others from being served.
                logger.exception("a defect in loading %s", file)
                registry.refused[file] = (
                    "loading it fails in a way that the service does not know; its log has the details"
                )

        add_aliases(registry, aliases or {})
        for file, reason in registry.refused.items():
            logger.error("refused %s: %s", file, reason)
        for problem in registry.alias_problems.values():
            logger.error("%s", problem)

        names = ", ".join(registry.versions)
        logger.info("serving %d models: %s", len(registry.versions), names)

        return registry

    def _check_name(self, name: str, version: str | None) -> None:
        """Raises ModelRefused for a file name whose bytes are no text, or that a folder has too."""
        if not name.isprintable():
            raise ModelRefused("its name is no text")
        if version is None and name in self.versions:
            raise ModelRefused(f"there is a folder {name} too")

    def measure(self) -> None:
        """Measures how long the runs of each graph take; nothing else may run meanwhile."""
        for graph in self:
            graph.measure()

    def _add(self, graph: Graph) -> None:
        """Adds a graph; the latest of several versions is the model that its task has."""
        name = graph.name
        if graph.model is None:
            logger.warning(
                "%s has no card: only the Open Inference Protocol serves it", name
            )
        else:
            others = [each for each in self.models.values() if each.name != name]
            _check_task(graph.model.card, others)
            self.models[name] = graph.model

        self.versions.setdefault(name, {})[graph.version] = graph

    def find_graph(self, name: str, version: str | None = None) -> Graph:
        """Returns a graph with or without a card, its latest version where none is named; raises NotFound."""
        versions = self.versions.get(name)
        if versions is None:
            known = ", ".join(self.versions) or "none"
            raise NotFound(
                f"Request for unknown model: {name[:200]!r} is not found; known models: {known}"
            )

        if version is None or version == LATEST:
            return next(reversed(versions.values()))

        if version not in versions:
            known = ", ".join(versions)
            raise NotFound(
                f"Request for unknown model: {name!r} has no version {version[:200]!r}; its versions: {known}"
            )

        return versions[version]

    def __iter__(self) -> Iterator[Graph]:
        """Iterates over every graph of every version."""
        return (
            graph for versions in self.versions.values() for graph in versions.values()
        )

    def count(self) -> int:
        """Returns how many models are served, each under its own name."""
        return len(self.versions.keys() - self.aliases.keys())

    def find_graphs(self, name: str, version: str | None = None) -> list[Graph]:
        """Returns the graph of this version, or the graphs of all versions where none is named; raises NotFound."""
        latest = self.find_graph(name, version)
        return [latest] if version else list(self.versions[name].values())

    def model(self, name: str) -> Model:
        """Returns the model of this name or alias; raises NotFound, which lists the known models."""
        try:
            return self.models[self.aliases.get(name, name)]
        except KeyError:
            raise NotFound(
                f"unknown model {name!r}; known models: {', '.join(self.models) or 'none'}"
            ) from None

    @cached_property
    def _classifiers(self) -> dict[str, list[Model]]:
        """Returns the classifiers of each task that has any; nothing is added once the folder is loaded."""
        found: dict[str, list[Model]] = {}
        for model in self.models.values():
            if model.card.kind == "classifier":
                found.setdefault(model.card.task, []).append(model)
        return found

    def task(self, name: str) -> list[Model]:
        """Returns the classifiers of a task, by name.

        It raises NotFound for an unknown task and InvalidRequest for one without classifiers; both list what there is.
        """
        models = self._classifiers.get(name)
        if models:
            return models

        known = ", ".join(sorted(self._classifiers)) or "none"
        if any(model.card.task == name for model in self.models.values()):
            raise InvalidRequest(
                f"the task {name!r} has no classifiers to compare; tasks that have: {known}"
            )

        raise NotFound(f"unknown task {name!r}; known tasks: {known}")

    def why_not_ready(self, *, strict: bool) -> str | None:
        """Returns the reason why this folder is not what the operator wanted served, or None."""
        if not self.versions and not self.refused:
            return "no model to serve: the folder of VEREDICTO_MODELS has no .onnx file"

        if self.refused and (strict or not self.versions):
            reasons = "; ".join(
                f"{name}: {reason}" for name, reason in self.refused.items()
            )
            hint = " (VEREDICTO_STRICT=0 serves the others)" if self.versions else ""
            return f"refused {reasons}{hint}"

        return next(iter(self.alias_problems.values()), None) if strict else None


def _check_task(card: Card, models: list[Model]) -> None:
    """Raises ModelRefused where a card's features or classes are not those of its task, whose models are compared."""
    for other in models:
        if other.card.task == card.task and not _fit_together(card, other.card):
            raise ModelRefused(
                f"its features or classes differ from those of {other.name}, of the same task"
            )


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
