"""Messages of the protocol: what is compiled, what clients have, and what is no message."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from kserve.protocol.grpc import grpc_predict_v2_pb2

from service.errors import InvalidRequest
from service.grpc import messages
from service.grpc.server import SERVICE
from tests.support.triton_grpc import service_pb2

PROTO = messages.DESCRIPTOR_SET.with_suffix(".proto")


def fields_of(message: Any, clients: Any) -> dict[str, Any]:
    """Returns number, type, repetition and content of each field that the client's message has too."""
    theirs = {each.name: each for each in clients.fields}
    described: dict[str, Any] = {}

    for field in message.fields:
        if field.name in theirs:
            other = theirs[field.name]
            inner = (
                fields_of(field.message_type, other.message_type)
                if field.message_type
                else None
            )
            values = (
                {each.name: each.number for each in field.enum_type.values}
                if field.enum_type
                else None
            )
            described[field.name] = (
                field.number,
                field.type,
                field.is_repeated,
                inner,
                values,
            )

    return described


UNLIKE = {
    f"RepositoryModel{action}{kind}"
    for action in ("Load", "Unload")
    for kind in ("Request", "Response")
}
"""Both clients have other fields for these."""


@pytest.mark.parametrize("file", [service_pb2, grpc_predict_v2_pb2])
@pytest.mark.parametrize("action", ["Load", "Unload"])
def test_both_clients_name_the_model_that_they_load(file: Any, action: str) -> None:
    """Triton's client writes the field that is the model's name here, and KServe's writes that of a repository."""
    theirs = getattr(file, f"RepositoryModel{action}Request")(model_name="points")
    ours = messages.decode(
        f"RepositoryModel{action}Request", theirs.SerializeToString()
    )
    assert (ours.model_name or ours.repository_name) == "points"

    done = f"is{action}ed"
    answer = messages.encode(
        f"RepositoryModel{action}Response", {"model_name": "points", done: True}
    )
    read = getattr(file, f"RepositoryModel{action}Response").FromString(answer)
    if file is grpc_predict_v2_pb2:
        assert (read.model_name, getattr(read, done)) == ("points", True)


@pytest.mark.parametrize(
    "file", [service_pb2, grpc_predict_v2_pb2], ids=["triton", "kserve"]
)
def test_fields_are_those_of_the_clients(file: Any) -> None:
    """Every field of every message has the number and the type that the clients give it."""
    (service,) = file.DESCRIPTOR.services_by_name.values()
    assert service.full_name == SERVICE
    compared = set()

    for method in service.methods:
        for theirs in (method.input_type, method.output_type):
            if theirs.name in messages._CLASSES and theirs.name not in UNLIKE:
                ours = messages._CLASSES[theirs.name].DESCRIPTOR
                assert fields_of(ours, theirs) == fields_of(theirs, ours)
                if file is service_pb2:  # a superset of the protocol
                    assert fields_of(ours, theirs) == fields_of(ours, ours)
                compared.add(theirs.name)

    assert len(compared) == (18 if file is service_pb2 else 12)


def test_the_compiled_file_is_that_of_the_proto(tmp_path: Path) -> None:
    """The compiler makes of the .proto what is committed beside it; `make proto` brings it up to date."""
    compiled = tmp_path / "compiled.binpb"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"--proto_path={PROTO.parent}",
            f"--descriptor_set_out={compiled}",
            PROTO.name,
        ],
        check=True,
    )
    expected = FileDescriptorSet.FromString(compiled.read_bytes())
    committed = FileDescriptorSet.FromString(messages.DESCRIPTOR_SET.read_bytes())

    assert committed == expected


def test_the_service_of_the_file_has_the_methods_of_the_server() -> None:
    """A stub that is made of the file has a request and a response of ours for each method, under the server's name."""
    (file,) = FileDescriptorSet.FromString(messages.DESCRIPTOR_SET.read_bytes()).file
    (service,) = file.service
    assert f"{file.package}.{service.name}" == SERVICE

    for method in service.method:
        assert method.input_type == f".{file.package}.{method.name}Request"
        assert method.output_type == f".{file.package}.{method.name}Response"


def test_nested_mappings_become_messages() -> None:
    """Plain values that were encoded are decoded to the same values."""
    content = messages.encode(
        "ModelInferResponse",
        {
            "model_name": "simple",
            "parameters": {"ok": {"bool_param": True}},
            "outputs": [
                {
                    "name": "sum",
                    "datatype": "FP32",
                    "shape": [1, 2],
                    "contents": {"fp32_contents": [0.5, 1.5]},
                }
            ],
        },
    )
    message = messages.decode("ModelInferResponse", content)
    (output,) = message.outputs

    assert message.model_name == "simple"
    assert message.parameters["ok"].WhichOneof("parameter_choice") == "bool_param"
    assert list(output.shape) == [1, 2]
    assert list(output.contents.fp32_contents) == [0.5, 1.5]


def test_bytes_that_are_no_message_are_refused() -> None:
    """The refusal says that the protocol has no such message, and why."""
    with pytest.raises(
        InvalidRequest, match=r"^the request is not as the protocol has it: "
    ):
        messages.decode("ModelInferRequest", b"\xff\xff")
