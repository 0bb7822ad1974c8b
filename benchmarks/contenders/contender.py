"""This module says of each contender how its server is started, and how each workload is asked of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import dialects
from benchmarks.contenders.dialects import Dialect

SERVERS = "benchmarks.servers"


@dataclass(frozen=True, kw_only=True)
class Location:
    """A Location is where a contender runs: the folder of models, a folder for whatever it writes, and its port."""

    models: Path
    scratch: Path
    port: int


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A server that is measured; `start` returns the arguments of the environment's Python.

    `dialects` has a dialect for each workload that it takes. One that works unasked is measured when the others have
    ended.
    """

    name: str
    title: str
    environment: str
    packages: tuple[str, ...]
    start: Callable[[Location], list[str]]
    dialects: Mapping[str, Dialect]
    variables: Callable[[Location], dict[str, str]] | None = None
    ready: str | None = None
    works_unasked: bool = False


def _uvicorn(module: str) -> Callable[[Location], list[str]]:
    command = ["-m", "uvicorn", f"{SERVERS}.{module}:app", "--no-access-log"]
    command += ["--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]
    command += ["--host", "127.0.0.1", "--port"]

    return lambda location: [*command, str(location.port)]


def _bentoml(target: str) -> Callable[[Location], list[str]]:
    command = ["-m", "bentoml", "serve", target, "--host", "127.0.0.1", "--port"]
    return lambda location: [*command, str(location.port)]


def _bento_home(location: Location) -> dict[str, str]:
    return {
        "BENTOML_HOME": str(location.scratch / "bentoml"),
        "VEREDICTO_MODELS": str(location.models),
    }


def _module(name: str) -> Callable[[Location], list[str]]:
    return lambda location: ["-m", f"{SERVERS}.{name}", str(location.port)]


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _mlserver(location: Location) -> list[str]:
    """Writes the settings of MLServer and of each model, and returns its arguments."""
    settings = {
        "host": "127.0.0.1",
        "http_port": location.port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    repository = location.scratch / "repository"

    for path in location.models.glob("*.onnx"):
        folder = repository / path.stem
        folder.mkdir(parents=True)
        model = {
            "name": path.stem,
            "implementation": f"{SERVERS}.mlserver_runtime.OnnxRuntime",
        }
        document = model | {"parameters": {"uri": str(path)}}
        (folder / "model-settings.json").write_text(json.dumps(document))

    (repository / "settings.json").write_text(json.dumps(settings))

    return ["-m", "mlserver.cli.main", "start", str(repository)]


ROWS = ("row", "wide", "rows")
BINARY = ("wide-binary", "rows-binary")


def _choose_dialects(*, rows: Dialect, **others: Dialect) -> dict[str, Dialect]:
    """Returns a dialect for each workload: `rows` for all rows in JSON, `binary` for all tensors of bytes."""
    binary = others.pop("binary", None)
    return (
        dict.fromkeys(ROWS, rows)
        | (dict.fromkeys(BINARY, binary) if binary else {})
        | others
    )


UVICORN = ("uvicorn", "uvloop", "httptools", "onnxruntime", "orjson", "pillow")
CONTENDERS = (
    Contender(
        name="floor",
        title="a bare ASGI callable under uvicorn",
        environment="veredicto",
        packages=UVICORN,
        start=_uvicorn("floor"),
        dialects=_choose_dialects(
            rows=dialects.NATIVE,
            binary=dialects.BINARY,
            photo=dialects.PHOTO,
            compare=dialects.COMPARE,
        ),
    ),
    Contender(
        name="veredicto",
        title="this service",
        environment="veredicto",
        packages=("bentoml", "msgspec", *UVICORN),
        start=_bentoml("service.app:Veredicto"),
        dialects=_choose_dialects(
            rows=dialects.NATIVE,
            binary=dialects.BINARY,
            photo=dialects.PHOTO,
            compare=dialects.COMPARE,
        ),
        variables=_bento_home,
        ready="/readyz",
    ),
    Contender(
        name="fastapi",
        title="FastAPI under uvicorn, typed bodies, sessions made in its lifespan",
        environment="fastapi",
        packages=("fastapi", "pydantic", *UVICORN),
        start=_uvicorn("fastapi_app"),
        dialects=_choose_dialects(
            rows=dialects.NATIVE,
            binary=dialects.BINARY,
            photo=dialects.PHOTO_ROUTE,
            compare=dialects.COMPARE,
        ),
    ),
    Contender(
        name="bentoml",
        title="BentoML as its documentation teaches",
        environment="bentoml",
        packages=("bentoml", *UVICORN),
        start=_bentoml(f"{SERVERS}.bentoml_plain:Plain"),
        dialects=_choose_dialects(
            rows=dialects.NATIVE, photo=dialects.PHOTO_FORM, compare=dialects.COMPARE
        ),
        variables=_bento_home,
        ready="/readyz",
    ),
    Contender(
        name="bentoml-batch",
        title="BentoML with adaptive batching, a method for each model",
        environment="bentoml",
        packages=("bentoml", *UVICORN),
        start=_bentoml(f"{SERVERS}.bentoml_batched:Batched"),
        dialects=_choose_dialects(
            rows=dialects.METHOD, photo=dialects.PHOTO_FORM_LABELS
        ),
        variables=_bento_home,
        ready="/readyz",
    ),
    Contender(
        name="litserve",
        title="LitServe",
        environment="litserve",
        packages=("litserve", "fastapi", *UVICORN),
        start=_module("litserve_server"),
        dialects=_choose_dialects(rows=dialects.NATIVE, photo=dialects.PHOTO_UPLOAD),
        ready="/health",
    ),
    Contender(
        name="mlserver",
        title="MLServer, a runtime of its Python kind, models in its own process",
        environment="mlserver",
        packages=("mlserver", "fastapi", *UVICORN),
        start=_mlserver,
        dialects=_choose_dialects(rows=dialects.TENSOR, photo=dialects.TENSOR_PHOTO),
        ready="/v2/health/ready",
    ),
    Contender(
        name="ray",
        title="Ray Serve, one replica",
        environment="ray",
        packages=("ray", *UVICORN),
        start=_module("ray_serve"),
        dialects=_choose_dialects(
            rows=dialects.NATIVE,
            binary=dialects.BINARY,
            photo=dialects.PHOTO_ROUTE,
            compare=dialects.COMPARE,
        ),
        variables=lambda location: {"RAY_TMPDIR": str(location.scratch)},
        ready="/-/healthz",
        works_unasked=True,
    ),
)
IN_PROCESS = "in-process"
"""onnxruntime without a server: its rates stand beside those of the others as their limit."""
NAMES = (IN_PROCESS, *(each.name for each in CONTENDERS))
