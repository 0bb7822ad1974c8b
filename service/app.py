"""The BentoML service: `bentoml serve service.app:Veredicto`. The only module that knows BentoML.

BentoML owns workers, lifecycle, packaging, `/metrics` and the SDK's schema. Its worker serves whatever the
service's `to_asgi()` returns; here that is a `Application`, which answers the contract's routes itself.
"""

from __future__ import annotations

import atexit
import functools
import gc
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

# Before numpy is loaded: it only looks through rows here, and its threads would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# uvicorn parses each client's address to find out whether its word for another's is to be taken; nobody asks here.
os.environ.setdefault("FORWARDED_ALLOW_IPS", "*")

import bentoml

from service.errors import SettingsError
from service.grpc.port import check_can_listen
from service.settings import Settings

if TYPE_CHECKING:
    from service.calls.data_plane import DataPlane
    from service.http.lifespan import ASGIApp

T_co = TypeVar("T_co", covariant=True)

_APPLICATION = "_bentoml_impl.server.app"
"""What `Service.to_asgi` imports; a BentoML that has it elsewhere only starts later."""

Inputs = list[
    Any
]  # BentoML's client reads a union as its first member, and would turn an object into its keys

try:
    settings = Settings.from_environment(os.environ)
except SettingsError as error:
    sys.exit(
        f"veredicto does not start: {error}"
    )  # importing this module is starting the service


@functools.cache
def data_plane() -> DataPlane:
    """The one data plane of this process: its models are loaded and warmed up when this returns.

    Imported here, because the supervisor imports this module too, and starts sooner without what serves.
    """
    from service.calls.data_plane import DataPlane
    from service.models.registry import Registry

    with ThreadPoolExecutor(1) as pool:
        pool.submit(
            import_module, _APPLICATION
        )  # meanwhile, since half of the loading is onnxruntime's, not Python's
        registry = Registry.load(
            settings.models, device=settings.device, threads=settings.threads
        )

    registry.measure()
    if settings.journal is None:
        return DataPlane(registry, settings)

    from service.live.monitor import Monitor

    try:
        monitor = Monitor(registry, settings, settings.journal)
    except SettingsError as error:
        sys.exit(f"veredicto does not start: {error}")

    atexit.register(monitor.close)  # where no server ends it

    return DataPlane(registry, settings, monitor)


class FrontedService(bentoml.Service[T_co]):
    """A BentoML service whose requests meet a `Application` first."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:
        from service.execution.admission import Admission
        from service.execution.batching import Batches
        from service.execution.metrics import ModelMetrics
        from service.execution.tuning import release_freed
        from service.http.application import Application
        from service.http.lifespan import accompany
        from service.http.uvicorn_protocol import install

        plane = data_plane()
        behind = super().to_asgi(is_main=is_main)
        admission = Admission(settings, ModelMetrics(plane.registry))
        batches = Batches.of(settings)
        if plane.monitor is not None:
            plane.monitor.watch_load(admission.count_in_flight)
            behind = accompany(behind, plane.monitor)

        if settings.grpc_port:
            from service.grpc.server import Server

            behind = accompany(behind, Server(plane, settings, admission, batches))

        front = Application(plane, settings, admission, batches, behind=behind)
        install(front)
        logging.getLogger(
            "uvicorn.access"
        ).propagate = False  # with no handler its line is not even formatted
        # A body of many rows is many lists; looking for garbage among them would be most of its cost.
        gc.set_threshold(50_000, 20, 50)
        gc.collect()
        gc.freeze()  # what is loaded by now stays: later collections need not look through it
        release_freed()

        return front


@bentoml.service(
    name="veredicto",
    service_class=FrontedService,
    workers=settings.workers,
    traffic={"timeout": settings.deadline_s},
    logging={"access": {"enabled": False}},
)
class Veredicto:
    """Prediction, probability and comparison of classifiers."""

    def __init__(self) -> None:
        self._plane = data_plane()

    @bentoml.on_deployment
    @staticmethod
    def check_before_start() -> None:
        """Once, ahead of all workers: each of them alone could not say why none starts."""
        try:
            if settings.grpc_port:
                check_can_listen(settings)
            if settings.journal is not None:
                from service.live.journal import schema

                schema.check(settings.journal)
        except SettingsError as error:
            sys.exit(f"veredicto does not start: {error}")
        if settings.shadow:
            from service.live import challengers

            if not challengers.check_in_subprocess():
                sys.exit(1)

    @bentoml.api
    def predict(
        self,
        model: str | None = None,
        inputs: Inputs | None = None,
        task: str | None = None,
        min_probability: float | None = None,
    ) -> dict[str, Any]:
        """Class labels, numbers or cluster numbers, as the model's kind has it, one for each row."""
        return self._plane.answer(
            "predict",
            model=model,
            inputs=inputs,
            task=task,
            min_probability=min_probability,
        )

    @bentoml.api
    def predict_proba(
        self, model: str, inputs: Inputs, top: int | None = None
    ) -> dict[str, Any]:
        """Probabilities of all classes, or of the `top` most probable, for each row."""
        return self._plane.answer("predict_proba", model=model, inputs=inputs, top=top)

    @bentoml.api
    def compare(
        self,
        task: str,
        inputs: Inputs,
        models: list[str] | None = None,
        labels: list[Any] | None = None,
    ) -> dict[str, Any]:
        """The task's models side by side on the same rows."""
        return self._plane.answer(
            "compare", task=task, inputs=inputs, models=models, labels=labels
        )

    @bentoml.api
    def explain(
        self,
        model: str,
        inputs: Inputs,
        class_name: str | None = None,
        layer: str | None = None,
    ) -> dict[str, Any]:
        """Why the model answers so: contributions of features, neighbours, or a map of each image."""
        return self._plane.answer(
            "explain",
            model=model,
            inputs=inputs,
            **{"class": class_name, "layer": layer},
        )

    @bentoml.api
    def feedback(self, id: str, label: str) -> dict[str, Any]:  # noqa: A002  # the contract's word
        """The true class of a row that was predicted; accepted when it is stored."""
        return self._plane.answer("feedback", id=id, label=label)

    @bentoml.api
    def transform(self, model: str, inputs: Inputs) -> dict[str, Any]:
        """Codes of each row, and the row made again from its codes alone."""
        return self._plane.answer("transform", model=model, inputs=inputs)

    @bentoml.api
    def generate(
        self, model: str, count: int = 16, seed: int | None = None
    ) -> dict[str, Any]:
        """New images, each as a PNG in base64."""
        return self._plane.answer("generate", model=model, count=count, seed=seed)
