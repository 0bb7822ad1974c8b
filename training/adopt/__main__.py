"""`python -m training.adopt MODEL.onnx --task T --data FILE --target COLUMN` gives a foreign ONNX file a card."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import perf_counter

from cli.__main__ import run
from training.adopt.arguments import parse, takes_images
from training.adopt.refusal import AdoptionError

REFUSED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Adopts one file and returns the exit code, 1 where it was refused, for a reason that is printed."""
    started = perf_counter()
    try:
        options = parse(arguments)
        if takes_images(options):
            from training.adopt.images import adopt_for_images as adopt
        else:
            from training.adopt.adoption import adopt_for_rows as adopt

        adoption = adopt(options)
    except (AdoptionError, OSError) as error:
        sys.stderr.write(f"not adopted: {error}\n")
        return REFUSED

    from rich.console import Console  # the table alone needs these

    from training.console import print_line, summarise

    console = Console()
    for note in adoption.notes:
        print_line(note, console)

    seconds = perf_counter() - started
    console.print(summarise(adoption.card, adoption.path, seconds=seconds))
    print_line(
        f"written {adoption.path}; serve it: VEREDICTO_MODELS={adoption.path.parent} veredicto serve",
        console,
    )

    return 0


if __name__ == "__main__":
    sys.exit(run("adopt"))
