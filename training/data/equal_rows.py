"""Equal rows or images of different targets cannot all be right, and equal ones of one target may be held out too."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

MIN_COPIED_SHARE = 0.05
"""Fewer rows that repeat others may be chance; where most do, features take few values."""
MIN_DIFFERENT_SHARE = 0.8
N_SHOWN = 3


def describe_equal_rows(
    features: pl.DataFrame, target: pl.Series, *, classifies: bool
) -> list[str]:
    """Returns sentences on rows that are equal in all features, with other targets or with the same.

    Rows without a target do not count.
    """
    known = target.is_not_null()
    is_nested = any(each.is_nested() for each in (*features.dtypes, target.dtype))
    if is_nested or not features.width or not known.any():
        return []

    features, target = features.filter(known), target.filter(known)

    rows = pl.DataFrame({"group": features.hash_rows(seed=0), "target": target})
    by_group = rows.group_by("group").agg(
        pl.len().alias("n_rows"), pl.col("target").n_unique().alias("n_targets")
    )
    differing = by_group.filter(pl.col("n_targets") > 1)
    n_distinct = rows.unique().height
    n_copies = rows.height - n_distinct
    said = []
    if differing.height:
        n_rows = int(differing["n_rows"].sum())
        said.append(
            f"{n_rows:,} of {rows.height:,} rows equal others in all that is learnt, but have another target: "
            f"{_describe_limit(rows, classifies=classifies)}"
        )
    is_chance = n_distinct < n_copies and not _is_measured(features, n_distinct)
    if n_copies >= MIN_COPIED_SHARE * rows.height and not is_chance:
        said.append(
            f"{n_copies:,} of {rows.height:,} rows repeat others, target included, so that some of the held-out rows "
            "are learnt too: keep one of each if they are copies"
        )

    return said


def _is_measured(features: pl.DataFrame, n_distinct: int) -> bool:
    """Tells whether one of several columns is a number that differs in most of the distinct rows.

    Rows that are equal in it are copies then, however often each is there, and no chance of columns of few values.
    """
    return features.width > 1 and any(
        each.dtype.is_numeric() and each.n_unique() >= MIN_DIFFERENT_SHARE * n_distinct
        for each in features
    )


def _describe_limit(rows: pl.DataFrame, *, classifies: bool) -> str:
    """Returns the best that any model can do on all of the rows: its accuracy, or its R2 where targets are numbers."""
    if classifies or not rows["target"].dtype.is_numeric():
        counts = rows.group_by("group", "target").len()
        best = counts.group_by("group").agg(pl.col("len").max())["len"].sum()
        share = f"{best / rows.height:.1%}"
        if share == "100.0%":
            share = f"{best / rows.height:.4%}"
        return f"no model is right on more than {share} of all rows"

    target = pl.col("target").cast(pl.Float64)
    within, whole = rows.select(
        within=((target - target.mean().over("group")) ** 2).sum(),
        whole=((target - target.mean()) ** 2).sum(),
    ).row(0)
    return f"no model has an R2 over {1 - within / whole:.3f} on all rows"


def describe_equal_images(
    pixels: NDArray[np.uint8], target: NDArray[np.int64], names: Sequence[str]
) -> list[str]:
    """Returns sentences on images `(n_images, height, width, 3)` that are equal, of several classes or of one.

    `names` are those of the files in the same order; there may be none.
    """
    groups: defaultdict[bytes, list[int]] = defaultdict(list)
    for at, image in enumerate(pixels):
        groups[hashlib.sha256(np.ascontiguousarray(image).data).digest()].append(at)

    equal = [each for each in groups.values() if len(each) > 1]
    differing = [each for each in equal if len(set(target[each].tolist())) > 1]
    copies = [each for each in equal if len(set(target[each].tolist())) == 1]
    said = []
    if differing:
        n_images = sum(map(len, differing))
        said.append(
            f"{n_images:,} of {len(target):,} images are equal to one of another class, and cannot all be "
            f"right{_show(differing, names)}: move or remove them"
        )
    if copies:
        n_images = sum(len(each) - 1 for each in copies)
        said.append(
            f"{n_images:,} of {len(target):,} images repeat others of their class, so that some of the held-out ones "
            f"are learnt too{_show(copies, names)}: keep one of each"
        )

    return said


def _show(groups: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Returns names of the first groups of equal images."""
    if not names:
        return ""
    shown = [" and ".join(names[at] for at in each[:2]) for each in groups[:N_SHOWN]]
    return f", as {'; '.join(shown)}"
