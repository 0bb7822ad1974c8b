"""Messages of the Open Inference Protocol over gRPC, from a table of their fields. The only module that knows protobuf.

Fields and numbers: github.com/kserve/open-inference-protocol, specification/protocol/open_inference_grpc.proto; of
configuration, statistics and index: triton-inference-server/common, protobuf. On the wire a message has no name, so
what is nested there stands side by side here. The pool is our own: clients register files of the same names in the
default one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from service.errors import InvalidRequest

PACKAGE = "inference"

_MESSAGES = """
ServerLiveRequest
ServerLiveResponse: live bool 1
ServerReadyRequest
ServerReadyResponse: ready bool 1
ServerMetadataRequest
ServerMetadataResponse: name string 1, version string 2, extensions string* 3
ModelReadyRequest: name string 1, version string 2
ModelReadyResponse: ready bool 1
ModelMetadataRequest: name string 1, version string 2
ModelMetadataResponse: name string 1, versions string* 2, platform string 3, inputs Tensor* 4, outputs Tensor* 5
Tensor: name string 1, datatype string 2, shape int64* 3

ModelInferRequest: model_name string 1, model_version string 2, id string 3, parameters {InferParameter} 4
    , inputs InferTensor* 5, outputs RequestedOutput* 6, raw_input_contents bytes* 7
ModelInferResponse: model_name string 1, model_version string 2, id string 3, parameters {InferParameter} 4
    , outputs InferTensor* 5, raw_output_contents bytes* 6
InferTensor: name string 1, datatype string 2, shape int64* 3, parameters {InferParameter} 4, contents Contents 5
RequestedOutput: name string 1, parameters {InferParameter} 2
InferParameter: bool_param bool| 1, int64_param int64| 2, string_param string| 3, double_param double| 4
    , uint64_param uint64| 5
Contents: bool_contents bool* 1, int_contents int32* 2, int64_contents int64* 3, uint_contents uint32* 4
    , uint64_contents uint64* 5, fp32_contents float* 6, fp64_contents double* 7, bytes_contents bytes* 8

ModelConfigRequest: name string 1, version string 2
ModelConfigResponse: config ModelConfig 1
ModelConfig: name string 1, platform string 2, max_batch_size int32 4, input InputConfig* 5, output OutputConfig* 6
    , dynamic_batching DynamicBatching| 11, backend string 17
DynamicBatching: max_queue_delay_microseconds uint64 2
InputConfig: name string 1, data_type =DataType 2, dims int64* 4
OutputConfig: name string 1, data_type =DataType 2, dims int64* 3

ModelStatisticsRequest: name string 1, version string 2
ModelStatisticsResponse: model_stats ModelStatistics* 1
ModelStatistics: name string 1, version string 2, last_inference uint64 3, inference_count uint64 4
    , execution_count uint64 5, inference_stats Durations 6, batch_stats BatchDurations* 7
Durations: success Duration 1, fail Duration 2, queue Duration 3, compute_input Duration 4, compute_infer Duration 5
    , compute_output Duration 6
BatchDurations: batch_size uint64 1, compute_infer Duration 3
Duration: count uint64 1, ns uint64 2

RepositoryIndexRequest: repository_name string 1, ready bool 2
RepositoryIndexResponse: models ModelIndex* 1
ModelIndex: name string 1, version string 2, state string 3, reason string 4
"""
"""Fields are name, type and number: `*` repeated, `{}` a map's values by text, `|` one of several, `=` enumerated."""

_ENUMERATIONS = {
    "DataType": "INVALID BOOL UINT8 UINT16 UINT32 UINT64 INT8 INT16 INT32 INT64 FP16 FP32 FP64 STRING BF16",
}
"""Its values are numbered from 0, each with TYPE_ before it."""


def decode(name: str, content: bytes) -> Any:
    """The message of this name; raises InvalidRequest for bytes that are none."""
    try:
        return _CLASSES[name].FromString(content)
    except DecodeError as error:
        raise InvalidRequest(
            f"the request is not as the protocol has it: {error}"
        ) from error


def encode(name: str, fields: Mapping[str, Any]) -> bytes:
    """A message of these fields, of which a mapping is a message again."""
    content: bytes = _CLASSES[name](**fields).SerializeToString()
    return content


def _make_classes() -> dict[str, Any]:
    file = FileDescriptorProto(
        name="veredicto/inference.proto", package=PACKAGE, syntax="proto3"
    )
    for name, values in _ENUMERATIONS.items():
        enumeration = file.enum_type.add(name=name)
        for number, value in enumerate(values.split()):
            enumeration.value.add(name=f"TYPE_{value}", number=number)

    for line in _MESSAGES.replace("\n    ", "").split("\n"):
        name, _, fields = line.partition(":")
        if name:
            _describe_message(file.message_type.add(name=name), fields)

    pool = DescriptorPool()
    pool.Add(file)
    names = [each.name for each in file.message_type]

    return {
        name: GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in names
    }


def _describe_message(message: DescriptorProto, fields: str) -> None:
    for text in filter(None, map(str.strip, fields.split(","))):
        name, kind, number = text.split()
        field = message.field.add(
            name=name, number=int(number), label=FieldDescriptorProto.LABEL_OPTIONAL
        )
        if kind.endswith("|"):
            if not message.oneof_decl:
                message.oneof_decl.add(name="choice")
            field.oneof_index = 0

        if kind.endswith("*") or kind.startswith("{"):
            field.label = FieldDescriptorProto.LABEL_REPEATED

        if kind.startswith("{"):
            entry = message.nested_type.add(name=f"{name.title()}Entry")
            entry.options.map_entry = True
            _describe_message(entry, f"key string 1, value {kind.strip('{}')} 2")
            kind = f"{message.name}.{entry.name}"

        _set_type(field, kind)


def _set_type(field: FieldDescriptorProto, kind: str) -> None:
    plain = kind.strip("*|=")
    scalar = f"TYPE_{plain.upper()}"
    if scalar in FieldDescriptorProto.Type.keys():  # noqa: SIM118  # an enumeration of protobuf's is no mapping
        field.type = FieldDescriptorProto.Type.Value(scalar)
    else:
        field.type = (
            FieldDescriptorProto.TYPE_ENUM
            if kind.startswith("=")
            else FieldDescriptorProto.TYPE_MESSAGE
        )
        field.type_name = f".{PACKAGE}.{plain}"


_CLASSES = _make_classes()
