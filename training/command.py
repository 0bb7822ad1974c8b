"""The words of `python -m training FAMILY ...`: parsed, and turned into a lesson."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from training import datasets
from training import options as types
from training.datasets import Dataset
from training.families import FAMILIES
from training.pipeline import Lesson, Watch
from training.table import TableError, read_dataset

ROOT = Path(__file__).resolve().parent.parent
EXPORTED_MODELS = ROOT / "exported_models"
KINDS = ("classifier", "regressor")
_UNSTATED = ("family", "families", "output", "report", "jobs", "again")
"""Options that do not change what is learnt."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Learns, exports, and says how good it is.")
    families = parser.add_subparsers(dest="family", required=True, metavar="FAMILY")
    for name, family in FAMILIES.items():
        subparser = _add(families, name, family.SUMMARY)
        subparser.add_argument("--task", type=types.task, required=True, help="a bundled data set, or a name for yours")
        _add_data_options(subparser)
        family.add_options(subparser)
    every = _add(families, "all", "every shipped model, or every suitable family on your own table")
    every.add_argument("--task", type=types.task, help="only this one; with --data the name of yours")
    every.add_argument("--family", dest="families", nargs="+", choices=list(FAMILIES), help="only these")
    every.add_argument("--jobs", type=types.count, help="processes at a time; as many as processors without it")
    every.add_argument("--again", action="store_true", help="also what is up to date")
    _add_data_options(every)
    return parser


def make_lesson(options: argparse.Namespace, watch: Watch | None = None) -> Lesson:
    """Raises TableError for a task that there is no data for, or a table that cannot be learnt from."""
    return Lesson(
        name=options.family,
        family=FAMILIES[options.family],
        dataset=load_dataset(options),
        options=options,
        command=write_command(options),
        watch=watch or Watch(),
    )


def load_dataset(options: argparse.Namespace) -> Dataset:
    """The bundled data set of the task, or the person's own table under that name."""
    bundled = ", ".join(datasets.DATASETS)
    if options.data is None:
        given = [name for name in ("target", "exclude", "kind") if getattr(options, name)]
        if given:
            raise TableError(f"--{given[0]} is for your own table: give it with --data")
        if options.task not in datasets.DATASETS:
            raise TableError(
                f"--task {options.task}: there is no such data set; bundled: {bundled}; yours: --data FILE"
            )
        return datasets.load(options.task)
    if options.task is None or options.target is None:
        raise TableError("--data needs --target, the column to predict, and --task, a name for what is learnt")
    if options.task.removesuffix("_origin") in datasets.DATASETS:
        raise TableError(f"--task {options.task} is the name of a bundled data set ({bundled}): choose another")
    return read_dataset(
        options.data, target=options.target, task=options.task, exclude=options.exclude or (), kind=options.kind
    )


def write_command(options: argparse.Namespace) -> str:
    """The whole command, defaults spelt out; where files lie does not change it."""
    words = ["python", "-m", "training", options.family]
    for name, value in vars(options).items():
        if name in _UNSTATED or value is None:
            continue
        words.append(f"--{name.replace('_', '-')}")
        values = value if isinstance(value, list) else [value.name if isinstance(value, Path) else value]
        words += [str(each) for each in values]
    return shlex.join(words)


def _add(
    families: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    return families.add_parser(name, help=text, formatter_class=argparse.ArgumentDefaultsHelpFormatter)


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, help="your own table, CSV or Parquet")
    parser.add_argument("--target", help="the table's column to predict")
    parser.add_argument("--exclude", nargs="+", metavar="COLUMN", help="the table's columns to leave out")
    parser.add_argument("--kind", choices=KINDS, help="what to learn of the target, where its values leave it open")
    parser.add_argument("--folds", type=types.folds, default=0, help="of a cross-validation; 0 for none")
    parser.add_argument("--seed", type=types.seed, default=0, help="of the split and of the learning")
    parser.add_argument("--output", type=Path, default=EXPORTED_MODELS, help="folder of the exported file")
    parser.add_argument(
        "--report", type=Path, nargs="?", const=ROOT / "reports", help="draw pictures, into reports/ or this folder"
    )
