"""Tools of every gRPC server ask a real server for its health and for its services."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from tests.support.server import Server, free_port, serve
from tests.support.tiny_models import tiny_card, write_tiny

SERVICE = "inference.GRPCInferenceService"
VERSIONS = ["v1", "v1alpha"]
HEALTH_CHECK = "/grpc.health.v1.Health/Check"
METHODS = [
    HEALTH_CHECK,
    "/grpc.health.v1.Health/Watch",
    *(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        for version in VERSIONS
    ),
]
BROKEN = b"\x0a\x05ab"
"""A text that is cut off is no message of any kind."""
LIMIT_S = 60


class Endpoints(NamedTuple):
    """Endpoints are one server and its address for gRPC."""

    server: Server
    address: str


@pytest.fixture(scope="module")
def endpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """The server has one tiny model."""
    folder = tmp_path_factory.mktemp("tiny")
    write_tiny(folder, tiny_card(family="first"))
    port = free_port()
    home = tmp_path_factory.mktemp("home")
    with serve(home, VEREDICTO_MODELS=folder, VEREDICTO_GRPC_PORT=port) as server:
        yield Endpoints(server, f"127.0.0.1:{port}")


@pytest.fixture
def channel(endpoints: Endpoints) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(endpoints.address) as opened:
        yield opened


def ask(channel: grpc.Channel, method: str, message: bytes) -> bytes:
    """Returns the first answer to the bytes of a message; raises RpcError."""
    answers = channel.stream_stream(method)(iter([message]), timeout=LIMIT_S)
    first: bytes = next(iter(answers))
    answers.cancel()
    return first


def reflect(channel: grpc.Channel, version: str, fields: dict[str, str]) -> Any:
    """Returns what a version of reflection answers."""
    method = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    request = reflection_pb2.ServerReflectionRequest(**fields)
    answer = ask(channel, method, request.SerializeToString())
    return reflection_pb2.ServerReflectionResponse.FromString(answer)


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


@pytest.mark.parametrize("version", VERSIONS)
def test_reflection_describes_the_services(channel: grpc.Channel, version: str) -> None:
    """A client that has no messages of ours finds each service by its name, in either version of the protocol."""
    listed = reflect(channel, version, {"list_services": ""})
    names = {each.name for each in listed.list_services_response.service}
    assert {SERVICE, f"grpc.reflection.{version}.ServerReflection"} < names

    for name in names:
        described = reflect(channel, version, {"file_containing_symbol": name})
        files = map(
            FileDescriptorProto.FromString,
            described.file_descriptor_response.file_descriptor_proto,
        )
        services = {f"{file.package}.{s.name}" for file in files for s in file.service}
        assert name in services


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("message", "code"),
    [
        (BROKEN, "INVALID_ARGUMENT"),
        (gzip.compress(BROKEN), "INVALID_ARGUMENT"),
        (gzip.compress(BROKEN)[:-9], "INVALID_ARGUMENT"),
        (b"a" * 64_001, "RESOURCE_EXHAUSTED"),
        (gzip.compress(b"a" * 64_001), "RESOURCE_EXHAUSTED"),
    ],
)
def test_what_is_no_message_is_the_fault_of_its_client(
    endpoints: Endpoints, channel: grpc.Channel, method: str, message: bytes, code: str
) -> None:
    """Bytes that are no message, or too many, are refused by a code that says so, and the log has no traceback."""
    with pytest.raises(grpc.RpcError) as refused:
        ask(channel, method, message)

    assert refused.value.code().name == code
    assert "Traceback" not in endpoints.server.log.read_text()


def test_a_compressed_message_is_taken(endpoints: Endpoints) -> None:
    """A client may compress all that it sends: a name that is long enough to be compressed is read, and unknown."""
    options = [("grpc.default_compression_algorithm", grpc.Compression.Gzip.value)]
    request = health_pb2.HealthCheckRequest(service="a" * 1000)
    with (
        grpc.insecure_channel(endpoints.address, options) as channel,
        pytest.raises(grpc.RpcError) as refused,
    ):
        health_pb2_grpc.HealthStub(channel).Check(request, timeout=LIMIT_S)

    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
