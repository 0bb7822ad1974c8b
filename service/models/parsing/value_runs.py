"""Values of an attribute that each have a tag of their own, as those of trees, are read as one run of bytes."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

MAX_VARINT_BYTES = 10
_FLOATS = re.compile(rb"(?:\x3d.{4})++", re.DOTALL)
_INTS = re.compile(rb"(?:\x40[\x80-\xff]{0,9}[\x00-\x7f])++")
_ONE_SHORT_TEXT = (
    rb"\x4a(?:"
    + b"|".join(
        b"\\x%02x.{%d}" % (n_bytes, n_bytes)
        for n_bytes in (10, 4, *range(4), *range(5, 10), *range(11, 20))
    )
    + rb")"
)
_SHORT_TEXT = re.compile(_ONE_SHORT_TEXT, re.DOTALL)
_SHORT_TEXTS = re.compile(rb"(?:%b)++" % _ONE_SHORT_TEXT, re.DOTALL)
FLOAT_TAG = 0x3D
INT_TAG = 0x40
TEXT_TAG = 0x4A
"""A value of an attribute's `floats`, `ints` or `strings` begins so: the field's number times 8, and its kind."""
RUNS = {FLOAT_TAG: _FLOATS, INT_TAG: _INTS, TEXT_TAG: _SHORT_TEXTS}
"""The values of an attribute, each with a tag of its own, are one step: of a forest of 3 MB they took 180 ms.

The patterns never go back, for which they would keep a note of each value.
"""
LEAF = b"LEAF"
_BRANCHES = tuple(
    b"J%c%b" % (len(mode), mode)
    for mode in (b"BRANCH_LEQ", b"BRANCH_LT", b"BRANCH_GT", b"BRANCH_GTE")
)
_TAGGED_LEAF = b"J%c%b" % (len(LEAF), LEAF)
"""What nodes of trees do, with tag and length; the tag is a J, which is in none of the texts: no two overlap."""


def decode_tagged_varints(content: bytes) -> NDArray[np.int64]:
    """Returns the numbers of a run, each of which stands behind its tag of one byte."""
    data = np.frombuffer(content, dtype=np.uint8)
    # Tags and numbers take turns, and each ends with a byte under 128.
    ends = np.flatnonzero(data < 0x80)
    starts = ends[::2] + 1
    lengths = ends[1::2] - ends[::2]
    numbers = (data[starts] & 0x7F).astype(np.uint64)
    place = 1
    longer = np.flatnonzero(lengths > place)
    while len(longer):
        bits = (data[starts[longer] + place] & 0x7F).astype(np.uint64)
        numbers[longer] |= bits << np.uint64(min(7 * place, 63))
        place += 1
        longer = longer[lengths[longer] > place]

    return numbers.view(np.int64)


def are_tagged_varints(data: NDArray[np.uint8]) -> bool:
    """Returns whether bytes are whole numbers of at most ten bytes, each behind its tag of one byte."""
    ends = np.flatnonzero(data < 0x80)
    if len(ends) % 2 or not len(ends) or ends[-1] != len(data) - 1:
        return False

    tags = ends[::2]
    ends = ends[1::2]
    follows = tags[1:] == ends[:-1] + 1
    if tags[0] != 0 or not follows.all():
        return False
    if not (data[tags] == INT_TAG).all():
        return False

    longest = int((ends - tags).max())
    return longest <= MAX_VARINT_BYTES


def is_all_modes(content: bytes, start: int, end: int) -> bool:
    """Returns whether bytes are nothing but what nodes of trees do, text by text."""
    n_bytes = 0
    for text in (_TAGGED_LEAF, *_BRANCHES):
        n_bytes += len(text) * content.count(text, start, end)

    return n_bytes == end - start


def find_leaves(run: bytes, *, are_modes: bool) -> NDArray[np.bool_]:
    """Returns which texts of a run say that a node is a leaf; `are_modes` says that it has nothing but modes."""
    if not are_modes:
        return np.array([text == LEAF for text in list_texts(run)], dtype=np.bool_)

    # No text of these has the tag in it, and only one is so short.
    data = np.frombuffer(run, np.uint8)
    is_leaf: NDArray[np.bool_] = data[np.flatnonzero(data == TEXT_TAG) + 1] == len(LEAF)

    return is_leaf


def list_texts(run: bytes) -> list[bytes]:
    """Returns the texts of a run; the length stands in the second byte of each."""
    return [text[2:] for text in _SHORT_TEXT.findall(run)]
