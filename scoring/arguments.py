"""This module parses the options of `python -m scoring`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cli.parser import ArgumentParser

EXAMPLES = """examples:
  python -m scoring --task churn --data june/ --out june-scores
  python -m scoring --task churn --data 'logs/*.parquet' --label churned --out scores
  python -m scoring --model churn-mlp churn-logistic --data june.csv --out scores --format csv
  python -m scoring --task birds --data photos/ --label folder --out birds
  python -m scoring --task churn --data june/ --out june-scores --ray auto

Killed, and started again with the same words, it goes on where it was.
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Returns the options; ends the process with code 2 where they make no sense."""
    parser = ArgumentParser(
        prog="python -m scoring",
        description="Asks models about tables or images of any number, block by block.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_what(parser)
    _add_how(parser)

    return parser.parse_args(arguments)


def _add_what(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    models = parser.add_mutually_exclusive_group(required=True)
    models.add_argument("--task", help="all classifiers of which are asked")
    models.add_argument(
        "--model", nargs="+", metavar="NAME", help="models of one task that are asked"
    )
    add(
        "--data",
        required=True,
        metavar="FILE|DIR|GLOB",
        help="CSV, TSV or Parquet, or images; of a folder all that lie in it",
    )
    add("--out", required=True, type=Path, metavar="DIR", help="where the answers go")
    add(
        "--label",
        metavar="COLUMN",
        help="of true classes, for a verdict at the end; of images: folder, the one that each lies in",
    )
    add(
        "--columns",
        nargs="+",
        default=[],
        metavar="COLUMN",
        help="of the tables, such as ids, that are written beside the answers as they are",
    )


def _add_how(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--models", type=Path, metavar="DIR", help="of models (VEREDICTO_MODELS)")
    add(
        "--workers",
        type=_count,
        metavar="N",
        help="processes, or actors of Ray (one a core)",
    )
    add("--format", choices=("parquet", "csv"), default="parquet", help="(parquet)")
    add(
        "--probabilities",
        action="store_true",
        help="of every class, not of the predicted one alone",
    )
    add(
        "--keep-learnt",
        action="store_true",
        help="judge by rows that models were learnt from too, which are left out else",
    )
    add(
        "--ray",
        metavar="ADDRESS",
        nargs="?",
        const="auto",
        help="of a Ray cluster, auto or local, whose nodes share the folders (needs veredicto[ray])",
    )
    add(
        "--block-bytes",
        type=_count,
        default=None,
        metavar="N",
        help="of a table in one block (16 MiB), of which a process holds one",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, got {text!r}")
    return int(text)
