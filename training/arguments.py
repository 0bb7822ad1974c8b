"""This module parses the words of `python -m training FAMILY ...` and makes a training run of them."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from cli.parser import ArgumentParser
from training import option_types as types
from training.command_line import HelpFormatter, are_images
from training.data import datasets
from training.data import images as image_data
from training.data.datasets import Dataset
from training.data.images import ImageDataset
from training.data.table import TableError, parse_roles, read_dataset
from training.export.encoding import EncodedFamily
from training.export.ordering import OrderedFamily
from training.export.recalibration import RecalibratedFamily
from training.export.smoothing import SmoothedFamily
from training.families.registry import FAMILIES, IMAGE_FAMILIES
from training.learning import enlarged
from training.learning.family import Family
from training.pipeline import Callbacks, TrainingRun
from training.shipped import SHIPPED

ROOT = Path(__file__).resolve().parent.parent
EXPORTED_MODELS = ROOT / "exported_models"
MY_MODELS = ROOT / "my_models"
KINDS = ("classifier", "regressor")
RECALIBRATED = ("naive_bayes", "knn")
"""These families' probabilities need more than the pipeline's temperature."""
SMOOTHED = ("logistic", "mlp", "gradient_boosting")
"""These families' probabilities would be 0 by underflow; trees and forests have a vote for each class."""
TAKES_GAPS = ("gradient_boosting",)
"""These families split gaps and categories by themselves; all others are given plain numbers."""
ONLY_IMAGES = tuple(name for name in IMAGE_FAMILIES if name not in FAMILIES)
STRANGERS = frozenset(
    (
        *("unknown", "unknowns", "unknown person", "unknown_person", "stranger"),
        *("strangers", "desconocido", "desconocidos", "desconocida", "desconocidas"),
    )
)
"""People call a folder of strangers so, whose name of the contract is `unknown`."""
_OTHER_COMMANDS = ("all", "data")
_UNSTATED = (
    "family",
    "families",
    "output",
    "replace",
    "report",
    "jobs",
    "ray",
    "again",
    "photographs",
    "force",
    "examples",
)
"""These options do not change what is learnt, so the stored command leaves them out."""
_RENAMED = {"roles": "as"}
"""An option whose name is a word of Python has another among the options."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the options, which are those of images where the task or the data is one of images."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    images = are_images(words)
    known = bool(words) and words[0] in _list_commands(images=images)
    parser = build_parser(images=images, only=words[0] if known else None)
    options = parser.parse_args(words)
    if options.family == "pretrained":
        from training.transfer import pretrained  # slow to import, as all of torch is

        pretrained.fill_defaults(options)
    if options.family in FAMILIES:
        enlarged.fill_defaults(options, FAMILIES[options.family])
    if options.family != "data" and not hasattr(options, "output"):
        options.output = _choose_output(options)
    return options


def _choose_output(options: argparse.Namespace) -> Path:
    """Returns the folder of the shipped models, or `my_models` where a trial would change one of them."""
    if options.family == "all" or options.data is not None or options.replace:
        return EXPORTED_MODELS

    command = write_command(options)
    for words in SHIPPED:
        if (words[0], words[2]) == (options.family, options.task):
            shipped = parse([*words, "--output", str(EXPORTED_MODELS)])
            return EXPORTED_MODELS if write_command(shipped) == command else MY_MODELS

    return EXPORTED_MODELS


def _list_commands(*, images: bool) -> tuple[str, ...]:
    """Returns the names of families, and the commands that are none."""
    families = tuple(IMAGE_FAMILIES) if images else (*FAMILIES, *ONLY_IMAGES)
    return (*families, *_OTHER_COMMANDS)


@cache
def build_parser(
    *, images: bool = False, only: str | None = None
) -> argparse.ArgumentParser:
    """Returns the parser of options for rows of features or, with `images`, for images.

    With `only`, it knows this command alone, and no other family is imported. It is built once: that takes 70 ms, and
    a stored command is parsed for each shipped model.
    """
    parser = ArgumentParser(
        prog="python -m training",
        description="Learns, exports, and says how good it is.",
        epilog="Options differ for images: python -m training cnn --task cifar10 --help shows them.",
    )
    families = parser.add_subparsers(dest="family", required=True, metavar="FAMILY")
    for name in _list_commands(images=images) if only is None else (only,):
        if name == "all":
            _add_all_command(families, images=images)
        elif name == "data":
            _add_data_command(families)
        else:
            _add_family_command(families, name, images=images)

    return parser


def _add_family_command(
    families: argparse._SubParsersAction[ArgumentParser], name: str, *, images: bool
) -> None:
    is_for_images = images or name in ONLY_IMAGES
    family = (IMAGE_FAMILIES if is_for_images else FAMILIES)[name]
    subparser = _add(families, name, family.SUMMARY)
    task = _find_default_task(name)
    text = "a bundled data set, or a name for yours"
    subparser.add_argument(
        "--task", type=types.task, default=task, required=task is None, help=text
    )
    if images:
        _add_image_options(subparser)
    else:
        _add_data_options(subparser)

    family.add_options(subparser)
    if not images and "classifier" in family.KINDS:
        enlarged.add_options(subparser)


def _find_default_task(name: str) -> str | None:
    """Returns what a family learns where no task is given; those that have one are families of images."""
    if name == "pretrained":
        from training.transfer import pretrained

        return pretrained.TASK
    if name == "faces":
        from training.images import faces

        return faces.TASK
    return None


def _add_all_command(
    families: argparse._SubParsersAction[ArgumentParser], *, images: bool
) -> None:
    every = _add(
        families,
        "all",
        "every shipped model, or every suitable family on your own data",
    )
    every.add_argument(
        "--task", type=types.task, help="only this one; with --data the name of yours"
    )
    every.add_argument(
        "--family",
        dest="families",
        nargs="+",
        choices=[*FAMILIES, *ONLY_IMAGES],
        help="only these",
    )
    every.add_argument(
        "--jobs",
        type=types.count,
        help="processes at a time; as many as processors without it",
    )
    every.add_argument(
        "--ray",
        metavar="ADDRESS",
        help="learn over a Ray cluster, auto or local, whose nodes share the folders (needs veredicto[ray])",
    )
    every.add_argument("--again", action="store_true", help="also what is up to date")
    if images:
        _add_image_options(every)
    else:
        _add_data_options(every)


def _add_data_command(
    families: argparse._SubParsersAction[ArgumentParser],
) -> None:
    data = _add(
        families,
        "data",
        "fetch a data set that is too large to be bundled, and keep it",
    )
    data.add_argument("name", choices=["cifar10"], help="the data set")
    data.add_argument(
        "--from",
        dest="given",
        type=Path,
        help="an archive or a folder train/<class>/*.jpg that you have",
    )


def make_training_run(
    options: argparse.Namespace, callbacks: Callbacks | None = None
) -> TrainingRun:
    """Returns the run that the options ask for.

    It raises TableError for a task that there is no data for, or a table that cannot be learnt from, and
    TrainingError for weights that cannot be got.
    """
    callbacks = callbacks or Callbacks()
    dataset = load_dataset(options, callbacks.stage)
    return TrainingRun(
        name=name_model(options),
        family=find_family(options, images=isinstance(dataset, ImageDataset)),
        dataset=dataset,
        options=options,
        command=write_command(options),
        callbacks=callbacks,
    )


def name_model(options: argparse.Namespace) -> str:
    """Returns the family of the card, by which a model is known among the others of its task."""
    if options.family != "pretrained":
        return str(options.family)

    from training.transfer import pretrained  # slow to import, as all of torch is

    return pretrained.name_family(options)


def find_family(options: argparse.Namespace, *, images: bool) -> Family:
    """Returns the family of the options, enlarged where they ask for it; raises TrainingError where it cannot be.

    Those of rows are given plain numbers, and those that need curves for their probabilities get them.
    """
    family = (IMAGE_FAMILIES if images else FAMILIES)[options.family]
    if not images and options.family == "logistic":
        family = _choose_solver(family, options)

    family = enlarged.enlarge_family(family, options)

    if images:
        return family
    if options.family in RECALIBRATED:
        family = RecalibratedFamily(inner=family)
    if options.family in SMOOTHED:
        family = SmoothedFamily(inner=family)

    takes_gaps = options.family in TAKES_GAPS

    return OrderedFamily(inner=family) if takes_gaps else EncodedFamily(inner=family)


def _choose_solver(family: Family, options: argparse.Namespace) -> Family:
    """Returns logistic regression by a solver, where the options leave it to one."""
    from training.families import logistic

    return (
        logistic.SolvedFamily(inner=family) if logistic.is_solved(options) else family
    )


def load_dataset(
    options: argparse.Namespace, on_progress: Callable[[str], None] = lambda _: None
) -> Dataset | ImageDataset:
    """Returns the bundled data set of the task, or the person's own table or images under that name."""
    if hasattr(options, "size"):
        return _load_images(options, on_progress)

    bundled = ", ".join(datasets.DATASETS)
    if options.data is None:
        return _load_bundled(options, bundled)

    if options.task is None or options.target is None:
        raise TableError(
            "--data needs --target, the column to predict, and --task, a name for what is learnt"
        )

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
    )


