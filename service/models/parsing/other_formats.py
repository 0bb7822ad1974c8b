"""Files that are called like models and are something else are told by their first bytes, with what would work."""

from __future__ import annotations

_EXPORT = "export the model as ONNX"
_STARTS = (
    (
        b"version https://git-lfs",
        "a pointer of Git LFS, which the file itself replaces after `git lfs pull`",
    ),
    (b"\x1f\x8b", "packed by gzip: unpack it"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd: unpack it"),
    (b"\xfd7zXZ", "packed by xz: unpack it"),
    (b"BZh", "packed by bzip2: unpack it"),
    (b"PK\x03\x04", f"a zip archive, as torch.save and Keras write: {_EXPORT}"),
    (b"\x89HDF", f"HDF5, as Keras writes: {_EXPORT}"),
    (b"GGUF", f"GGUF, as llama.cpp reads: {_EXPORT}"),
    (b"ir_version:", "ONNX as text: write it as binary protobuf, as onnx.save does"),
    (b"{", f"JSON: {_EXPORT}"),
    *(
        (bytes([0x80, version]), f"a pickle, as joblib and torch write: {_EXPORT}")
        for version in range(2, 6)
    ),
    *(
        (
            start,
            "a page of HTML or XML, as a download gives that wants a login: fetch it again",
        )
        for start in (b"<!", b"<?xml", b"<html", b"<HTML")
    ),
)
_WITHIN = (
    (4, b"ORTM", "in onnxruntime's own format, whose graph is not looked through"),
    (4, b"TFL3", "of TensorFlow Lite"),
    (8, b"{", "of safetensors, which has weights and no graph"),
)


def name_other_format(content: bytes) -> str | None:
    """Returns what a file is by its first bytes, and what would work; None where nothing else is known of it."""
    for start, what in _STARTS:
        if content.startswith(start):
            return what
    for place, start, what in _WITHIN:
        if content.startswith(start, place):
            return f"{what}: {_EXPORT}"

    return None if content else "empty, as where a copy or a download has ended early"
