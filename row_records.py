"""This module is the part of the contract that says which rows a file was learnt from, and what it answered to others.

Each record is one JSON document under a metadata key of its own, beside the card. Numbers in it are little-endian bytes
in base64: they are many, and neither a person nor an answer of the server has use for them as text.

    veredicto.held_out   the true classes of the held-out rows, and the file's own labels and probabilities for them
    veredicto.learnt     a hash of each row that the model was learnt from, those that chose an epoch or a temperature
                         included
"""

from __future__ import annotations

import binascii
import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model_card import CardError

HELD_OUT_KEY = "veredicto.held_out"
LEARNT_KEY = "veredicto.learnt"
RECORD_VERSION = 1
MAX_LEARNT_ROWS = 100_000
"""A file keeps no hashes where it was learnt from more rows: 800 kB are enough."""
MAX_PROBABILITY_CODE = 65_535
"""A probability is kept in 16 bits, as a share of 1, which moves it by at most 7.7e-6."""

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """A HeldOut record holds true classes `(n_rows,)`, labels `(n_rows,)` and probabilities `(n_rows, n_classes)`.

    `rows` is the fingerprint of the rows in their order: files with the same one answered the same rows. `groups`
    `(n_rows,)` has one number for rows that are equal, None where no two are.
    """

    rows: str
    truth: Classes
    labels: Classes
    probabilities: Floats
    groups: Classes | None = None


def hash_rows(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """Returns 64 bits of each row's BLAKE2b hash, `(n_rows,)`, of float32 features or of uint8 pixels.

    Missing values are one and the same, and so are the two zeros.
    """
    if rows.dtype.kind == "f":
        rows = rows.astype("<f4") + np.float32(0)
        rows[np.isnan(rows)] = np.nan

    shape = str(rows.shape[1:]).encode()
    digests = [
        hashlib.blake2b(row.tobytes(), digest_size=8, person=shape[:16]).digest()
        for row in np.ascontiguousarray(rows)
    ]
    return np.frombuffer(b"".join(digests), dtype="<u8")


def fingerprint_held_out(hashes: NDArray[np.uint64], truth: Classes) -> str:
    """Returns the SHA-256 of the rows' hashes and true classes in their order."""
    digest = hashlib.sha256(hashes.astype("<u8").tobytes())
    digest.update(truth.astype("<i8").tobytes())
    return f"sha256:{digest.hexdigest()}"


def group_equal(hashes: NDArray[np.uint64], truth: Classes) -> Classes | None:
    """Returns one number for rows of the same hash and class, `(n_rows,)`, or None where no two are equal."""
    keys = np.stack([hashes, truth.astype(np.uint64)], axis=1)
    unique, numbers = np.unique(keys, axis=0, return_inverse=True)
    return None if len(unique) == len(keys) else numbers.reshape(-1).astype(np.int64)


def write_held_out(record: HeldOut) -> dict[str, str]:
    """Returns the metadata property that holds the record."""
    codes = np.rint(record.probabilities * MAX_PROBABILITY_CODE).astype("<u2")
    groups = {}
    if record.groups is not None:
        groups = {"groups": _pack(record.groups.astype("<u2"))}

    return _write(
        HELD_OUT_KEY,
        **groups,
        rows=record.rows,
        n_classes=record.probabilities.shape[1],
        truth=_pack(record.truth.astype("<u2")),
        labels=_pack(record.labels.astype("<u2")),
        probabilities=_pack(codes),
    )


def read_held_out(metadata: Mapping[str, str]) -> HeldOut | None:
    """Returns the record in a file's metadata properties, None without one; raises CardError where it is broken.

    Probabilities sum to 1 again. One that was under 7.7e-6 comes back as 0.
    """
    document = _read(metadata, HELD_OUT_KEY)
    if document is None:
        return None

    try:
        n_classes = int(document["n_classes"])
        truth = _unpack(document["truth"], "<u2").astype(np.int64)
        labels = _unpack(document["labels"], "<u2").astype(np.int64)
        codes = _unpack(document["probabilities"], "<u2").reshape(len(truth), n_classes)
        rows = str(document["rows"])
        groups = None
        if "groups" in document:
            groups = _unpack(document["groups"], "<u2").astype(np.int64)
    except (KeyError, TypeError, ValueError) as error:
        raise CardError(f"{HELD_OUT_KEY}: {error}") from error

    sums = codes.sum(axis=1, keepdims=True, dtype=np.float64)
    fits = len(labels) == len(truth) > 0 and bool(sums.all())
    fits = fits and (groups is None or len(groups) == len(truth))
    if not fits or max(truth.max(), labels.max()) >= n_classes:
        raise CardError(
            f"{HELD_OUT_KEY}: expected a class, a label and probabilities for each row"
        )

    return HeldOut(
        rows=rows,
        truth=truth,
        labels=labels,
        probabilities=codes / sums,
        groups=groups,
    )


def write_learnt(hashes: NDArray[np.uint64]) -> dict[str, str]:
    """Returns the metadata property that holds the hashes, each once; nothing where they are too many or none."""
    if not 0 < len(hashes) <= MAX_LEARNT_ROWS:
        return {}
    return _write(LEARNT_KEY, rows=_pack(np.unique(hashes).astype("<u8")))


def read_learnt(metadata: Mapping[str, str]) -> NDArray[np.uint64] | None:
    """Returns the hashes in ascending order, None where the file has none; raises CardError where they are broken."""
    document = _read(metadata, LEARNT_KEY)
    if document is None:
        return None

    try:
        return _unpack(document["rows"], "<u8")
    except (KeyError, TypeError, ValueError) as error:
        raise CardError(f"{LEARNT_KEY}: {error}") from error


def _write(key: str, **values: Any) -> dict[str, str]:
    document = {"schema_version": RECORD_VERSION} | values
    return {key: json.dumps(document, sort_keys=True)}


def _read(metadata: Mapping[str, str], key: str) -> dict[str, Any] | None:
    """Returns the document under a key; None without one, or with one of a newer version, which is no harm."""
    if key not in metadata:
        return None

    try:
        document = json.loads(metadata[key])
    except (ValueError, RecursionError) as error:
        raise CardError(f"{key}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise CardError(f"{key}: expected an object, got {type(document).__name__}")

    return document if document.get("schema_version") == RECORD_VERSION else None


def _pack(values: NDArray[Any]) -> str:
    return b64encode(values.tobytes()).decode()


def _unpack(text: Any, dtype: str) -> NDArray[Any]:
    try:
        content = b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"expected base64: {error}") from error
    return np.frombuffer(content, dtype=dtype)
