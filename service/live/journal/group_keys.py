"""The keys of groups say which rows belong together, by the names that clients give them or by their request.

A named group's key is a hash of its name, so that the file has no names of patients, say; it is negative. A request
whose rows have no named group is a group of its own, whose key is its `seq`, which is positive.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from service.live.journal.records import GROUP_DTYPE, GroupKeys

BY_ITSELF = 0
"""The key of a row that is alone in its group: no other can follow, so nothing of it needs to be remembered."""


def hash_name(task: str, name: str) -> int:
    """Returns the key of a named group of a task, from -2**63 to -1.

    It is 63 bits of a hash: a million names collide in one of 20 million journals.
    """
    digest = blake2b(f"{task}\0{name}".encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big") // 2

    return number - 2**63


def hash_names(task: str, names: str | Sequence[str]) -> GroupKeys:
    """Returns the keys `(n_rows,)` of a request's groups, or `(1,)` of the one that all of its rows are in."""
    all_names = [names] if isinstance(names, str) else names
    return np.array([hash_name(task, name) for name in all_names], dtype=np.int64)


def read_named(stored: bytes | None, row: int) -> int | None:
    """Returns the key that a request gave to a row; None where it named no group."""
    if stored is None:
        return None

    keys = np.frombuffer(stored, GROUP_DTYPE)
    is_one_for_all = len(keys) == 1

    return int(keys[0 if is_one_for_all else row])


def find_key(seq: int, *, n_rows: int, named: int | None) -> int:
    """Returns the key of the group of a row whose group has this key by its name, if by any."""
    if named is not None:
        return named
    return seq if n_rows > 1 else BY_ITSELF
