"""Records of rows are read back as they were written, and broken ones are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from model_card import CardError
from row_records import (
    HELD_OUT_KEY,
    LEARNT_KEY,
    MAX_LEARNT_ROWS,
    HeldOut,
    fingerprint_held_out,
    group_equal,
    hash_rows,
    read_held_out,
    read_learnt,
    write_held_out,
    write_learnt,
)

CHANCE = np.random.default_rng(0)
PROBABILITIES = CHANCE.dirichlet([0.3, 1, 2], 50)
RECORD = HeldOut(
    rows="sha256:" + "0" * 64,
    truth=CHANCE.integers(0, 3, 50),
    labels=PROBABILITIES.argmax(axis=1),
    probabilities=PROBABILITIES,
)


def test_answers_to_held_out_rows_are_read_back() -> None:
    """Classes and labels come back as they were, probabilities within 16 bits, and each row of them sums to 1."""
    found = read_held_out(write_held_out(RECORD))
    assert found is not None
    assert found.rows == RECORD.rows
    assert found.groups is None
    assert np.array_equal(found.truth, RECORD.truth)
    assert np.array_equal(found.labels, RECORD.labels)
    assert np.abs(found.probabilities - PROBABILITIES).max() < 2e-5
    assert np.allclose(found.probabilities.sum(axis=1), 1, rtol=0, atol=1e-12)


def test_a_file_without_records_has_none() -> None:
    """Metadata without the keys, or with a record of a newer version, has no record."""
    newer = json.dumps({"schema_version": 99})
    assert read_held_out({}) is None
    assert read_learnt({}) is None
    assert read_held_out({HELD_OUT_KEY: newer}) is None
    assert read_learnt({LEARNT_KEY: newer}) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"probabilities": "AAAA"},
        {"probabilities": "not base64"},
        {"labels": ""},
        {"truth": None},
        {"n_classes": 2},
        {"n_classes": 0},
        {"groups": "AAA="},
        {"rows": None, "truth": "", "labels": "", "probabilities": ""},
    ],
)
def test_a_broken_record_is_refused(changes: dict[str, object]) -> None:
    """A record with other lengths, of no rows or that is no base64 raises CardError, which names its key."""
    document = json.loads(write_held_out(RECORD)[HELD_OUT_KEY]) | changes
    with pytest.raises(CardError, match=HELD_OUT_KEY):
        read_held_out({HELD_OUT_KEY: json.dumps(document)})


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 1}'])
def test_a_record_that_is_no_document_is_refused(text: str) -> None:
    """A record that is no JSON object, or lacks its fields, raises CardError."""
    with pytest.raises(CardError, match=HELD_OUT_KEY):
        read_held_out({HELD_OUT_KEY: text})
    with pytest.raises(CardError, match=LEARNT_KEY):
        read_learnt({LEARNT_KEY: text})


def test_equal_rows_have_one_hash() -> None:
    """Rows have the same hash where their float32 values are equal; both zeros are, and all missing values."""
    rows = np.array(
        [[0.0, np.nan], [-0.0, -np.nan], [0.1, 1], [0.1 + 1e-12, 1], [1, 0.1]]
    )
    first, second, third, fourth, fifth = hash_rows(rows).tolist()
    assert first == second
    assert third == fourth
    assert len({first, third, fifth}) == 3


def test_images_have_another_hash_in_another_shape() -> None:
    """Bytes in another height and width are another image."""
    pixels = np.arange(24, dtype=np.uint8)
    wide, high = (pixels.reshape(1, *shape) for shape in ((2, 4, 3), (4, 2, 3)))
    assert hash_rows(wide) != hash_rows(high)


def test_hashes_of_learnt_rows_are_kept_once() -> None:
    """Hashes come back sorted and each once; too many rows, or none, are not kept."""
    hashes = hash_rows(np.array([[3.0], [1.0], [3.0]]))
    found = read_learnt(write_learnt(hashes))
    assert found is not None
    assert np.array_equal(found, np.unique(hashes))
    assert write_learnt(np.arange(MAX_LEARNT_ROWS + 1, dtype=np.uint64)) == {}
    assert write_learnt(hashes[:0]) == {}


def test_equal_held_out_rows_are_in_one_group() -> None:
    """Rows of the same hash and class have one number; without such rows there are no groups, and both are kept."""
    hashes = np.array([7, 8, 7, 7], np.uint64)
    truth = np.array([0, 0, 0, 1])
    groups = group_equal(hashes, truth)
    assert groups is not None
    assert groups[0] == groups[2]
    assert len(set(groups.tolist())) == 3
    assert group_equal(hashes[:2], truth[:2]) is None
    assert fingerprint_held_out(hashes, truth) != fingerprint_held_out(
        hashes, truth[::-1]
    )

    record = HeldOut(
        rows="sha256:" + "0" * 64,
        truth=truth,
        labels=truth,
        probabilities=np.eye(2)[truth],
        groups=groups,
    )
    found = read_held_out(write_held_out(record))
    assert found is not None
    assert found.groups is not None
    assert np.array_equal(found.groups, groups)
