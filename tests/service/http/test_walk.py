"""The way of one small request through the modules, as DESIGN.md shows it."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from service.calls.data_plane import DataPlane
from service.execution.admission import Admission
from service.execution.batching import Batches
from service.execution.metrics import ModelMetrics
from service.http.application import Application
from service.http.wire.uvicorn_protocol import FastPathProtocol, install
from service.models.registry import Registry
from service.settings import Settings
from tests.conftest import EXPORTED_MODELS, ROOT

MODEL = "points-logistic"

WALK = [
    "service/http/wire/uvicorn_protocol.py",
    "service/http/application.py",
    "service/http/route.py",
    "service/execution/pipeline.py",
    "service/contract/codec.py",
    "service/calls/predictor.py",
    "service/models/model.py",
    "service/models/rows.py",
    "service/execution/run.py",
    "service/execution/metrics.py",
    "service/models/model_statistics.py",
]
"""Each module in the order in which a row of `/predict` first enters it."""


class MemoryTransport(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def close(self) -> None: ...


@contextmanager
def watch_modules() -> Iterator[list[str]]:
    """The modules of the service in which functions are called, in the order of their first call."""
    entered: list[str] = []

    def watch(frame: FrameType, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOT / "service"):
            name = path.relative_to(ROOT).as_posix()
            if name not in entered:
                entered.append(name)

    sys.setprofile(watch)

    try:
        yield entered
    finally:
        sys.setprofile(None)


async def predict_a_row(models: Path) -> tuple[bytes, list[str]]:
    """The response to a row, and the modules that it took; asked before, since the first times fill caches."""
    settings = Settings(models=models)
    registry = Registry.load(models)
    registry.measure()
    admission = Admission(settings, ModelMetrics(registry))
    fallback: Any = None  # nothing goes there
    application = Application(
        DataPlane(registry, settings),
        settings,
        admission,
        Batches.of(settings),
        fallback=fallback,
    )
    install(application, settings)
    config = uvicorn.Config(application, log_config=None)
    config.load()
    protocol = FastPathProtocol(config=config, server_state=ServerState(), app_state={})
    transport = MemoryTransport()
    protocol.connection_made(transport)
    body = json.dumps({"model": MODEL, "inputs": [[1, 2.5]]}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    for _ in range(3):
        protocol.data_received(head.encode() + body)
    transport.written = b""

    with watch_modules() as entered:
        protocol.data_received(head.encode() + body)

    protocol.connection_lost(None)

    return transport.written, entered


def test_a_row_goes_the_way_that_the_design_shows(tmp_path: Path) -> None:
    """A row of `/predict` touches eleven modules, and DESIGN.md names each of them."""
    shutil.copy(EXPORTED_MODELS / f"{MODEL}.onnx", tmp_path)

    response, entered = asyncio.run(predict_a_row(tmp_path))

    assert response.startswith(b"HTTP/1.1 200 OK\r\n")
    assert entered == WALK
    design = (ROOT / "DESIGN.md").read_text(encoding="utf-8")
    names = [name.removeprefix("service/").removesuffix(".py") for name in WALK]
    assert [name for name in names if f"`{name}`" not in design] == []
