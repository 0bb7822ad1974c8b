"""The BentoML service starts with `bentoml serve service.app:Veredicto`. This is the only module that knows BentoML.

BentoML owns workers, lifecycle, packaging, `/metrics` and the SDK's schema. Its worker serves whatever the service's
`to_asgi()` returns; here that is an `Application`, which answers the contract's routes itself.
"""

from __future__ import annotations

import atexit
import functools
import inspect
import logging
import os
import platform
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from keyword import iskeyword
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin

from service.execution import tuning

# This comes before numpy is imported.
tuning.set_environment()

import bentoml
import click
import msgspec
from bentoml._internal.configuration.containers import BentoMLContainer

from service import VERSION
from service.access.check import check_access
from service.contract.calls import CALLS, Call
from service.errors import SettingsError
from service.launch import become_server
from service.processes.link import find_link
from service.settings import Settings

if TYPE_CHECKING:
    from service.calls.data_plane import DataPlane
    from service.execution.admission import Admission
    from service.execution.batching import Batches
    from service.http.application import Application
    from service.http.gate import Gate
    from service.http.lifespan import ASGIApp, Companion
    from service.repository.loading import Loaded, Loading
    from service.server.reloads import Reloads

T_co = TypeVar("T_co", covariant=True)

_APPLICATION = "_bentoml_impl.server.app"
"""`Service.to_asgi` imports this module; a BentoML that has it elsewhere only starts later."""

# Importing this module is starting the service.
try:
    settings = Settings.from_environment(os.environ)
    check_access(settings)
except SettingsError as error:
    sys.exit(f"veredicto does not start: {error}")


@functools.cache
def load_models() -> tuple[Loading, Loaded]:
    """Returns the models of this process, loaded and warmed up: what the other workers serve, where there are any.

    It imports what serves only when called, because the supervisor imports this module too, and starts sooner without
    it.
    """
    from service.repository.loading import Loading

    link = find_link()

    # BentoML is imported meanwhile, since half of the loading is onnxruntime's, not Python's.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(import_module, _APPLICATION)
        if link is None:
            loading = Loading(settings)
            return loading, loading.load_folder()

        told = link.first
        if told.get("generation") is None:
            loading = Loading(settings, on_load=link.tell_loading)
            loaded = loading.load_folder(told["refused"])
        else:
            loading = Loading(settings, Path(told["store"]), on_load=link.tell_loading)
            loaded = loading.load(told["generation"], known_bad=told["refused"])

    # Whatever ends this worker from here on was none of its files.
    link.tell_loading(None)

    return loading, loaded


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
        monitor = Monitor(registry, settings, settings.journal)
    except SettingsError as error:
        sys.exit(f"veredicto does not start: {error}")

    # In process there is no server to end it.
    atexit.register(monitor.close)

    return DataPlane(registry, settings, monitor)


class FrontedService(bentoml.Service[T_co]):
    """This is a BentoML service whose requests meet an `Application` first."""

    _described: dict[str, Any] | None = None

    def schema(self) -> dict[str, Any]:
        """Returns BentoML's description of the calls, made once: it took 30 ms of the event loop at each request."""
        if self._described is None:
            self._described = super().schema()
        return self._described

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        from service.observability.logs import configure_logging

        configure_logging(settings)
        # The models load while BentoML's application is imported.
        plane = data_plane()
        application = _front(plane, super().to_asgi(is_main=is_main))
        self.schema()
        # With no handler the line of an access is not even formatted.
        logging.getLogger("uvicorn.access").propagate = False
        tuning.settle_memory()

        return application


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


def _front(plane: DataPlane, behind: ASGIApp) -> ASGIApp:
    """Returns the application that answers ahead of BentoML's, and installs it in the server of this process."""
    from service.execution.admission import Admission
    from service.execution.batching import Batches
    from service.execution.metrics import ModelMetrics
    from service.http.application import Application
    from service.http.gate import Gate
    from service.http.lifespan import accompany
    from service.http.wire.fast_path import install_fast_path

    admission = Admission(settings, ModelMetrics(plane.registry))
    batches = Batches.of(settings)
    gate = Gate.of(settings)
    _watch(plane, admission, batches)
    reloads = _make_reloads(plane, batches)
    for each in (*_list_companions(plane, admission), *reloads):
        behind = accompany(behind, each)

    servers = _make_grpc_servers(plane, admission, batches, gate)
    for server in servers:
        behind = accompany(behind, server)

    application = Application(
        plane, settings, admission, batches, behind=behind, gate=gate
    )
    for each in reloads:
        each.followers += [plane.follow, application.follow]
    install_fast_path(application, settings)
    _install(application, gate, plane, servers)

    return application


def _install(
    application: Application,
    gate: Gate,
    plane: DataPlane,
    companions: list[Companion],
) -> None:
    """Makes the server of this process drain as the settings say, and end these companions last."""
    from service.access.tokens import Access
    from service.server.install import install_server
    from service.server.scrapes import Scrapes
    from service.server.surroundings import Surroundings

    access = Access.of(settings.tokens, settings.public)
    surroundings = Surroundings(
        settings=settings,
        lifecycle=plane.lifecycle,
        link=find_link(),
        unserved=load_models()[1].unserved,
        companions=companions,
        probes=application.probes,
        scrapes=Scrapes(gate.with_access(access)),
    )
    install_server(surroundings)


