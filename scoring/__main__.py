"""`python -m scoring`: a task's models are asked about tables or images of any number, block by block.

Exits 0 when all is scored, 2 when it cannot be done, 130 when it was stopped; started again it goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cli.__main__ import run
from cli.output import write_note
from scoring.arguments import parse

DONE = 0
UNUSABLE = 2
STOPPED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code; what is wrong is written as one line on stderr."""
    options = parse(arguments)
    # Help is there before this, which takes half a second, is loaded.
    from scoring.pool import describe_error
    from scoring.run import score
    from service.errors import VeredictoError

    try:
        score(options)
    except (VeredictoError, OSError) as error:
        write_note(f"error: {describe_error(error)}")
        return UNUSABLE
    except KeyboardInterrupt:
        write_note("\nstopped; the same command goes on")
        return STOPPED

    return DONE


if __name__ == "__main__":
    sys.exit(run("score"))
