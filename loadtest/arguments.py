"""This module has the command line of a load test."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Sequence
from pathlib import Path

from loadtest import command_line, objectives, option_types
from loadtest.run import Load
from loadtest.sending.schedule import ARRIVALS, POISSON, Rate, read_arrivals
from loadtest.targets.options import PROTOCOLS, TargetOptions
from service.errors import LoadTestError

DURATION_S = 10.0
SEARCH_DURATION_S = 5.0
TIMEOUT_S = 10.0
MAX_CONNECTIONS = 1000
WARM_UP_SHARE = 0.2
MAX_WARM_UP_S = 2.0
CONFIDENCE = 0.99
MARGIN = 0.1
MAX_VALUES = 100_000_000
"""A tensor of `--shape` has so many at most."""
LENGTHS = re.compile(r" *[0-9]{1,9} *(, *[0-9]{1,9} *)*")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
OWN_HEADERS = ("content-length", "transfer-encoding")
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


def make_target_options(
    options: argparse.Namespace, *, model: str | None = None
) -> TargetOptions:
    """Returns what is loaded; `model` is one of the task's."""
    return TargetOptions(
        url=options.url,
        model=model or options.model,
        task=None if model else options.task,
        protocol=options.protocol,
        data=options.data,
        body=options.body,
        content_type=options.content_type,
        method=options.method,
        n_rows=options.rows,
        headers=dict(map(_read_header, options.header)),
        shapes={
            name: _read_shape(text)
            for name, text in (
                _split(each, "--shape", "INPUT:1,3,224,224") for each in options.shape
            )
        },
    )


def make_load(options: argparse.Namespace, *, rate: Rate | None = None) -> Load:
    """Returns how it is loaded; `rate` is one that is searched."""
    recorded_s = None if options.replay is None else read_arrivals(options.replay)
    is_searched = options.rate is None and options.concurrency is None
    duration_s = options.duration or (SEARCH_DURATION_S if is_searched else DURATION_S)
    if recorded_s is not None and options.duration is None:
        duration_s = max(1.0, float(recorded_s[-1]) + 1e-6)

    warm_up_s = options.warm_up
    if warm_up_s is None:
        warm_up_s = min(MAX_WARM_UP_S, WARM_UP_SHARE * duration_s)

    return Load(
        rate=rate or options.rate,
        concurrency=None if rate else options.concurrency,
        recorded_s=recorded_s,
        recording=options.replay,
        arrivals=options.arrivals,
        duration_s=duration_s,
        warm_up_s=warm_up_s,
        timeout_s=options.timeout,
        max_connections=options.connections,
        seed=options.seed,
    )


def _split(text: str, option: str, expected: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise LoadTestError(f"{option}: expected {expected!r}, got {text!r}")

    return name.strip(), value.strip()


def _read_header(text: str) -> tuple[str, str]:
    name, value = _split(text, "--header", "NAME: TEXT")
    if not HEADER_NAME.fullmatch(name):
        raise LoadTestError(f"--header: expected 'NAME: TEXT', got {text!r}")
    if name.lower() in OWN_HEADERS:
        raise LoadTestError(f"--header: {name} follows from the body, got {text!r}")

    return name, value


def _read_shape(text: str) -> tuple[int, ...]:
    is_good = LENGTHS.fullmatch(text) is not None
    lengths = tuple(map(int, text.split(","))) if is_good else ()
    if not 0 < math.prod(lengths) <= MAX_VALUES or not lengths:
        raise LoadTestError(f"--shape: expected lengths as 1,3,224,224, got {text!r}")

    return lengths