def _list_companions(plane: DataPlane, admission: Admission) -> list[Companion]:
    """Returns what starts and ends with the server: those that count, those that free memory, the monitor."""
    from service.execution.freed_memory import Releaser
    from service.execution.garbage import GarbageCollector
    from service.execution.gauges import Refresher
    from service.execution.metrics import Flusher

    companions: list[Companion] = [
        Flusher(),
        Refresher(),
        Releaser(),
        GarbageCollector(),
    ]
    if plane.monitor is not None:
        plane.monitor.watch_load(admission.count_in_flight)
        companions.append(plane.monitor)

    return companions


def _make_grpc_servers(
    plane: DataPlane, admission: Admission, batches: Batches, gate: Gate
) -> list[Companion]:
    """Returns the server of gRPC, or none where no port is set."""
    if not settings.grpc_port:
        return []

    from service.grpc.server import Server

    return [
        Server(
            plane,
            settings,
            admission,
            batches,
            access=gate.access,
            observer=gate.observer,
        )
    ]


def _watch(plane: DataPlane, admission: Admission, batches: Batches) -> None:
    """Shows in `/metrics` how this worker is doing."""
    from service.execution import gauges
    from service.models.session import RUNTIME_VERSION

    gauges.show_build(
        version=VERSION,
        python=platform.python_version(),
        onnxruntime=RUNTIME_VERSION,
    )
    gauges.watch_process()
    gauges.watch("in_flight", admission.count_in_flight)
    gauges.watch("queue_rows", batches.count_waiting_rows)
    gauges.watch("threads_busy", batches.threads.count_busy)
    gauges.watch("threads_stuck", batches.threads.count_stuck)
    gauges.watch("ready", plane.is_ready)
    gauges.watch("refused_files", lambda: len(plane.registry.refused))


class Calls:
    """The calls are methods here, for BentoML's client and for use in process."""

    def __init__(self) -> None:
        self._plane = data_plane()


def _make_method(call: Call) -> Any:
    """Returns the BentoML method of a call, whose parameters are the fields of its request."""
    encoded = {
        _name_parameter(each): each.encode_name
        for each in msgspec.structs.fields(call.request)
    }
    signature = _make_signature(call.request)

    def answer(self: Calls, *values: Any, **named: Any) -> dict[str, Any]:
        given = signature.bind(self, *values, **named).arguments
        fields = {encoded[name]: given[name] for name in given if name != "self"}
        return self._plane.answer(call.name, **fields)

    answer.__name__ = call.name
    answer.__doc__ = call.summary
    answer.__signature__ = signature  # type: ignore[attr-defined]  # what inspect reads

    return bentoml.api(answer)


def _make_signature(request: type) -> inspect.Signature:
    """Returns the signature of a method; what follows an optional field may be left out as far as Python knows."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("self", kind)]
    for field in msgspec.structs.fields(request):
        is_optional = parameters[-1].default is not inspect.Parameter.empty
        default = field.default if not field.required else inspect.Parameter.empty
        if field.required and is_optional:
            default = None

        annotation = _show_type(field.type)
        parameters.append(
            inspect.Parameter(
                _name_parameter(field), kind, default=default, annotation=annotation
            )
        )

    return inspect.Signature(parameters, return_annotation=dict[str, Any])


def _name_parameter(field: msgspec.structs.FieldInfo) -> str:
    """Returns a field's name in JSON, which BentoML's client sends, but for one that Python has another use for."""
    return field.name if iskeyword(field.encode_name) else field.encode_name


def _show_type(field: Any) -> Any:
    """Returns a field's type as BentoML's schema has it.

    BentoML's client reads a union as its first member, and would turn a row that is an object into its keys: so a list
    says nothing of its elements, and a label is a text.
    """
    if get_origin(field) is Annotated:
        return _show_type(get_args(field)[0])
    if get_origin(field) is list:
        return list[str] if get_args(field) == (str,) else list[Any]

    members = [_show_type(each) for each in get_args(field) if each is not type(None)]
    if not members:
        return field

    return members[0] | None if type(None) in get_args(field) else members[0]


for _call in CALLS:
    setattr(Calls, _call.name, _make_method(_call))


@bentoml.service(
    name="veredicto",
    service_class=FrontedService,
    workers=settings.workers,
    traffic={"timeout": settings.deadline_s},
    logging={"access": {"enabled": False}},
)
class Veredicto(Calls):
    """Prediction, probability and comparison of classifiers."""

    @bentoml.on_deployment
    @staticmethod
    def start_supervisor() -> None:
        """Puts our supervisor in the place of BentoML's, for `bentoml serve` with all that it was told.

        BentoML's does not replace dead workers in a container, nor stopped ones anywhere, and takes commands from
        whoever can reach its port on this machine.
        """
        become_server(_read_arguments())


def _read_arguments() -> dict[str, Any]:
    """Returns the options of `bentoml serve`; none where the service is started in another way."""
    context = click.get_current_context(silent=True)
    if context is None:
        return {}

    told = dict(context.params)
    configured = BentoMLContainer.http
    told["host"] = told["host"] or os.environ.get("HOST") or configured.host.get()
    told["port"] = told["port"] or os.environ.get("PORT") or configured.port.get()

    return told
