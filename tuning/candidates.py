"""This module lists the settings that are tried: combinations that this machine has processors for."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from service.settings import PREFIX, Settings

BATCH_ROWS = (1, 16, 64)
"""These limits of batching are tried: none at all, the default, and as many as fill a larger run."""


@dataclass(frozen=True, kw_only=True, order=True)
class Candidate:
    """This is one combination of the settings that are searched."""

    workers: int
    threads: int
    max_batch_rows: int
    request_threads: int

    def list_variables(self) -> dict[str, str]:
        """Returns the variables that set a server so."""
        return {
            f"{PREFIX}{name.upper()}": str(value) for name, value in vars(self).items()
        }


@dataclass(frozen=True, kw_only=True)
class Choices:
    """These are the values that the caller names for each setting; an empty list leaves them to us."""

    workers: Sequence[int] = ()
    threads: Sequence[int] = ()
    max_batch_rows: Sequence[int] = ()
    request_threads: Sequence[int] = field(default_factory=tuple)


def find_default(n_processors: int) -> Candidate:
    """Returns the settings of a server to which nobody has said anything."""
    settings = Settings()
    return Candidate(
        workers=settings.workers,
        threads=settings.threads,
        max_batch_rows=settings.max_batch_rows,
        request_threads=settings.request_threads or n_processors,
    )


def list_candidates(
    choices: Choices,
    *,
    n_processors: int,
    has_images: bool,
    max_candidates: int,
    seed: int,
) -> list[Candidate]:
    """Returns the default and combinations beside it, drawn at random where there are more than `max_candidates`.

    Workers that together have more threads than there are processors only wait for each other: they are tried where the
    caller names them. Threads of requests are varied for images, whose decoding they do.
    """
    default = find_default(n_processors)
    counts = _double_up_to(n_processors)
    decoding = (1, n_processors, 2 * n_processors) if has_images else (n_processors,)
    combined = product(
        choices.workers or counts,
        choices.threads or counts,
        choices.max_batch_rows or BATCH_ROWS,
        choices.request_threads or sorted(set(decoding)),
    )
    is_named = bool(choices.workers and choices.threads)
    found = {
        Candidate(
            workers=workers,
            threads=threads,
            max_batch_rows=rows,
            request_threads=request_threads,
        )
        for workers, threads, rows, request_threads in combined
        if is_named or workers * threads <= max(n_processors, workers, threads)
    }
    others = sorted(found - {default})
    if len(others) >= max_candidates:
        others = sorted(random.Random(seed).sample(others, max_candidates - 1))

    return [default, *others]


def name_changes(candidate: Candidate, default: Candidate) -> Mapping[str, int]:
    """Returns the settings in which a candidate is not the default."""
    usual = vars(default)
    return {
        name: value for name, value in vars(candidate).items() if value != usual[name]
    }


def _double_up_to(limit: int) -> list[int]:
    """Returns 1, 2, 4 and so on, and the limit itself."""
    counts = {limit} | {2**power for power in range(limit.bit_length())}
    return sorted(counts)
