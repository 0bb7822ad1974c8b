"""Tools of every gRPC server ask a real server for its health and for its services."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.support.server import free_port

SERVICE = "inference.GRPCInferenceService"
LIMIT_S = 60


def test_health_is_that_of_readiness(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """Check says SERVING for the server and for its service, NOT_FOUND for another; Watch says it first of all."""
    port = free_port()
    with (
        start_server(VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE):
            request = health_pb2.HealthCheckRequest(service=name)
            answer = stub.Check(request, timeout=LIMIT_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING

            watched = next(iter(stub.Watch(request, timeout=LIMIT_S)))
            assert watched.status == health_pb2.HealthCheckResponse.SERVING

        unknown = health_pb2.HealthCheckRequest(service="nothing")
        with pytest.raises(grpc.RpcError) as refused:
            stub.Check(unknown, timeout=LIMIT_S)

        assert refused.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_says_that_a_server_is_not_ready(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """A folder with a bad file is NOT_SERVING, as `/readyz` is 503."""
    (models / "bad.onnx").write_bytes(b"no model")
    port = free_port()
    with (
        start_server(VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT_S)

    assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING


def test_reflection_lists_the_services(
    models: Path, start_server: Callable[..., Any]
) -> None:
    """A client that has no messages of ours finds the service by its name."""
    port = free_port()
    with (
        start_server(VEREDICTO_MODELS=models, VEREDICTO_GRPC_PORT=port),
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = next(iter(stub.ServerReflectionInfo(iter([request]), timeout=LIMIT_S)))

    names = {each.name for each in answer.list_services_response.service}
    assert SERVICE in names
