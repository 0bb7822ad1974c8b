"""Loading makes a registry of the generation that all workers serve, and the next one beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service.models.folder_loader import OnLoad
from service.models.graph import Graph
from service.models.registry import Registry
from service.models.session import Placement
from service.repository.generation import Manifest, Store
from service.settings import Settings


@dataclass(frozen=True, kw_only=True)
class LoadedGeneration:
    """A generation that was loaded has its registry; `unserved` are files of it that this process refuses, and why."""

    registry: Registry
    manifest: Manifest = field(default_factory=lambda: Manifest(number=0))
    unserved: Mapping[str, str] = field(default_factory=dict)


class GenerationLoader:
    """A generation loader knows how models are loaded here; `on_load` is told of each file before it is read."""

    def __init__(
        self,
        settings: Settings,
        store: Path | None = None,
        on_load: OnLoad | None = None,
    ) -> None:
        self._settings = settings
        self._placement = Placement(settings.device, settings.threads)
        self._store = None if store is None else Store(store)
        self._on_load = on_load

    @property
    def has_store(self) -> bool:
        """Returns whether there are copies of the models, without which none can be loaded anew."""
        return self._store is not None

    def load_folder(
        self, known_bad: Mapping[str, str] | None = None
    ) -> LoadedGeneration:
        """Loads the model folder itself, as where there are no copies of it."""
        settings = self._settings
        registry = Registry.load(
            settings.models,
            placement=self._placement,
            max_model_bytes=settings.max_model_bytes,
            aliases=settings.model_name,
            known_bad=known_bad,
            on_load=self._on_load,
        )
        registry.measure()

        return LoadedGeneration(registry=registry, unserved=registry.refused)

    def load(
        self,
        number: int,
        before: LoadedGeneration | None = None,
        known_bad: Mapping[str, str] | None = None,
        at_once: int = 1,
    ) -> LoadedGeneration:
        """Loads a generation, several files at once; what the one before has too is taken as it is. Raises OSError."""
        assert self._store is not None
        generation = self._store.open(number)
        manifest = generation.manifest
        # Of a file that was refused late an older version may be served.
        refused = {
            file: reason
            for file, reason in manifest.refused.items()
            if manifest.find(file) is None
        }
        registry = Registry.load(
            generation,
            placement=self._placement,
            aliases=self._settings.model_name,
            known_bad={**refused, **(known_bad or {})},
            loaded={} if before is None else _find_same(manifest, before),
            on_load=self._on_load,
            at_once=at_once,
        )
        registry.measure()
        unserved = {
            file: reason
            for file, reason in registry.refused.items()
            if file not in refused
        }
        registry.refused = dict(
            sorted({**registry.refused, **manifest.refused}.items())
        )
        registry.late = manifest.late
        registry.unloaded = manifest.unloaded

        return LoadedGeneration(registry=registry, manifest=manifest, unserved=unserved)


def _find_same(manifest: Manifest, before: LoadedGeneration) -> dict[str, Graph]:
    """Returns the graphs of files whose content is the same in both generations."""
    digests = {each.file: each.digest for each in before.manifest.entries}
    return {
        each.file: before.registry.files[each.file]
        for each in manifest.entries
        if digests.get(each.file) == each.digest and each.file in before.registry.files
    }
