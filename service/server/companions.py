"""Companions start and end with a worker's server: what counts and frees memory, the monitor, the server of gRPC."""

from __future__ import annotations

import platform

from service import VERSION
from service.calls.data_plane import DataPlane
from service.execution import gauges
from service.execution.admission import Admission
from service.execution.batching import Batches
from service.execution.freed_memory import Releaser
from service.execution.garbage import GarbageCollector
from service.execution.gauges import Refresher
from service.execution.metrics import Flusher
from service.http.gate import Gate
from service.http.lifespan import Companion
from service.models.runtime.inference_session import RUNTIME_VERSION
from service.settings import Settings


def list_companions(plane: DataPlane, admission: Admission) -> list[Companion]:
    """Returns what starts and ends with the server: those that count, those that free memory, the monitor."""
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


def make_grpc_servers(
    plane: DataPlane,
    settings: Settings,
    admission: Admission,
    batches: Batches,
    gate: Gate,
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


def watch_worker(plane: DataPlane, admission: Admission, batches: Batches) -> None:
    """Shows in `/metrics` how this worker is doing."""
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