def _load_bundled(options: argparse.Namespace, bundled: str) -> Dataset:
    """Returns the bundled data set; raises TableError for an unknown one, or with options of a table of one's own."""
    given = [
        name
        for name in ("target", "exclude", "kind", "roles")
        if getattr(options, name)
    ]
    if given:
        option = _RENAMED.get(given[0], given[0])
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


def write_command(options: argparse.Namespace) -> str:
    """Returns the whole command, defaults spelt out; where files lie does not change it."""
    words = ["python", "-m", "training", options.family]
    for name, value in vars(options).items():
        if name in _UNSTATED or value is None or value is False:
            continue

        words.append(f"--{_RENAMED.get(name, name).replace('_', '-')}")
        if value is True:
            continue

        values = (
            value
            if isinstance(value, list)
            else [value.name if isinstance(value, Path) else value]
        )
        words += [str(each) for each in values]

    return shlex.join(words)


def _add(
    families: argparse._SubParsersAction[ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    return families.add_parser(name, help=text, formatter_class=HelpFormatter)


def _add_image_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        help="your own images: a folder or an archive, a folder for each class",
    )
    parser.add_argument(
        "--size",
        type=types.count,
        default=image_data.CIFAR10_PX,
        help="height and width in pixels to learn from",
    )
    _add_common_options(parser)


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        help="your own table, CSV (also packed by gzip, bzip2, xz, zip or tar), Parquet, Arrow, Avro or rows of JSON",
    )
    parser.add_argument("--target", help="the table's column to predict")
    parser.add_argument(
        "--exclude",
        nargs="+",
        metavar="COLUMN",
        help="the table's columns to leave out",
    )
    parser.add_argument(
        "--as",
        dest="roles",
        nargs="+",
        metavar="COLUMN=ROLE",
        help="take columns for something else: COLUMN=number, =category, =date, =text or =drop",
    )
    parser.add_argument(
        "--kind",
        choices=KINDS,
        help="what to learn of the target, where its values leave it open",
    )
    _add_common_options(parser)


def _add_common_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folds", type=types.folds, default=0, help="of a cross-validation; 0 for none"
    )
    parser.add_argument(
        "--seed", type=types.seed, default=0, help="of the split and of the learning"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=argparse.SUPPRESS,
        help="folder of the exported file; without it exported_models, or my_models for a trial of a shipped model",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="without --output, let a trial replace the shipped model",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="export a model that is worse than the mean or the most frequent class, too",
    )
    parser.add_argument(
        "--examples",
        action="store_true",
        help="write held-out rows beside the models, which a server shows with their truth to whom it answers",
    )
    parser.add_argument(
        "--report",
        type=Path,
        nargs="?",
        const=ROOT / "reports",
        help="draw pictures, into reports/ or this folder",
    )
