"""The parser knows the options of every family, for rows of features and for images."""

from __future__ import annotations

import argparse
from functools import cache
from pathlib import Path

from cli.parser import ArgumentParser
from training import option_types as types
from training.command_line import HelpFormatter
from training.data import images as image_data
from training.families.registry import FAMILIES, IMAGE_FAMILIES
from training.learning import enlarged

KINDS = ("classifier", "regressor")
ONLY_IMAGES = tuple(name for name in IMAGE_FAMILIES if name not in FAMILIES)
RENAMED = {"roles": "as"}
"""An option whose name is a word of Python has another among the options."""
_REPORTS = Path(__file__).resolve().parents[2] / "reports"
_OTHER_COMMANDS = ("all", "data")


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
    for name in list_commands(images=images) if only is None else (only,):
        if name == "all":
            _add_all_command(families, images=images)
        elif name == "data":
            _add_data_command(families)
        else:
            _add_family_command(families, name, images=images)

    return parser


def list_commands(*, images: bool) -> tuple[str, ...]:
    """Returns the names of families, and the commands that are none."""
    families = tuple(IMAGE_FAMILIES) if images else (*FAMILIES, *ONLY_IMAGES)
    return (*families, *_OTHER_COMMANDS)


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
        const=_REPORTS,
        help="draw pictures, into reports/ or this folder",
    )


def _add(
    families: argparse._SubParsersAction[ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    return families.add_parser(name, help=text, formatter_class=HelpFormatter)
