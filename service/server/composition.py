"""Everything that serves is put together here, from the settings to the application that uvicorn runs.

The worker's program and BentoML's door both start from here; neither of them is known here.
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.execution import process_tuning

# This comes before numpy is imported.
process_tuning.set_environment()

from service.access.check import check_access
from service.errors import SettingsError
from service.processes.link import CHANNEL_VARIABLE, Link, find_link
from service.settings import Settings

if TYPE_CHECKING:
    from service.calls.data_plane import DataPlane
    from service.execution.batching import Batches
    from service.http.application import Application
    from service.http.gate import Gate
    from service.http.lifespan import ASGIApp, Companion
    from service.repository.loading import GenerationLoader, LoadedGeneration
    from service.server.reloads import Reloads

MAX_AT_ONCE = 4
"""Each file that is loaded at once is in memory as a whole."""
_SERVING = (
    "service.repository.loading",
    "service.http.wire.fast_path",
    "service.http.wire.uvicorn_protocol",
    "service.server.reloads",
    "service.server.uvicorn_server",
    # numpy imports it where it is first used, which would be once the models are loaded.
    "numpy.random",
)
_EVENT_LOOP = "uvloop"
"""uvicorn takes this loop where it is installed, and asks for it once the models are loaded."""

# Importing this module is starting the service.
try:
    settings = Settings.from_environment(os.environ)
    if CHANNEL_VARIABLE not in os.environ:
        # Else the supervisor has looked before, and a file that is damaged by now ends no worker's successor.
        check_access(settings)
except SettingsError as error:
    sys.exit(f"veredicto does not start: {error}")


def import_serving_modules() -> None:
    """Imports what the functions below need, ahead of the models."""
    for name in _SERVING:
        import_module(name)
    with suppress(ImportError):
        import_module(_EVENT_LOOP)


@functools.cache
def load_models() -> tuple[GenerationLoader, LoadedGeneration]:
    """Returns the models of this process, loaded and warmed up: what the other workers serve, where there are any.

    It imports what serves only when called: `bentoml serve` imports this module too, for the settings alone.
    """
    from service.repository.loading import GenerationLoader

    link = find_link()

    if link is None:
        loading = GenerationLoader(settings)
        return loading, loading.load_folder()

    told = link.first
    if told.get("generation") is None:
        loading = GenerationLoader(settings, on_load=link.tell_loading)
        loaded = loading.load_folder(told["refused"])
    else:
        loading = GenerationLoader(
            settings, Path(told["store"]), on_load=link.tell_loading
        )
        # Taken out, since what it has would stay with it when it is served no longer.
        before = _loaded_ahead.pop("before", None)
        if before is not None and before.manifest.number == told["generation"]:
            return loading, before
        loaded = loading.load(
            told["generation"],
            before,
            known_bad=told["refused"],
            at_once=_count_at_once(told, n_loading=settings.workers),
        )

    # Whatever ends this worker from here on was none of its files.
    link.tell_loading(None)

    return loading, loaded


def _count_at_once(told: Mapping[str, Any], *, n_loading: int) -> int:
    """Returns how many files are loaded at once, by one of so many processes that load.

    It is one once a process has died: only so is it known which file was at fault.
    """
    from service.execution.processors import count_processors
    from service.models.runtime.inference_session import is_cpu_alone

    if told.get("restarts") or not is_cpu_alone(settings.device):
        return 1

    return max(1, min(MAX_AT_ONCE, count_processors() // n_loading))


_loaded_ahead: dict[str, LoadedGeneration] = {}
"""A worker that was forked has here what was loaded before, of which it takes what is still served."""


def load_ahead(link: Link) -> bool:
    """Loads the models in a process that workers are forked from; returns whether they can have them from it."""
    from service.repository.loading import GenerationLoader

    told = link.first
    if told.get("generation") is None:
        return False

    loading = GenerationLoader(settings, Path(told["store"]), on_load=link.tell_loading)
    loaded = loading.load(
        told["generation"],
        known_bad=told["refused"],
        at_once=_count_at_once(told, n_loading=1),
    )
    _loaded_ahead["before"] = loaded
    link.tell_loading(None)

    return all(each.session.is_on_cpu for each in loaded.registry)


@functools.cache
def data_plane() -> DataPlane:
    """Returns the one data plane of this process."""
    from service.calls.data_plane import DataPlane

    _, loaded = load_models()
    registry = loaded.registry
    if settings.journal is None:
        return DataPlane(registry, settings)

    from service.live.monitor import Monitor

    try:
        monitor = Monitor(
            registry,
            settings,
            settings.journal,
            is_replacement=_is_replacement(),
        )
    except SettingsError as error:
        sys.exit(f"veredicto does not start: {error}")

    # In process there is no server to end it.
    atexit.register(monitor.close)

    return DataPlane(registry, settings, monitor)


def _make_reloads(plane: DataPlane, batches: Batches) -> list[Reloads]:
    """Returns what follows the supervisor from one generation of models to the next; nothing without copies of them."""
    from service.server.reloads import Reloads

    link = find_link()
    loading, loaded = load_models()
    if link is None or not loading.has_store:
        return []

    reloads = Reloads(link, loading, loaded, deadline_s=settings.deadline_s)
    reloads.forget = batches.forget
    plane.repository.ask = reloads.ask

    return [reloads]


def make_application(
    make_fallback: Callable[[], ASGIApp], *, has_own_server: bool = True
) -> Application:
    """Returns the application that answers ahead of its fallback, and installs it in this process's server.

    Without `has_own_server` others run it as any application of ASGI, and nothing of theirs is replaced.
    """
    from service.observability.logs import configure_logging

    configure_logging(settings)
    plane = data_plane()
    application = _front(plane, make_fallback(), has_own_server=has_own_server)
    # With no handler the line of an access is not even formatted.
    logging.getLogger("uvicorn.access").propagate = False
    process_tuning.settle_memory()

    return application


def _front(plane: DataPlane, fallback: ASGIApp, *, has_own_server: bool) -> Application:
    """Returns our application with its companions, installed where the server is ours."""
    from service.execution.admission import Admission
    from service.execution.batching import Batches
    from service.execution.metrics import ModelMetrics
    from service.http.application import Application
    from service.http.gate import Gate
    from service.http.lifespan import accompany
    from service.http.wire.fast_path import install_fast_path
    from service.server.companions import (
        list_companions,
        make_grpc_servers,
        watch_worker,
    )

    admission = Admission(settings, ModelMetrics(plane.registry))
    batches = Batches.of(settings)
    gate = Gate.of(settings, waits=_is_replacement())
    watch_worker(plane, admission, batches)
    reloads = _make_reloads(plane, batches)
    for each in (*list_companions(plane, admission), *reloads):
        fallback = accompany(fallback, each)

    servers = make_grpc_servers(plane, settings, admission, batches, gate)
    for server in servers:
        fallback = accompany(fallback, server)

    application = Application(
        plane, settings, admission, batches, fallback=fallback, gate=gate
    )
    for each in reloads:
        each.followers += [plane.follow, application.follow]
    if has_own_server:
        install_fast_path(application, settings)
        _install(application, gate, plane, servers)

    return application


def _is_replacement() -> bool:
    """Returns whether this worker takes the place of another: a file that is damaged by now must not end it too."""
    link = find_link()
    return link is not None and bool(link.first.get("restarts"))


def _install(
    application: Application,
    gate: Gate,
    plane: DataPlane,
    companions: list[Companion],
) -> None:
    """Makes the server of this process drain as the settings say, and end these companions last."""
    from service.access.tokens import Access
    from service.server.context import ServerContext
    from service.server.scrapes import Scrapes
    from service.server.uvicorn_patch import patch_uvicorn

    access = Access.of(settings.tokens, settings.public, waits=_is_replacement())
    context = ServerContext(
        settings=settings,
        lifecycle=plane.lifecycle,
        link=find_link(),
        unserved=load_models()[1].unserved,
        served=plane.registry.summarise(),
        companions=companions,
        probes=application.probes,
        scrapes=Scrapes(gate.with_access(access)),
    )
    patch_uvicorn(context)
