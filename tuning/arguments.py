"""This module has the command line of the search for settings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from loadtest import command_line, objectives, option_types
from tuning.choice import GOALS, MEMORY, MIN_ROUNDS, RATE

BUDGET_S = 900.0
TRIAL_S = 2.0
REPEATS = 5
MAX_CANDIDATES = 16
EXAMPLES = """examples:
  # the highest rate that keeps an objective, in a quarter of an hour at most
  veredicto tune --model wine-mlp --slo "p99<20ms" --output tuned.env
  # the least memory that keeps it at 200 requests a second
  veredicto tune --model wine-mlp --slo "p99<20ms" --goal memory --rate 200
  # your own models and rows, and the values that are tried
  veredicto tune --models my_models --model sales-mlp --data new.csv --slo "p99<20ms" --workers 1,2 --threads 1
  # the server with what was found
  VEREDICTO_SETTINGS=tuned.env veredicto serve
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Returns the options; a mistake in them ends the process with 2, as argparse does."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if (options.goal == MEMORY) != (options.rate is not None):
        parser.error(
            "--goal memory and --rate R go together: the least memory that keeps the objectives at that rate"
        )

    return options


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser, whose help ends with examples."""
    parser = command_line.make_parser(
        "tuning",
        description="Searches settings of the server on this machine: starts real servers, loads each, keeps what is "
        "shown to be better than the defaults.",
        examples=EXAMPLES,
    )
    _add_aim(parser)
    _add_choices(parser)
    _add_limits(parser)

    return parser


def _add_aim(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is wanted").add_argument
    add("--model", required=True, help="which is asked; the server has all of --models")
    add(
        "--models", type=Path, metavar="DIR", help="to serve (that of VEREDICTO_MODELS)"
    )
    add("--data", type=Path, metavar="FILE|DIR", help="rows or images to send")
    add(
        "--rows",
        type=option_types.count,
        default=1,
        metavar="N",
        help="of each request (1)",
    )
    add(
        "--slo",
        type=option_types.slo,
        required=True,
        metavar="EXPRESSION",
        help=objectives.USAGE.replace("%", "%%"),
    )
    add(
        "--goal",
        choices=GOALS,
        default=RATE,
        help="the highest rate that keeps --slo, or the least memory at --rate (rate)",
    )
    add(
        "--rate",
        type=option_types.seconds,
        metavar="R",
        help="of --goal memory, requests/s",
    )
    add("--output", type=Path, metavar="FILE.env", help="where the settings go")


def _add_choices(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("which values are tried").add_argument
    for name, about in (
        ("--workers", "server processes (1 up to the processors)"),
        ("--threads", "of each session of onnxruntime (1 up to the processors)"),
        ("--max-batch-rows", "joined into one run (1,16,64)"),
        (
            "--request-threads",
            "of a process, that decode images (around the processors)",
        ),
    ):
        add(name, type=option_types.counts, default=(), metavar="N,N", help=about)

    add(
        "--max-candidates",
        type=option_types.count,
        default=MAX_CANDIDATES,
        metavar="N",
        help="combinations, drawn at random where there are more (16)",
    )
    add("--seed", type=int, default=0, help="of all that is at random (0)")


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("for how long").add_argument
    add(
        "--budget",
        type=option_types.seconds,
        default=BUDGET_S,
        metavar="S",
        help="no measurement begins later (900)",
    )
    add(
        "--trial",
        type=option_types.seconds,
        default=TRIAL_S,
        metavar="S",
        help="each rate is tried for so long (2)",
    )
    add(
        "--repeats",
        type=_repeats,
        default=REPEATS,
        metavar="N",
        help="rounds in which the last candidates are compared (5)",
    )


def _repeats(text: str) -> int:
    count = option_types.count(text)
    if count < MIN_ROUNDS:
        raise argparse.ArgumentTypeError(
            f"expected {MIN_ROUNDS} or more, of which anything can be shown, got {text!r}"
        )

    return count
