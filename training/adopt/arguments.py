"""This module parses the words of `python -m training.adopt`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cli.parser import ArgumentParser
from training import option_types as types
from training.adopt.refusal import AdoptionError

MY_MODELS = Path("my_models")
SCORES = ("probabilities", "logits", "votes")
"""Scores are probabilities, or logits that softmax or sigmoid makes them of, or each label is a vote."""
EPILOG = """examples:
  # a scikit-learn model that skl2onnx has exported, on rows that it has not learnt
  veredicto adopt churn_forest.onnx --task churn --data test.csv --target left

  # a network whose classes are numbered, as torch exports it
  veredicto adopt net.onnx --task iris --data test.csv --target species \\
      --classes setosa versicolor virginica

  # a column of texts that was turned into numbers before, and one that was not learnt
  veredicto adopt trees.onnx --task cars --data test.csv --target price \\
      --codes fuel=diesel,petrol --exclude id

  # a network of images, with the preprocessing that it was learnt with
  veredicto adopt resnet.onnx --task birds --data birds/ --resize 256 \\
      --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225

  # then
  VEREDICTO_MODELS=my_models veredicto serve
"""


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of all options."""
    parser = ArgumentParser(
        prog="python -m training.adopt",
        description="Gives a card to an ONNX classifier or regressor that was learnt elsewhere: says what its outputs "
        "are, measures it on your rows, and writes a file that is served, compared and judged like our own.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_what_and_where(parser)
    _add_columns(parser.add_argument_group("columns"))
    _add_outputs(parser.add_argument_group("outputs"))
    _add_images(parser.add_argument_group("images"))

    return parser


def _add_what_and_where(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", type=Path, help="the ONNX file")
    parser.add_argument(
        "--task", type=types.task, required=True, help="a name for what it decides"
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="rows with their truth, which it has not learnt: a CSV, TSV or Parquet file, or a folder with a folder of "
        "images for each class",
    )
    parser.add_argument("--target", help="the table's column of the truth")
    parser.add_argument(
        "--family",
        type=types.task,
        help="a name for the model; without it the file's, without the task",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=MY_MODELS,
        help="folder of the file that is written; my_models without it",
    )
    parser.add_argument(
        "--replace", action="store_true", help="replace another file of that name"
    )
    parser.add_argument(
        "--licence", default="not stated", help="the licence of the model, for its card"
    )


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the options; raises AdoptionError where a file or the target is missing."""
    options = build_parser().parse_args(arguments)
    for path in (options.model, options.data):
        if not path.exists():
            raise AdoptionError(f"{path}: there is no such file")
    if options.model.is_dir():
        raise AdoptionError(f"{options.model}: expected an ONNX file, got a folder")

    if not takes_images(options) and options.target is None:
        raise AdoptionError(
            f"--target COLUMN is needed: it says which column of {options.data.name} has the truth"
        )

    # Help and refusals are there before this, whose libraries take seconds to import.
    from training.adopt.card_description import name_family

    options.family = options.family or name_family(options.model, options.task)
    options.classes = _read_names(options.classes)

    return options


def takes_images(options: argparse.Namespace) -> bool:
    """Tells if the data are images: a folder, or an archive of one; one with a target has a table in it."""
    data: Path = options.data
    archives = (".tar", ".tar.gz", ".tgz", ".zip")
    return data.is_dir() or (options.target is None and data.name.endswith(archives))


def _add_columns(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--features",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="the columns that it takes, in its order; without it all, in the table's",
    )
    group.add_argument(
        "--exclude",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="columns that it does not take",
    )
    group.add_argument(
        "--codes",
        nargs="+",
        default=[],
        type=_read_codes,
        metavar="COLUMN=VALUE,VALUE",
        help="a column's texts that it knows as 0, 1 and so on",
    )


def _add_outputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--outputs",
        nargs="+",
        default=[],
        metavar="NAME",
        help="the outputs that count, where there are several",
    )
    group.add_argument(
        "--kind",
        choices=("classifier", "regressor"),
        help="what one column of numbers is",
    )
    group.add_argument(
        "--scores",
        choices=SCORES,
        help="what its scores are; votes: its label alone",
    )
    group.add_argument(
        "--classes",
        nargs="+",
        default=[],
        metavar="NAME",
        help="the classes in the order of its scores, or a file with a line for each",
    )
    group.add_argument(
        "--most-probable",
        action="store_true",
        help="take the most probable class where its label is another",
    )


def _add_images(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--size", type=types.count, help="height and width, where the graph has none"
    )
    group.add_argument(
        "--resize",
        type=types.count,
        help="the shorter side before the middle is cut out; without it the size",
    )
    group.add_argument(
        "--scale",
        type=float,
        help="by which pixels from 0 to 255 are multiplied; 1/255 without it, 1 for uint8",
    )
    for option, text in (("--mean", "then subtracted"), ("--std", "then divided by")):
        group.add_argument(
            option,
            type=float,
            nargs="+",
            default=[],
            metavar="NUMBER",
            help=f"{text}, one number or one for each channel",
        )


def _read_codes(text: str) -> tuple[str, tuple[str, ...]]:
    column, _, values = text.partition("=")
    if not column or not values:
        raise argparse.ArgumentTypeError(
            f"expected COLUMN=VALUE,VALUE as in fuel=diesel,petrol, got {text!r}"
        )
    return column, tuple(values.split(","))


def _read_names(given: list[str]) -> list[str]:
    """Returns the names, those of a file's lines where one file is named."""
    if len(given) == 1 and Path(given[0]).is_file():
        lines = Path(given[0]).read_text(encoding="utf-8").splitlines()
        return [line.strip() for line in lines if line.strip()]
    return given
