"""The registry holds a folder of exported files as graphs and models by name."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.errors import InvalidRequest, NotFound, hint_at
from service.models.aliases import add_aliases
from service.models.cardless import explain_no_card
from service.models.folder import MAX_MODEL_BYTES, ModelFolder
from service.models.folder_loader import FolderLoader, OnLoad
from service.models.graph import Graph
from service.models.model import Model
from service.models.session import ON_ONE_THREAD, Placement

logger = logging.getLogger(__name__)

LATEST = "-1"
"""Triton's clients may name the latest version so."""


@dataclass(kw_only=True)
class Registry:
    """The registry has models by name, in order, and for each file that is not served the reason why.

    `versions` has every graph by name, also those without a card, and under each name its versions, the latest last.
    `files` has the graph of each file. All are replaced together and never changed, so whoever has taken a graph keeps
    it for as long as a request lasts.
    """

    models: Mapping[str, Model] = field(default_factory=dict)
    versions: dict[str, dict[str, Graph]] = field(default_factory=dict)
    files: Mapping[str, Graph] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    late: Sequence[str] = ()
    """These of the refused came while the service ran, which was ready without them."""
    unloaded: Sequence[str] = ()
    """These names were unloaded by request."""
    aliases: dict[str, str] = field(default_factory=dict)
    """Each further name stands here with the model's own; the empty one with that of the model that needs no name."""
    alias_problems: dict[str, str] = field(default_factory=dict)
    """A name that could not be given stands here with the reason."""

    @classmethod
    def load(
        cls,
        folder: Path | ModelFolder,
        *,
        placement: Placement = ON_ONE_THREAD,
        max_model_bytes: int = MAX_MODEL_BYTES,
        aliases: Mapping[str, str] | None = None,
        known_bad: Mapping[str, str] | None = None,
        loaded: Mapping[str, Graph] | None = None,
        on_load: OnLoad | None = None,
        at_once: int = 1,
    ) -> Registry:
        """Loads every `NAME.onnx` and `NAME/VERSION/model.onnx`; a bad file never keeps a good one out.

        How long runs take is unknown until `measure`. The files of `known_bad`, such as those whose load ended another
        process, are refused for the reason that stands there; those of `loaded` are taken as the graphs that stand
        there. `on_load` is told of each file before it is read, and after it of those that are being loaded too, where
        several are `at_once`. With an alias for the only file, that file may have any name: its model has the card's.
        """
        if isinstance(folder, Path):
            folder = ModelFolder(folder, max_bytes=max_model_bytes)

        loader = FolderLoader(
            folder,
            placement=placement,
            refused=dict(known_bad or {}),
            on_load=on_load,
            takes_any_name="" in (aliases or {}).values(),
            at_once=at_once,
        )
        registry = cls(**loader.load(loaded or {})._asdict())
        registry._add_aliases(aliases or {})
        registry._log_problems(known_bad or {})
        if not loaded:
            registry._log_models()

        return registry

    def _log_models(self) -> None:
        names = ", ".join(self.versions)
        logger.info("serving %d models: %s", len(self.versions), names)

    def _add_aliases(self, wanted: Mapping[str, str]) -> None:
        """Serves models under further names too."""
        self.aliases, self.alias_problems = add_aliases(self.versions, wanted)

    def _log_problems(self, known_bad: Mapping[str, str]) -> None:
        """Logs each file that was refused, but for those that were known as bad before, and each name not given."""
        for file, reason in self.refused.items():
            if file not in known_bad:
                logger.error("refused %s: %s", file, reason)

        for problem in self.alias_problems.values():
            logger.error("%s", problem)

    def replace_by(self, other: Registry) -> list[Graph]:
        """Takes over all that another registry has, and returns the graphs that are served no longer."""
        before = list(self)
        kept = {id(each) for each in other}
        # One step of the interpreter: no thread ever sees half of it.
        self.__dict__.update(other.__dict__)

        return [each for each in before if id(each) not in kept]

    def measure(self) -> None:
        """Measures the runs of each graph that were not measured yet; nothing else should run meanwhile."""
        for graph in self:
            if not graph.is_measured:
                graph.measure()

    def find_graph(self, name: str, version: str | None = None) -> Graph:
        """Returns a graph with or without a card, its latest version where none is named; raises NotFound."""
        versions = self.versions.get(name)
        if versions is None:
            known = ", ".join(self.versions) or "none"
            hint = hint_at(name, self.versions)
            raise NotFound(
                f"Request for unknown model: {name[:200]!r} is not found{hint}; known models: {known}"
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

    def summarise(self) -> dict[str, int]:
        """Returns how many models of how many tasks are served, and how many files were refused."""
        tasks = {each.card.task for each in self.models.values()}
        return {
            "models": self.count(),
            "tasks": len(tasks),
            "refused": len(self.refused),
        }

    def find_graphs(self, name: str, version: str | None = None) -> list[Graph]:
        """Returns the graph of this version, or the graphs of all versions where none is named; raises NotFound."""
        versions = self.versions
        latest = self.find_graph(name, version)
        return [latest] if version else list(versions.get(name, {}).values())

    def model(self, name: str) -> Model:
        """Returns the model of this name or alias; raises NotFound, which lists the known models."""
        try:
            return self.models[self.aliases.get(name, name)]
        except KeyError:
            if name in self.versions:
                raise NotFound(self._explain_no_card(name)) from None
            known = ", ".join(self.models) or "none"
            raise NotFound(
                f"unknown model {name!r}{self._hint_at(name)}; known models: {known}"
            ) from None

    def has_card(self, name: str) -> bool:
        """Returns whether this name or alias is that of a model with a card."""
        return self.aliases.get(name, name) in self.models

    def _hint_at(self, name: str) -> str:
        """Returns what a name that is no model's may have been meant for: a task, or the model that is most like it."""
        if any(each.card.task == name for each in self.models.values()):
            return f" (it is a task, whose models begin with '{name}-')"
        return hint_at(name, [*self.models, *self.aliases])

    def _explain_no_card(self, name: str) -> str:
        graph = self.find_graph(self.aliases.get(name, name))
        files = (file for file, each in self.files.items() if each is graph)
        return explain_no_card(graph, next(files, f"{graph.name}.onnx"))

    def __post_init__(self) -> None:
        self._classifiers: dict[str, list[Model]] = {}
        for model in self.models.values():
            if model.card.kind == "classifier":
                self._classifiers.setdefault(model.card.task, []).append(model)

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

        hint = hint_at(name, self._classifiers)
        raise NotFound(f"unknown task {name!r}{hint}; known tasks: {known}")

    def why_not_ready(self, *, strict: bool) -> str | None:
        """Returns the reason why this folder is not what the operator wanted served, or None."""
        if not self.versions and not self.refused and not self.unloaded:
            return "no model to serve: the folder of VEREDICTO_MODELS has no .onnx file"

        if not self.versions and self.unloaded:
            return f"no model to serve: unloaded {', '.join(self.unloaded)}"

        refused = {
            file: reason
            for file, reason in self.refused.items()
            if file not in self.late or not self.versions
        }
        if refused and (strict or not self.versions):
            reasons = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
            hint = " (VEREDICTO_STRICT=0 serves the others)" if self.versions else ""
            return f"refused {reasons}{hint}"

        return next(iter(self.alias_problems.values()), None) if strict else None
