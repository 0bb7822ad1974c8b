"""Compression of requests and answers: gzip, and deflate as HTTP and gRPC have it, in zlib's format."""

from __future__ import annotations

import zlib

from service.errors import InvalidRequest, TooLarge

KINDS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def unpack(body: bytes, kind: str, most: int) -> bytes:
    """A body without its compression; raises TooLarge before it is all unpacked, and InvalidRequest."""
    try:
        unpacker = zlib.decompressobj(KINDS[kind])
        unpacked = unpacker.decompress(body, most + 1)
    except zlib.error:
        raise InvalidRequest(f"the body is not {kind}, as its encoding says") from None
    if len(unpacked) > most:
        raise TooLarge(f"the body unpacks to more than the limit of {most} bytes (VEREDICTO_MAX_BODY_BYTES)")
    if not unpacker.eof:
        raise InvalidRequest(f"the body's {kind} is cut off")
    return unpacked


def pack(content: bytes, kind: str) -> bytes:
    """Quickly rather than small."""
    packer = zlib.compressobj(1, zlib.DEFLATED, KINDS[kind])
    return packer.compress(content) + packer.flush()
