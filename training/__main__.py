"""`python -m training FAMILY --task TASK`, or `all`, learns, exports, and says how good the model is."""

from __future__ import annotations

import sys

from training import command_line


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit code; what learns is imported only where the command may learn."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    fault = command_line.refuse_or_help(words)
    if fault is not None:
        sys.stdout.write(f"not written: {fault}\n")
        return 1

    # Importing it takes 4 s of a processor.
    from training import commands

    return commands.main(words)


def _explain_missing(error: ModuleNotFoundError) -> str:
    """Returns what brings a library that is missing; one of ours is a defect, and is raised again."""
    library = (error.name or "").partition(".")[0]
    if library == "training":
        raise error

    return (
        f"training is not installed, {library} is missing: make install in a clone, "
        "or pip install 'veredicto[train]'"
    )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ModuleNotFoundError as error:
        sys.exit(_explain_missing(error))
