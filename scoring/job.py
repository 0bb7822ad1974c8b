"""A job is what a scoring run does: models, inputs cut into blocks, and where the answers go."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from scoring.file_state import FileState
from tables.blocks import Block, Layout


@dataclass(frozen=True, kw_only=True)
class ChosenModel:
    """A model is known by its name and its file's SHA-256; `path` is where its file lies here."""

    name: str
    version: str
    digest: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Input:
    """An input is a table, or all images; `name` is what people are told, `path` where it lies here.

    `digest` is the SHA-256 of a table, or of the images' names, sizes and times of their last change; `state` is that
    in which a table was cut.
    """

    name: str
    path: str
    digest: str
    layout: Layout | None = None
    state: FileState | None = None


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """A block of images has their paths from the input's folder, with slashes."""

    names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task is one block: `number` counts the blocks of all inputs from 0."""

    number: int
    input: int
    block: Block | ImageFiles


@dataclass(frozen=True, kw_only=True)
class Options:
    """These options change what is written, so a run is taken up again with the same ones alone.

    `label` is the column of true classes; of images any word means the folder that each lies in. `columns` of a table
    are written beside the answers.
    """

    label: str | None = None
    format: str = "parquet"
    with_probabilities: bool = False
    keep_learnt: bool = False
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Job:
    """The whole job, which each process gets once; `tasks` are handed out one by one."""

    models: list[ChosenModel]
    inputs: list[Input]
    out: Path
    options: Options
    tasks: list[Task] = field(default_factory=list)

    @property
    def takes_images(self) -> bool:
        return self.inputs[0].layout is None


def name_part(number: int) -> str:
    """Returns the name that a block's files begin with."""
    return f"part-{number:06d}"
