"""Compression of requests and answers: gzip, and deflate as HTTP and gRPC have it, in zlib's format."""

from __future__ import annotations

import zlib

from service.errors import InvalidRequest, TooLarge

KINDS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def unpack(body: bytes, kind: str, most: int, setting: str) -> bytes:
    """A body without its compression; raises InvalidRequest, and before it is all unpacked TooLarge.

    `setting` is where the limit is from.
    """
    try:
        unpacker = zlib.decompressobj(KINDS[kind])
        unpacked = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise InvalidRequest(f"the body is not {kind}, as its encoding says") from None

    if len(unpacked) > most:
        raise TooLarge(
            f"the body unpacks to more than the limit of {most} bytes ({setting})"
        )

    if not unpacker.eof:
        raise InvalidRequest(f"the body's {kind} is cut off")

    return unpacked


def find_kind(message: bytes) -> str:
    """How a message of gRPC is packed, by its first bytes: none of the protocol's begins as these formats do."""
    if message.startswith(b"\x1f\x8b"):
        return "gzip"
    return "deflate" if message.startswith(b"x") else ""


def unpack_message(message: bytes, most: int, setting: str) -> bytes:
    """A message of gRPC without its compression, where it has one; raises as `unpack` does."""
    kind = find_kind(message)
    return unpack(message, kind, most, setting) if kind else message


def pack(content: bytes, kind: str) -> bytes:
    """Quickly rather than small."""
    packer = zlib.compressobj(1, zlib.DEFLATED, KINDS[kind])
    return packer.compress(content) + packer.flush()
