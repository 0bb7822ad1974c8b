"""Requests and answers are compressed with gzip, or with deflate as HTTP and gRPC have it, in zlib's format."""

from __future__ import annotations

import zlib

from service.errors import InvalidRequest, TooLarge

KINDS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


def decompress(body: bytes, kind: str, max_bytes: int, setting: str) -> bytes:
    """Returns a body without its compression; raises InvalidRequest, and TooLarge before it is all decompressed.

    `setting` names where the limit is from.
    """
    try:
        decompressor = zlib.decompressobj(KINDS[kind])
        content = decompressor.decompress(body, max_bytes + 1)
    except zlib.error:
        raise InvalidRequest(f"the body is not {kind}, as its encoding says") from None

    if len(content) > max_bytes:
        raise TooLarge(
            f"the body unpacks to more than the limit of {max_bytes} bytes ({setting})"
        )

    if not decompressor.eof:
        raise InvalidRequest(f"the body's {kind} is cut off")

    return content


def find_compression(message: bytes) -> str:
    """Returns a gRPC message's compression by its first bytes, with which none of the protocol's begins."""
    if message.startswith(b"\x1f\x8b"):
        return "gzip"
    return "deflate" if message.startswith(b"x") else ""


def decompress_message(message: bytes, max_bytes: int, setting: str) -> bytes:
    """Returns a message of gRPC without its compression, where it has one; raises as `decompress` does."""
    kind = find_compression(message)
    return decompress(message, kind, max_bytes, setting) if kind else message


def compress(content: bytes, kind: str) -> bytes:
    """Returns the content compressed quickly rather than small."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, KINDS[kind])
    return compressor.compress(content) + compressor.flush()
