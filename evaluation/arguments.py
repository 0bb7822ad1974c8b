"""This module parses the options of `python -m evaluation`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from cli.parser import ArgumentParser
from evaluation import gate as gates
from evaluation.criterion import USAGE as BY_USAGE
from verdict.analysis import WITHIN

RISK = 0.01
WANTED = 0.02
EXAMPLES = """examples:
  python -m evaluation --task churn --data new.csv --label churn --output churn.html
  python -m evaluation --task birds --data new-birds/ --url http://127.0.0.1:3000
  python -m evaluation --task churn --data new.csv --load churn-load.json
  python -m evaluation --task churn --data new.csv --label churn --by brier
  python -m evaluation --task churn --data new.csv --label churn --by costs.csv
  python -m evaluation --task churn --unlabelled june.csv --to-label few.csv
  python -m evaluation --task churn --unlabelled june.csv --labelled few.csv
  python -m evaluation --verify churn.json --gate "mlp better than logistic by 0.01"
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Returns the options; ends the process with code 2 where they make no sense."""
    parser = _build_parser()
    options = parser.parse_args(arguments)
    if options.unlabelled is not None:
        _check_few(parser, options)
    elif options.verify is None and (options.task is None or options.data is None):
        parser.error("expected --task and --data, --task and --unlabelled, or --verify")
    elif options.to_label or options.labelled:
        parser.error("--to-label and --labelled go with --unlabelled")
    if options.verify is not None and options.load is not None:
        parser.error("--load goes with --task and --data, not with --verify")

    return options


def _check_few(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Ends the process where options stand beside --unlabelled that say nothing of it."""
    others = {
        "--data": options.data,
        "--verify": options.verify,
        "--load": options.load,
        "--gate": options.gate,
        "--group": options.group,
    }
    given = [name for name, value in others.items() if value]
    if given:
        parser.error(f"--unlabelled goes without {given[0]}")
    if options.task is None:
        parser.error("expected --task beside --unlabelled")
    if options.to_label and options.labelled:
        parser.error("expected --to-label or --labelled, got both")


def _build_parser() -> argparse.ArgumentParser:
    parser = ArgumentParser(
        prog="python -m evaluation",
        description="Judges a task's classifiers on labelled rows: HTML and evidence.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--task", help="whose classifiers are judged")
    add(
        "--data",
        type=Path,
        metavar="FILE|DIR",
        help="CSV, TSV or Parquet with a column of labels, or a folder of images",
    )
    add(
        "--label",
        metavar="COLUMN",
        help="of labels; may be left out where one column alone is no feature",
    )
    add(
        "--url",
        help="of a running server to ask; without it the files of --models are run here",
    )
    add(
        "--models",
        type=Path,
        metavar="DIR",
        help="folder of exported models (that of VEREDICTO_MODELS)",
    )
    _add_groups(parser)
    _add_metric(parser)
    _add_results(parser)
    _add_evidence(parser)
    _add_few_labels(parser)

    return parser


def _add_groups(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--group",
        metavar="COLUMN",
        help="whose equal values mean that rows belong together (a patient, a film)",
    )
    add(
        "--equal-rows",
        choices=("together", "apart"),
        default="together",
        help="copies are together in a group; draws that happen to be equal are apart",
    )
    add(
        "--keep-learnt",
        action="store_true",
        help="judge on rows that the models were learnt from too, which are left out else",
    )


def _add_metric(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--by",
        default="accuracy",
        metavar="METRIC|COSTS.csv",
        help=f"the metric that matters: {BY_USAGE}",
    )
    add(
        "--price-ms",
        type=_price,
        default=0.0,
        metavar="COST",
        help="of a millisecond of an answer, a row, in the unit of the costs",
    )
    add(
        "--price-mb",
        type=_price,
        default=0.0,
        metavar="COST",
        help="of a megabyte of a model's file, a row, in the unit of the costs",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--output",
        type=Path,
        metavar="FILE.html",
        help="where the report goes (TASK-report.html)",
    )
    add(
        "--evidence",
        type=Path,
        metavar="FILE.json",
        help="where the evidence goes (beside the report)",
    )
    add(
        "--risk",
        type=_share,
        default=RISK,
        help="wanted share of wrong answers, for thresholds (0.01)",
    )
    add(
        "--within",
        type=_share,
        default=WITHIN,
        help="difference of accuracies that does not matter: as good within it (0.01)",
    )
    add(
        "--gate",
        action="append",
        default=[],
        metavar="CLAIM",
        help=f"{gates.USAGE}; exit 1 where it is not shown",
    )


def _add_evidence(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--load",
        type=Path,
        metavar="FILE.json",
        help="of `veredicto load --task`: the most accurate classifier that is fast enough",
    )
    add(
        "--verify",
        type=Path,
        metavar="FILE.json",
        help="compute evidence again; with --data, ask the models again too; or check a server's log of acts",
    )


def _add_few_labels(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--unlabelled",
        type=Path,
        metavar="FILE|DIR",
        help="rows, or a folder of images, without labels: says how many labels a verdict takes",
    )
    add(
        "--to-label",
        type=Path,
        metavar="FILE.csv",
        help="where the rows of --unlabelled go whose labels say most",
    )
    add(
        "--labels",
        type=_count,
        metavar="N",
        help="so many rows at most go to --to-label (all with disagreement, and for four of them one without)",
    )
    add(
        "--labelled",
        type=Path,
        metavar="FILE.csv",
        help="the file of --to-label with its labels: the verdict on --unlabelled",
    )
    add(
        "--wanted",
        type=_positive_share,
        default=WANTED,
        help="difference of accuracies that is to be shown (0.02)",
    )
    add(
        "--rows-a-day",
        type=_count,
        metavar="N",
        help="that come in, so that a plan is in days too",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number from 1 on, got {text!r}")
    return int(text)


def _positive_share(text: str) -> float:
    value = _share(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"expected a share over 0, got {text!r}")
    return value


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0

    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(
            f"expected a share from 0 to below 1, got {text!r}"
        )

    return value


def _price(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0

    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a cost of 0 or more, got {text!r}")

    return value
