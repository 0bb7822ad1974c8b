"""`python -m service.live.journal merge A.db B.db --out C.db` makes one journal of those of several servers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from service.live.journal.merging.merge import merge
from service.live.journal.merging.sources import MergeRefused

DONE = 0
REFUSED = 2
EXAMPLES = """examples:
  python -m service.live.journal merge a.db b.db --out all.db
  VEREDICTO_JOURNAL=all.db python -m service

Servers may go on writing to theirs: what they have committed when the merge begins is merged. The comparison of the
merged journal is that of one journal that got it all. See docs/live.md.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; what is wrong is written as one line on stderr."""
    options = _parse(arguments)
    try:
        counts = merge(options.journals, options.out)
    except MergeRefused as error:
        sys.stderr.write(f"error: {error}\n")
        return REFUSED
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or ''}: {error.strerror}\n")
        return REFUSED

    sys.stdout.write(
        f"{options.out}: {counts.predictions:,} predictions of {counts.rows:,} rows, {counts.labels:,} labelled\n"
    )
    return DONE


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m service.live.journal",
        description="Works on journals of predictions and feedback.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    merging = commands.add_parser("merge", help="makes one journal of several")
    merging.add_argument(
        "journals", type=Path, nargs="+", metavar="JOURNAL", help="two or more"
    )
    merging.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="a new file"
    )

    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
