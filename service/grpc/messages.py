"""This module encodes and decodes the messages of the Open Inference Protocol, as `open_inference.proto` has them.

This is the only module that knows protobuf. It loads the compiled file into a pool of its own, because clients in the
same process register files with the same names in the default pool.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from service.errors import InvalidRequest

PACKAGE = "inference"
DESCRIPTOR_SET = Path(__file__).with_name("open_inference.binpb")
"""`make proto` compiles `open_inference.proto` to this file."""


def decode(name: str, content: bytes) -> Any:
    """Returns the message of this name that the bytes hold; raises InvalidRequest for bytes that are none."""
    return decode_as(_CLASSES[name], content)


def decode_as(kind: Any, content: bytes) -> Any:
    """Returns the message of a class, of this protocol or another; raises InvalidRequest for bytes that are none."""
    try:
        return kind.FromString(content)
    except DecodeError as error:
        raise InvalidRequest(
            f"the request is not as the protocol has it: {error}"
        ) from error


def encode(name: str, fields: Mapping[str, Any]) -> bytes:
    """Returns the bytes of the message of this name; a field that is a mapping becomes a message in it."""
    content: bytes = _CLASSES[name](**fields).SerializeToString()
    return content


def make_pool(*others: bytes) -> DescriptorPool:
    """Returns a pool of the protocol's file, and of other files that are given as their serialised descriptors."""
    pool = DescriptorPool()
    pool.AddSerializedFile(_FILE.SerializeToString())
    for each in others:
        pool.AddSerializedFile(each)

    return pool


def rename_package(file: bytes, old: str, new: str) -> bytes:
    """Returns the serialised descriptor of a file, itself serialised, with another name in the place of its package's.

    Versions of a protocol may differ in nothing else.
    """
    text = str(FileDescriptorProto.FromString(file))
    renamed = FileDescriptorProto()
    text_format.Parse(text.replace(old, new), renamed)
    content: bytes = renamed.SerializeToString()
    return content


def _load_classes() -> dict[str, Any]:
    file = _FILE
    pool = make_pool()
    names = [message.name for message in file.message_type]

    return {
        name: GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in names
    }


(_FILE,) = FileDescriptorSet.FromString(DESCRIPTOR_SET.read_bytes()).file
_CLASSES = _load_classes()
