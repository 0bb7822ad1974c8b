"""The options of the command line become a target and a load."""

from __future__ import annotations

import argparse
import math
import re

from loadtest.run import Load
from loadtest.sending.recording import read_arrivals
from loadtest.sending.schedule import Rate
from loadtest.targets.options import TargetOptions
from service.errors import LoadTestError

DURATION_S = 10.0
SEARCH_DURATION_S = 5.0
WARM_UP_SHARE = 0.2
MAX_WARM_UP_S = 2.0
MAX_VALUES = 100_000_000
"""A tensor of `--shape` has so many at most."""
LENGTHS = re.compile(r" *[0-9]{1,9} *(, *[0-9]{1,9} *)*")
HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
OWN_HEADERS = ("content-length", "transfer-encoding")


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
