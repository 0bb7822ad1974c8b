"""Files that `--data` names become inputs and their blocks, the same each time for the same files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.output import write_note
from evaluation.image_folders import ENDINGS as IMAGE_ENDINGS
from model_card import Card, FeatureInput
from scoring.data_files import FoundFiles, find_files
from scoring.features import find_missing
from scoring.file_state import FileState
from scoring.job import ImageFiles, Input, Task
from service.errors import EvaluationError
from service.models.row_columns import describe_missing, list_learnt_ranges
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
    columns: Sequence[str] = (),
    out: Path,
    block_bytes: int = BLOCK_BYTES,
    images_per_block: int = IMAGES_PER_BLOCK,
) -> tuple[list[Input], list[Task]]:
    """Returns inputs and blocks in the order of names; raises EvaluationError for what the models do not take.

    Files of the folder of the answers, which may lie beside the data, are no inputs.
    """
    takes_tables = isinstance(card.input, FeatureInput)
    found = find_files(
        data,
        TABLE_ENDINGS if takes_tables else IMAGE_ENDINGS,
        out=out,
        expected=f"{card.task} takes {'tables, CSV or Parquet' if takes_tables else 'images'}",
    )
    left_out = found.describe_left_out()
    if left_out:
        write_note(left_out)

    if takes_tables:
        named = {"--columns": columns, "--label": [] if label is None else [label]}
        return _cut_tables(data, found, card, named, block_bytes)
    return _cut_images(data, found, images_per_block)


def _cut_tables(
    data: str,
    found: FoundFiles,
    card: Card,
    named: Mapping[str, Sequence[str]],
    block_bytes: int,
) -> tuple[list[Input], list[Task]]:
    """Returns inputs and blocks of tables; each has the columns that options, the keys of `named`, name."""
    assert isinstance(card.input, FeatureInput)
    ranges = list_learnt_ranges(card.input.features)
    inputs: list[Input] = []
    tasks: list[Task] = []
    for name, path in found.files:
        state = FileState.of(path)
        try:
            table = cut_table(path, block_bytes=block_bytes, ranges=ranges)
        except UnreadableTableError as error:
            state.check(path, name)
            raise EvaluationError(str(error)) from None
        state.check(path, name)

        _check_columns(name, table.layout, card, named)
        for note in table.layout.notes:
            write_note(f"{name}: {note}")
        for block in table.blocks:
            tasks.append(Task(number=len(tasks), input=len(inputs), block=block))
        inputs.append(
            Input(
                name=name,
                path=str(path.absolute()),
                digest=table.digest,
                layout=table.layout,
                state=state,
            )
        )

    if not tasks:
        raise EvaluationError(f"--data {data}: expected at least one row, got none")

    return inputs, tasks


def _check_columns(
    name: str, layout: Layout, card: Card, named: Mapping[str, Sequence[str]]
) -> None:
    assert isinstance(card.input, FeatureInput)
    missing = find_missing(layout.names, card.input.features)
    if missing:
        shown = describe_missing(missing, layout.names)
        raise EvaluationError(
            f"{name}: expected a column for each feature of {card.task}, missing: {shown}"
        )
    for option, columns in named.items():
        for column in columns:
            if column not in layout.names:
                known = ", ".join(map(repr, layout.names))
                raise EvaluationError(
                    f"{name}: {option}: expected one of its columns, {known}, got {column!r}"
                )


def _cut_images(
    data: str, found: FoundFiles, images_per_block: int
) -> tuple[list[Input], list[Task]]:
    files = found.files
    root = Path(os.path.commonpath([path.absolute().parent for _, path in files]))
    if Path(data).is_dir():
        root = Path(data).absolute()
    digest = hashlib.sha256()
    names = []
    for _, path in files:
        name = path.absolute().relative_to(root).as_posix()
        state = FileState.of(path)
        digest.update(f"{name}\0{state.size_bytes}\0{state.changed_ns}\n".encode())
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
