"""This module has the command line of a load test."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from loadtest import command_line, objectives, option_types
from loadtest.sending.schedule import ARRIVALS, POISSON
from loadtest.targets.options import PROTOCOLS

TIMEOUT_S = 10.0
MAX_CONNECTIONS = 1000
CONFIDENCE = 0.99
MARGIN = 0.1
EXAMPLES = """examples:
  python -m loadtest --url http://127.0.0.1:3000 --model wine-mlp --rate 200 --duration 30
  python -m loadtest --url http://127.0.0.1:3000 --model wine-mlp --slo "p99<50ms,errors<0.1%"
  python -m loadtest --url http://127.0.0.1:3000 --task wine --slo "p99<50ms" --rate 200
  python -m loadtest --url grpc://127.0.0.1:3001 --model wine-mlp --concurrency 8
  python -m loadtest --url http://HOST/any/path --body request.json --rate 100:1000 --output new.json
  python -m loadtest --url http://HOST/any/path --body request.json --rate 100 --compare old.json
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Returns the options; a mistake in them ends the process with 2, as argparse does."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    loads = [
        name
        for name in ("rate", "concurrency", "replay")
        if getattr(options, name) is not None
    ]
    if len(loads) > 1:
        parser.error(
            f"expected one of --rate, --concurrency and --replay, got --{' and --'.join(loads)}"
        )
    if not loads and not options.slo:
        parser.error(
            "expected --rate R, --concurrency N or --replay FILE, or --slo to search the highest rate"
        )
    if options.model and options.task:
        parser.error("expected --model or --task, got both")
    if options.body and (options.model or options.task):
        parser.error("--body goes with an address alone, not with --model or --task")
    if options.task and options.slo and (options.compare or options.raw):
        parser.error(
            "--compare and --raw go with one model, not with the classifiers of --task under --slo"
        )

    return options


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of a load test."""
    parser = command_line.make_parser(
        "loadtest",
        description="Loads a server of models and measures its latencies: rate, percentiles, errors.",
        examples=EXAMPLES,
    )
    _add_target(parser)
    _add_requests(parser)
    _add_load(parser)
    _add_limits(parser)
    _add_results(parser)

    return parser


def _add_target(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is loaded").add_argument
    add(
        "--url",
        required=True,
        help="of the server, or the whole address for --body; grpc://HOST:PORT for gRPC",
    )
    add("--model", help="of Veredicto, or of any server of the Open Inference Protocol")
    add("--task", help="of Veredicto; with --slo each of its classifiers is measured")
    add(
        "--protocol",
        choices=PROTOCOLS,
        help="predict where the server has the model's card, else v2; grpc by the address",
    )


def _add_requests(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what is sent").add_argument
    add(
        "--data",
        type=Path,
        metavar="FILE|DIR",
        help="CSV, TSV, Parquet, or a folder of images, sent in turn; else the card's example",
    )
    add("--rows", type=option_types.count, default=1, help="of each request (1)")
    add(
        "--shape",
        action="append",
        default=[],
        metavar="INPUT:1,3,224,224",
        help="of an input whose axes the model leaves open",
    )
    add("--body", type=Path, metavar="FILE", help="sent to the address as it is")
    add(
        "--content-type",
        type=option_types.header_text,
        default="application/json",
        help="of --body (application/json)",
    )
    add("--method", type=option_types.method, help="POST with a body, else GET")
    add(
        "--header",
        type=option_types.header_text,
        action="append",
        default=[],
        metavar="NAME:TEXT",
        help="sent with each request, as 'Authorization: Bearer ...'",
    )


def _add_load(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("how it is loaded").add_argument
    add(
        "--rate",
        type=option_types.rate,
        metavar="R|A:B",
        help="open loop: requests a second, or rising from A to B",
    )
    add(
        "--concurrency",
        type=option_types.count,
        metavar="N",
        help="closed loop: so many callers",
    )
    add(
        "--replay",
        type=Path,
        metavar="FILE",
        help="open loop: recorded times of arrival in seconds, CSV or Parquet",
    )
    add(
        "--arrivals",
        choices=ARRIVALS,
        default=POISSON,
        help="of an open loop: at random, as of many callers (poisson), or evenly",
    )
    add("--seed", type=int, default=0, help="of the arrivals at random (0)")


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("for how long").add_argument
    add(
        "--duration",
        type=option_types.seconds,
        metavar="S",
        help="of a measurement (10), or of each trial of a search (5)",
    )
    add(
        "--warm-up",
        type=option_types.seconds_or_none,
        metavar="S",
        help="sent before it and not counted (a fifth of the duration, 2 at most)",
    )
    add(
        "--timeout",
        type=option_types.seconds,
        default=TIMEOUT_S,
        metavar="S",
        help="of a request (10)",
    )
    add(
        "--connections",
        type=option_types.count,
        default=MAX_CONNECTIONS,
        metavar="N",
        help="an open loop has at most so many, then requests wait here (1000)",
    )
    add(
        "--repeats",
        type=option_types.count,
        metavar="N",
        help="of the measurement (1), or of the search (3; of a task 1)",
    )


def _add_results(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("what comes of it").add_argument
    add(
        "--slo",
        type=option_types.slo,
        metavar="EXPRESSION",
        help=f"{objectives.USAGE.replace('%', '%%')}; without --rate or --concurrency, the highest rate is searched",
    )
    add(
        "--confidence",
        type=option_types.confidence,
        default=CONFIDENCE,
        help="with which an objective is shown (0.99)",
    )
    add(
        "--compare",
        type=Path,
        metavar="OLD.json",
        help="exit 1 where this test is slower, beyond the margin",
    )
    add(
        "--margin",
        type=option_types.share,
        default=MARGIN,
        help="of --compare (0.1, or 10%%)",
    )
    add("--output", type=Path, metavar="NEW.json", help="where the result goes")
    add("--raw", type=Path, metavar="FILE.parquet", help="where all requests go")
