"""Starts each contender itself, measures them in interleaved rounds, and prints tables.

    python -m benchmarks                                                    # everything, which takes twenty minutes
    python -m benchmarks --contenders floor,veredicto --workloads row

Needs Linux and `wrk` (Debian: apt-get install wrk). What counts are ratios inside one run: all contenders serve the
same files in one process with one thread, on one processor while the load comes from another, where there are two.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contenders import contender
from benchmarks.contenders.processes import pin_to_last_processor
from benchmarks.run import PARTS, Plan, run
from benchmarks.summary import show
from benchmarks.workloads import workload
from benchmarks.workloads.models import write_models


def main() -> None:
    plan = _read_options()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed: apt-get install wrk")

    # Blocks that are left so end their servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended before its time"))
    pin_to_last_processor()

    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        models = Path(folder) / "models"
        models.mkdir()
        write_models(models)
        show(run(plan, models, Path(folder)))


def _read_options() -> Plan:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--contenders", type=_choices(contender.NAMES), default=list(contender.NAMES)
    )
    parser.add_argument(
        "--workloads", type=_choices(workload.NAMES), default=list(workload.NAMES)
    )
    parser.add_argument(
        "--parts", type=_choices(PARTS), default=list(PARTS), help="what is measured"
    )
    parser.add_argument("--rounds", type=_parse_count, default=5)
    parser.add_argument(
        "--seconds", type=_parse_count, default=1, help="of each measurement"
    )
    parser.add_argument(
        "--concurrency", type=_parse_counts, default=[1, 32], help="connections"
    )
    parser.add_argument(
        "--rates",
        type=_parse_counts,
        default=[250, 1000, 4000],
        help="of the open loop, requests a second",
    )

    return Plan(**vars(parser.parse_args()))


class _choices:  # noqa: N801  # argparse shows it as the type's name
    """Parses names with commas between them, and returns those in the order in which they are known."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known

    def __call__(self, text: str) -> list[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in self._known]
        if unknown:
            raise argparse.ArgumentTypeError(
                f"unknown {unknown[0]!r}; known: {', '.join(self._known)}"
            )

        return [name for name in self._known if name in names]


def _parse_count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"expected a whole number of at least 1, got {text!r}"
        )
    return int(text)


def _parse_counts(text: str) -> list[int]:
    return [_parse_count(each) for each in text.split(",")]


if __name__ == "__main__":
    main()
