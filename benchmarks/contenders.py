"""Who is measured: how each is started, what it is asked, and in which words."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import dialects
from benchmarks.dialects import Dialect

SERVERS = "benchmarks.servers"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a contender runs: the models that it serves, a folder for whatever it writes, its port."""

    models: Path
    scratch: Path
    port: int


@dataclass(frozen=True, kw_only=True)
class Contender:
    """`start` gives what follows the environment's Python; `speaks` has a dialect for each workload that it takes.

    `is_restless`: it works without being asked, so it is measured when the others have ended.
    """

    name: str
    title: str
    environment: str
    packages: tuple[str, ...]
    start: Callable[[Place], list[str]]
    speaks: Mapping[str, Dialect]
    variables: Callable[[Place], dict[str, str]] | None = None
    ready: str | None = None
    is_restless: bool = False


def _uvicorn(module: str) -> Callable[[Place], list[str]]:
    quiet = (
        "--no-access-log",
        "--log-level",
        "warning",
        "--loop",
        "uvloop",
        "--http",
        "httptools",
    )
    return lambda place: [
        *(
            "-m",
            "uvicorn",
            f"{SERVERS}.{module}:app",
            "--host",
            "127.0.0.1",
            "--port",
            str(place.port),
            *quiet,
        )
    ]


def _bentoml(target: str) -> Callable[[Place], list[str]]:
    return lambda place: [
        "-m",
        "bentoml",
        "serve",
        target,
        "--host",
        "127.0.0.1",
        "--port",
        str(place.port),
    ]


def _bento_home(place: Place) -> dict[str, str]:
    return {
        "BENTOML_HOME": str(place.scratch / "bentoml"),
        "VEREDICTO_MODELS": str(place.models),
    }


def _module(name: str) -> Callable[[Place], list[str]]:
    return lambda place: ["-m", f"{SERVERS}.{name}", str(place.port)]


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _mlserver(place: Place) -> list[str]:
    """Writes the settings that MLServer reads: of itself, and a file for each model."""
    settings = {
        "host": "127.0.0.1",
        "http_port": place.port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    repository = place.scratch / "repository"

    for path in place.models.glob("*.onnx"):
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


def _speaks(*, rows: Dialect, **others: Dialect) -> dict[str, Dialect]:
    """`rows` for all rows in JSON, `binary` for all tensors of bytes, the others by name."""
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
        speaks=_speaks(
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
        speaks=_speaks(
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
        speaks=_speaks(
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
        speaks=_speaks(
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
        speaks=_speaks(rows=dialects.METHOD, photo=dialects.PHOTO_FORM_LABELS),
        variables=_bento_home,
        ready="/readyz",
    ),
    Contender(
        name="litserve",
        title="LitServe",
        environment="litserve",
        packages=("litserve", "fastapi", *UVICORN),
        start=_module("litserve_server"),
        speaks=_speaks(rows=dialects.NATIVE, photo=dialects.PHOTO_UPLOAD),
        ready="/health",
    ),
    Contender(
        name="mlserver",
        title="MLServer, a runtime of its Python kind, models in its own process",
        environment="mlserver",
        packages=("mlserver", "fastapi", *UVICORN),
        start=_mlserver,
        speaks=_speaks(rows=dialects.TENSOR, photo=dialects.TENSOR_PHOTO),
        ready="/v2/health/ready",
    ),
    Contender(
        name="ray",
        title="Ray Serve, one replica",
        environment="ray",
        packages=("ray", *UVICORN),
        start=_module("ray_serve"),
        speaks=_speaks(
            rows=dialects.NATIVE,
            binary=dialects.BINARY,
            photo=dialects.PHOTO_ROUTE,
            compare=dialects.COMPARE,
        ),
        variables=lambda place: {"RAY_TMPDIR": str(place.scratch)},
        ready="/-/healthz",
        is_restless=True,
    ),
)
IN_PROCESS = "in-process"
"""Not a server: its rates stand beside those of the others as their limit."""
NAMES = (IN_PROCESS, *(each.name for each in CONTENDERS))
