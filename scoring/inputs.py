"""Files that `--data` names become inputs and their blocks, the same each time for the same files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from evaluation.image_folders import ENDINGS as IMAGE_ENDINGS
from evaluation.image_folders import is_hidden
from model_card import Card, FeatureInput
from scoring.features import find_missing
from scoring.job import ImageFiles, Input, Task
from service.errors import EvaluationError
from tables.block_cutting import cut_table
from tables.blocks import Layout
from tables.reader import PARQUET_SUFFIXES, UnreadableTableError

TABLE_ENDINGS = (".csv", ".tsv", ".txt", *PARQUET_SUFFIXES)
BLOCK_BYTES = 16 * 1024 * 1024
"""A block of a table has about so many bytes; a process holds one, with its values and its answers."""
IMAGES_PER_BLOCK = 256


def find_inputs(
    data: str,
    card: Card,
    *,
    label: str | None,
    block_bytes: int = BLOCK_BYTES,
    images_per_block: int = IMAGES_PER_BLOCK,
) -> tuple[list[Input], list[Task]]:
    """Returns inputs and blocks in the order of names; raises EvaluationError for what the models do not take."""
    if isinstance(card.input, FeatureInput):
        return _cut_tables(data, card, label, block_bytes)
    return _cut_images(data, card, images_per_block)


def _cut_tables(
    data: str, card: Card, label: str | None, block_bytes: int
) -> tuple[list[Input], list[Task]]:
    inputs: list[Input] = []
    tasks: list[Task] = []
    for name, path in _find_files(data, TABLE_ENDINGS, card, "tables, CSV or Parquet"):
        try:
            table = cut_table(path, block_bytes=block_bytes)
        except UnreadableTableError as error:
            raise EvaluationError(str(error)) from None

        _check_columns(name, table.layout, card, label)
        for block in table.blocks:
            tasks.append(Task(number=len(tasks), input=len(inputs), block=block))
        inputs.append(
            Input(
                name=name,
                path=str(path.absolute()),
                digest=table.digest,
                layout=table.layout,
            )
        )

    if not tasks:
        raise EvaluationError(f"--data {data}: expected at least one row, got none")

    return inputs, tasks


def _check_columns(name: str, layout: Layout, card: Card, label: str | None) -> None:
    assert isinstance(card.input, FeatureInput)
    missing = find_missing(layout.names, card.input.features)
    if missing:
        shown = ", ".join(map(repr, missing[:5])) + (
            ", ..." if len(missing) > 5 else ""
        )
        raise EvaluationError(
            f"{name}: expected a column for each feature of {card.task}, missing: {shown}"
        )
    if label is not None and label not in layout.names:
        known = ", ".join(map(repr, layout.names))
        raise EvaluationError(
            f"{name}: --label: expected one of its columns, {known}, got {label!r}"
        )


def _cut_images(
    data: str, card: Card, images_per_block: int
) -> tuple[list[Input], list[Task]]:
    files = list(_find_files(data, IMAGE_ENDINGS, card, "images"))
    root = Path(os.path.commonpath([path.absolute().parent for _, path in files]))
    if Path(data).is_dir():
        root = Path(data).absolute()
    digest = hashlib.sha256()
    names = []
    for _, path in files:
        name = path.absolute().relative_to(root).as_posix()
        found = path.stat()
        digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
        names.append(name)

    tasks = [
        Task(
            number=number,
            input=0,
            block=ImageFiles(names=tuple(names[start : start + images_per_block])),
        )
        for number, start in enumerate(range(0, len(names), images_per_block))
    ]

    return [Input(name=root.name, path=str(root), digest=digest.hexdigest())], tasks


def _find_files(
    data: str, endings: Sequence[str], card: Card, expected: str
) -> Iterator[tuple[str, Path]]:
    """Yields name and path of each file in the order of names, without hidden ones; there is at least one."""
    path = Path(data)
    found: list[tuple[str, Path]]
    if path.is_dir():
        found = [
            (name, each)
            for each in path.rglob("*")
            if each.suffix.lower() in endings
            and not is_hidden((name := each.relative_to(path).as_posix()).split("/"))
        ]
    elif path.exists():
        found = [(path.name, path)]
    else:
        anchor = Path(path.anchor)
        pattern = path.relative_to(anchor).as_posix()
        found = [(str(each), each) for each in anchor.glob(pattern)]

    files = sorted(
        (name, each)
        for name, each in found
        if each.is_file() and not is_hidden([each.name])
    )
    if not files:
        raise EvaluationError(
            f"--data {data}: {card.task} takes {expected}: expected a file, a folder or a pattern of files "
            f"with the endings {', '.join(endings)}, got none"
        )

    yield from files
