"""Requests and answers are compressed with gzip, or with deflate as HTTP and gRPC have it, in zlib's format."""

from __future__ import annotations

import re
import zlib

from service.errors import InvalidRequest, TooLarge

_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
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


def choose(accepted: str) -> str:
    """Returns the compression that a client likes best by its Accept-Encoding, empty where it likes none of ours.

    Of equals the first comes first, and a compression before none.
    """
    qualities: dict[str, float] = {}
    for each in accepted.lower().split(","):
        name, _, parameters = each.partition(";")
        qualities.setdefault(name.strip(), _read_quality(parameters))

    others = qualities.get("*", 0.0)
    kinds = [each for each in qualities if each in KINDS]
    kinds += [each for each in KINDS if each not in kinds]
    best = max(kinds, key=lambda kind: qualities.get(kind, others))
    quality = qualities.get(best, others)

    return best if quality > 0 and quality >= qualities.get("identity", 0.0) else ""


def _read_quality(parameters: str) -> float:
    """Returns how much a client likes an encoding, from 0 for not at all to 1; a quality that is none counts as 0."""
    for each in parameters.split(";"):
        name, _, value = each.partition("=")
        if name.strip() == "q":
            match = _QUALITY.fullmatch(value.strip())
            return float(value) if match else 0.0

    return 1.0


def compress(content: bytes, kind: str) -> bytes:
    """Returns the content compressed quickly rather than small."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, KINDS[kind])
    return compressor.compress(content) + compressor.flush()
