"""The options name a data set: a bundled one, or a person's own table or images."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tables.reader import Table
from training.arguments.parser import RENAMED
from training.command_line import describe_needs
from training.data import datasets
from training.data import images as image_data
from training.data.datasets import Dataset
from training.data.images import ImageDataset
from training.data.table import TableError, parse_roles, read_dataset

STRANGERS = frozenset(
    (
        *("unknown", "unknowns", "unknown person", "unknown_person", "stranger"),
        *("strangers", "desconocido", "desconocidos", "desconocida", "desconocidas"),
    )
)
"""People call a folder of strangers so, whose name of the contract is `unknown`."""


def load_dataset(
    options: argparse.Namespace,
    on_progress: Callable[[str], None] = lambda _: None,
    *,
    table: Table | None = None,
) -> Dataset | ImageDataset:
    """Returns the bundled data set of the task, or the person's own table or images under that name.

    A `table` that was read of the options' file is not read again.
    """
    if hasattr(options, "size"):
        return _load_images(options, on_progress)

    bundled = ", ".join(datasets.DATASETS)
    if options.data is None:
        return _load_bundled(options, bundled)

    if options.task is None or options.target is None:
        raise TableError(describe_needs(options.data))

    if options.task.removesuffix("_origin") in datasets.DATASETS:
        raise TableError(
            f"--task {options.task} is the name of a bundled data set ({bundled}): choose another"
        )

    return read_dataset(
        options.data,
        target=options.target,
        task=options.task,
        exclude=options.exclude or (),
        kind=options.kind,
        roles=parse_roles(options.roles or ()),
        table=table,
    )


def _load_bundled(options: argparse.Namespace, bundled: str) -> Dataset:
    """Returns the bundled data set; raises TableError for an unknown one, or with options of a table of one's own."""
    given = [
        name
        for name in ("target", "exclude", "kind", "roles")
        if getattr(options, name)
    ]
    if given:
        option = RENAMED.get(given[0], given[0])
        raise TableError(f"--{option} is for your own table: give it with --data")

    if options.task not in datasets.DATASETS:
        raise TableError(
            f"--task {options.task}: there is no such data set; bundled: {bundled}, and of images "
            f"{', '.join(image_data.TASKS)}; yours: --data FILE or FOLDER"
        )

    return datasets.load(options.task)


def _load_images(
    options: argparse.Namespace, on_progress: Callable[[str], None]
) -> ImageDataset:
    if options.family == "pretrained":
        from training.transfer import pretrained

        return (
            pretrained.prepare(_find_images(options, on_progress), options)
            if options.finetune
            else pretrained.make_parity_images(options)
        )

    dataset = _find_images(options, on_progress)
    if options.family != "faces":
        return dataset

    from training.images import faces

    strangers = [
        name
        for name in dataset.classes
        if name != faces.UNKNOWN and name.casefold() in STRANGERS
    ]
    if strangers:
        raise TableError(
            f"the folder {strangers[0]!r} would be learnt as a person of that name: call it {faces.UNKNOWN!r} if "
            "it has portraits of strangers"
        )

    return faces.prepare(dataset)


def _find_images(
    options: argparse.Namespace, on_progress: Callable[[str], None]
) -> ImageDataset:
    if options.data is None:
        if options.task is None:
            raise TableError(
                "--task is needed: a bundled data set, or with --data a name for yours"
            )

        if options.task not in image_data.TASKS:
            known = ", ".join(image_data.TASKS)
            raise TableError(
                f"--task {options.task}: expected one of {known}, or your own images: --data FOLDER"
            )

        if options.size != image_data.CIFAR10_PX:
            raise TableError(
                f"--size {options.size}: the images of {options.task} have {image_data.CIFAR10_PX} pixels"
            )

        return image_data.load(options.task)

    if options.task is None:
        raise TableError("--data needs --task, a name for what is learnt")

    if options.task in (*image_data.TASKS, *datasets.DATASETS):
        raise TableError(
            f"--task {options.task} is the name of a bundled data set: choose another"
        )

    return image_data.read_images(
        options.data, task=options.task, size_px=options.size, on_progress=on_progress
    )
