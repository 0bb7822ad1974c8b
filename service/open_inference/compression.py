"""Requests and answers are compressed with gzip, or with deflate as HTTP and gRPC have it, in zlib's format.

Of requests the bare format is taken too, which many clients send for deflate.
"""

from __future__ import annotations

import re
import zlib

from service.contract.limits import MAX_GZIP_MEMBERS
from service.errors import InvalidRequest, TooLarge

_QUALITY = re.compile(r"0(\.\d{0,3})?|1(\.0{0,3})?")
SLICE_BYTES = 65_536
KINDS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_BARE = -zlib.MAX_WBITS


def decompress(body: bytes, kind: str, max_bytes: int, setting: str) -> bytes:
    """Returns a body without its compression; raises InvalidRequest, and TooLarge before it is all decompressed.

    A body of gzip may have several members, as RFC 1952 has it. `setting` names where the limit is from.
    """
    parts: list[bytes] = []
    n_bytes = 0
    at = 0

    for _ in range(MAX_GZIP_MEMBERS):
        # One byte over the limit shows that there are more.
        n_left = max_bytes + 1 - n_bytes
        try:
            content, at = _decompress_member(body, at, kind, n_left)
        except zlib.error:
            raise InvalidRequest(_explain(kind, at)) from None

        parts.append(content)
        n_bytes += len(content)
        if n_bytes > max_bytes:
            raise TooLarge(
                f"the body unpacks to more than the limit of {max_bytes} bytes ({setting})"
            )

        if at < 0:
            raise InvalidRequest(f"the body's {kind} is cut off")

        is_last = not body[at:].strip(b"\0")
        if not is_last and kind != "gzip":
            raise InvalidRequest(_explain(kind, at))
        if is_last and len(parts) == 1:
            return content
        if is_last:
            return b"".join(parts)

    raise InvalidRequest(
        f"the body's gzip has more than {MAX_GZIP_MEMBERS} members: send it as one"
    )


def _decompress_member(
    body: bytes, start: int, kind: str, max_bytes: int
) -> tuple[bytes, int]:
    """Returns so much of what a member unpacks to, and where it ends; -1 where no end came.

    What is left is handed out as a copy, so that the body is fed in slices.
    """
    window_bits = KINDS[kind]
    if kind == "deflate" and not _has_zlib_head(body):
        window_bits = _BARE
    decompressor = zlib.decompressobj(window_bits)

    parts = []
    for at in range(start, len(body), SLICE_BYTES):
        part = decompressor.decompress(body[at : at + SLICE_BYTES], max_bytes)
        parts.append(part)
        max_bytes -= len(part)
        if decompressor.eof:
            fed_until = min(at + SLICE_BYTES, len(body))
            end = fed_until - len(decompressor.unused_data)
            return b"".join(parts), end
        if max_bytes <= 0:
            break

    return b"".join(parts), -1


def _has_zlib_head(body: bytes) -> bool:
    """Returns whether a body begins as RFC 1950, 2.2 has it, as no encoder begins the bare format of RFC 1951."""
    if not body:
        return True

    method = body[0] & 15
    if len(body) == 1:
        return method == zlib.DEFLATED

    is_checked = int.from_bytes(body[:2], "big") % 31 == 0
    return method == zlib.DEFLATED and is_checked


def _explain(kind: str, start: int) -> str:
    if start:
        return f"bytes follow the body's {kind} that are none of it"
    return f"the body is not {kind}, as its encoding says"


def find_compression(message: bytes) -> str:
    """Returns a gRPC message's compression by its first bytes, with which none of the protocol's begins."""
    if message.startswith(b"\x1f\x8b"):
        return "gzip"
    if message.startswith(b"x"):
        return "deflate"
    return ""


def decompress_message(message: bytes, max_bytes: int, setting: str) -> bytes:
    """Returns a message of gRPC without its compression, where it has one; raises as `decompress` does."""
    kind = find_compression(message)
    if not kind:
        return message

    return decompress(message, kind, max_bytes, setting)


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
    without = qualities.get("identity", 0.0)
    if quality <= 0 or quality < without:
        return ""

    return best


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
