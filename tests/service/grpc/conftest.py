"""A server with every kind of graph is asked over gRPC by clients that nobody here wrote."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest

from tests.conftest import EXPORTED_MODELS
from tests.support.graphs import write_all
from tests.support.grpc_requests import (
    MAX_BYTES,
    WINE,
    Endpoints,
)
from tests.support.server import free_port, serve
from tests.support.triton_grpc import service_pb2_grpc, triton


@pytest.fixture(scope="package")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """The server has every kind of graph, one of the shipped models, and narrow limits."""
    folder = tmp_path_factory.mktemp("graphs")
    port = free_port()
    write_all(folder)
    (folder / f"{WINE}.onnx").write_bytes(
        (EXPORTED_MODELS / f"{WINE}.onnx").read_bytes()
    )
    settings = {
        "ROWS": 100,
        "PIXELS": 100_000,
        "BODY_BYTES": MAX_BYTES,
        "IMAGE_BYTES": MAX_BYTES,
    }
    limits = {f"VEREDICTO_MAX_{name}": value for name, value in settings.items()}
    home = tmp_path_factory.mktemp("home")

    with serve(
        home, VEREDICTO_MODELS=folder, VEREDICTO_GRPC_PORT=port, **limits
    ) as server:
        yield Endpoints(server, f"127.0.0.1:{port}")


@pytest.fixture
def client(endpoints: Endpoints) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(endpoints.address) as client:
        yield client


@pytest.fixture
def channel(endpoints: Endpoints) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(endpoints.address) as opened:
        yield opened


@pytest.fixture
def stub(channel: grpc.Channel) -> service_pb2_grpc.GRPCInferenceServiceStub:
    """The stub is what a compiler makes of the protocol's file, on a plain channel."""
    return service_pb2_grpc.GRPCInferenceServiceStub(channel)
