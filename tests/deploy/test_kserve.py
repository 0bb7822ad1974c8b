"""KServe's runtime starts the server as its manifest says, and its own client asks it by the service's name."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import kserve
import kubernetes.client
import numpy as np
import pytest
import yaml
from kserve import (
    InferenceGRPCClient,
    InferenceRESTClient,
    InferInput,
    InferRequest,
    RESTConfig,
)

from service.settings import name_settings
from tests.support.server import ROOT, STOP_LIMIT_S, PatientTransport, free_port
from tests.support.tiny_models import tiny_card, write_tiny

KSERVE = ROOT / "deploy" / "kserve"
NAME = "flowers"
ROW = [1.0, "green"]
CODES = [1.0, 1.0]
"""A row of the tiny classifier, and the same as its graph takes it."""


def read(name: str) -> dict[str, Any]:
    manifest: dict[str, Any] = yaml.safe_load((KSERVE / name).read_text("utf-8"))
    return manifest


def read_container(name: str) -> dict[str, Any]:
    """Returns the one container of a runtime."""
    [container] = read(name)["spec"]["containers"]
    assert isinstance(container, dict)
    return container


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("runtime.yaml", "V1alpha1ClusterServingRuntime"),
        ("grpc_runtime.yaml", "V1alpha1ClusterServingRuntime"),
        ("service.yaml", "V1beta1InferenceService"),
    ],
)
def test_manifests_have_the_fields_of_kserves_types(name: str, kind: str) -> None:
    """KServe's own types, and Kubernetes' below them, know each field of a manifest at every level."""
    check_fields(read(name), kind, where=kind)


def check_fields(value: Any, type_name: str, *, where: str) -> None:
    """Asserts that an object has fields of its generated type alone, and the same of what is in it."""
    inner = re.fullmatch(r"(?:list\[|dict\(str, |dict\[str, )(.+)[\])]", type_name)
    if inner is not None:
        for each in value.values() if isinstance(value, dict) else value:
            check_fields(each, inner[1], where=where)
        return

    found = getattr(kserve, type_name, None) or getattr(
        kubernetes.client, type_name, None
    )
    if found is None:
        return

    names = {theirs: ours for ours, theirs in found.attribute_map.items()}
    for field, content in value.items():
        assert field in names, f"{where}.{field}"
        inner_type = found.openapi_types[names[field]]
        check_fields(content, inner_type, where=f"{where}.{field}")


@pytest.mark.parametrize("name", ["runtime.yaml", "grpc_runtime.yaml"])
def test_runtimes_set_settings_that_exist(name: str) -> None:
    """Each variable of a runtime is a setting, and each probe asks a port that the container opens."""
    container = read_container(name)
    assert {each["name"] for each in container["env"]} <= name_settings()
    assert container["securityContext"]["readOnlyRootFilesystem"] is True


def _read_command(
    folder: Path, port: int, grpc_port: int
) -> tuple[list[str], dict[str, str]]:
    """Returns a runtime's words and the environment with its variables, for these paths and ports."""
    container = read_container("grpc_runtime.yaml")
    replaced = {"/mnt/models": str(folder), "8081": str(grpc_port)}
    variables = {
        each["name"]: replaced.get(each["value"], each["value"])
        for each in container["env"]
    }
    words = [
        each.replace("{{.Name}}", NAME).replace("8080", str(port))
        for each in container["args"]
    ]
    inherited = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith("VEREDICTO_")
    }

    return words, inherited | variables


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The server is started by a runtime's own words and variables, but for ports and paths of this machine."""
    folder = tmp_path_factory.mktemp("mnt")
    write_tiny(folder, tiny_card(family="first")).rename(folder / "model.onnx")
    home = tmp_path_factory.mktemp("home")
    port, grpc_port = free_port(), free_port()
    words, variables = _read_command(folder, port, grpc_port)
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", *words],
            cwd=ROOT,
            env=variables | {"BENTOML_HOME": str(home / "bentoml")},
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(transport=PatientTransport(), timeout=60) as client:
            assert client.get(f"{url}/readyz").status_code == 200, log.read_text()
        yield url, f"127.0.0.1:{grpc_port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=STOP_LIMIT_S)


def make_request() -> InferRequest:
    tensor = InferInput("features", [1, 2], "FP32")
    tensor.set_data_from_numpy(np.array([CODES], np.float32), binary_data=False)
    return InferRequest(NAME, [tensor])


def read_probabilities(answer: Any) -> list[float]:
    output = next(each for each in answer.outputs if each.name == "probabilities")
    return [float(each) for each in output.as_numpy().ravel()]


def test_kserves_client_gets_one_answer_in_every_way(urls: tuple[str, str]) -> None:
    """KServe's client finds the model ready by the service's name, and gets the same over v1, v2 and gRPC."""
    url, target = urls

    async def ask() -> tuple[Any, Any, Any]:
        old, new = (
            InferenceRESTClient(RESTConfig(protocol=version))
            for version in ("v1", "v2")
        )
        beside = InferenceGRPCClient(target)
        assert await new.is_server_ready(url)
        assert await beside.is_server_ready()
        for ready in (
            old.is_model_ready(url, NAME),
            new.is_model_ready(url, NAME),
            beside.is_model_ready(NAME),
        ):
            assert await ready

        instances = {"instances": [ROW], "parameters": {"call": "predict_proba"}}
        answers = (
            await old.infer(url, instances, NAME),
            await new.infer(url, make_request(), NAME),
            await beside.infer(make_request()),
        )
        await old.close()
        await new.close()
        await beside.close()
        return answers

    old, new, beside = asyncio.run(ask())
    [expected] = old["predictions"]

    assert new.model_name == beside.model_name == NAME
    assert read_probabilities(new) == pytest.approx(expected)
    assert read_probabilities(beside) == pytest.approx(expected)
