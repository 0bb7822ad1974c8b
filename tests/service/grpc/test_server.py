"""The Open Inference Protocol over gRPC is spoken to by clients that nobody here wrote."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from service.calls.data_plane import DataPlane
from service.errors import SettingsError
from service.execution.admission import Admission
from service.execution.batching import Batches
from service.execution.metrics import ModelMetrics
from service.grpc import server as grpc_server
from service.grpc.server import SERVICE
from service.models.registry import Registry
from service.settings import Settings
from tests.support.grpc_requests import (
    MODEL_INFER,
    WINE,
    Endpoints,
    colour_request,
    make_input,
)
from tests.support.server import free_port
from tests.support.triton_grpc import triton


def test_the_server_is_alive_and_ready(client: triton.InferenceServerClient) -> None:
    """Triton's client finds the server alive and ready."""
    assert client.is_server_live()
    assert client.is_server_ready()


def test_the_server_says_what_it_is(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """The server's metadata is that of HTTP."""
    expected = endpoints.http.client.get("/v2").json()

    assert client.get_server_metadata(as_json=True) == expected


def test_versions_that_are_there_are_ready(
    client: triton.InferenceServerClient,
) -> None:
    """A model and its versions are ready, and an unknown version or model is not."""
    assert client.is_model_ready("simple")
    assert client.is_model_ready("simple", "1")
    assert not client.is_model_ready("simple", "3")
    assert not client.is_model_ready("complicated")


def test_models_are_described_as_over_http(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """A model's metadata is that of HTTP without a card's properties, which the message has no place for."""
    expected = endpoints.http.client.get(f"/v2/models/{WINE}").json()
    expected.pop("properties")

    found = client.get_model_metadata(WINE, as_json=True)
    for tensor in (*found["inputs"], *found["outputs"]):
        tensor["shape"] = [int(length) for length in tensor["shape"]]

    assert found == expected


def test_a_models_configuration_is_described(
    client: triton.InferenceServerClient,
) -> None:
    """A model's configuration has its inputs, and the limit of rows as the batch size of a model with a card."""
    config = client.get_model_config("simple").config

    assert config.input[0].name == "INPUT0"
    assert config.input[0].data_type == 8
    assert list(config.input[0].dims) == [-1, 16]
    assert client.get_model_config(WINE).config.max_batch_size == 100


def test_the_index_is_that_of_http(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """The index names the versions that HTTP names, with their states."""
    expected = endpoints.http.client.post("/v2/repository/index").json()

    index = client.get_model_repository_index().models

    assert [
        {name: getattr(each, name) for name in expected[0]} for each in index
    ] == expected


def test_a_models_requests_are_counted_with_those_of_http(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """A model's statistics count successes and failures, and are the same over both transports."""

    def read() -> dict[str, Any]:
        return endpoints.http.client.get("/v2/models/identity_INT8/stats").json()[
            "model_stats"
        ][0]

    before = read()
    send_one_right_and_one_wrong(client)

    expected = read()
    (counts,) = client.get_inference_statistics("identity_INT8").model_stats
    n_failed = expected["inference_stats"]["fail"]["count"]
    infer_ns = expected["inference_stats"]["compute_infer"]["ns"]

    assert counts.inference_count == expected["inference_count"]
    assert expected["inference_count"] == before["inference_count"] + 4
    assert counts.inference_stats.fail.count == n_failed
    assert n_failed == before["inference_stats"]["fail"]["count"] + 1
    assert counts.inference_stats.compute_infer.ns == infer_ns > 0


def test_each_version_is_counted(client: triton.InferenceServerClient) -> None:
    """A model of two versions has two statistics, and all models have one for each entry of the index."""
    one = client.get_inference_statistics("simple").model_stats
    everything = client.get_inference_statistics().model_stats

    assert len(one) == 2
    assert len(everything) == len(client.get_model_repository_index().models)


def test_requests_are_counted_by_method(
    endpoints: Endpoints, client: triton.InferenceServerClient
) -> None:
    """The metrics of HTTP count gRPC's requests by method and by gRPC's name of the status."""
    client.is_server_live()
    send_one_right_and_one_wrong(client)

    text = endpoints.http.client.get("/metrics").text

    start = "veredicto_requests_total{route="

    assert f'{start}"{MODEL_INFER}",status="INVALID_ARGUMENT"}} ' in text
    assert f'{start}"/{SERVICE}/ServerLive",status="OK"}} ' in text


def send_one_right_and_one_wrong(client: triton.InferenceServerClient) -> None:
    """Sends four rows that the model takes, and four that are too narrow for it."""
    right, wrong = (
        make_input("x", np.ones(shape, dtype=np.int8), "INT8")
        for shape in ((4, 3), (4, 2))
    )
    client.infer("identity_INT8", [right])
    with pytest.raises(InferenceServerException):
        client.infer("identity_INT8", [wrong])


def make_server(models: Path, port: int) -> grpc_server.Server:
    settings = Settings(models=models, grpc_port=port)
    registry = Registry.load(models)
    admission = Admission(settings, ModelMetrics(registry))
    return grpc_server.Server(
        DataPlane(registry, settings), settings, admission, Batches.of(settings)
    )


def test_a_worker_too_says_that_its_port_is_taken(models: Path) -> None:
    """A worker whose port was taken since the check at the start raises SettingsError with the port."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            SettingsError,
            match=rf"^VEREDICTO_GRPC_PORT: cannot listen on 127\.0\.0\.1:{port}: ",
        ):
            asyncio.run(make_server(models, port).start())


def test_a_defect_is_told_without_details(
    models: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the details of a defect, and the client does not."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret")

    async def ask() -> tuple[str, str]:
        port = free_port()
        server = make_server(models, port)
        monkeypatch.setattr(Registry, "find_graph", fail)
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await channel.unary_unary(MODEL_INFER)(colour_request())

        await server.stop()

        return refused.value.code().name, refused.value.details()

    assert asyncio.run(ask()) == (
        "INTERNAL",
        "the service has a defect; its log has the details",
    )
    assert f"a defect in {MODEL_INFER}" in caplog.text
    assert "secret" in caplog.text
