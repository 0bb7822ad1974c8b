"""This module has what the commands of this package and of `tuning` share: their parser, their words, their end."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from cli.output import write_note
from cli.parser import ArgumentParser
from service.errors import LoadTestError, VeredictoError

DONE = 0
UNUSABLE = 2


def make_parser(
    package: str, *, description: str, examples: str
) -> argparse.ArgumentParser:
    """Returns a parser without options, whose help ends with the examples."""
    return ArgumentParser(
        prog=f"python -m {package}",
        description=description,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(command: Callable[[], int], *, extras: str) -> int:
    """Returns the command's exit code, or 2 where it cannot be done; why is written as one line on stderr.

    `extras` of ours bring the libraries that may be missing.
    """
    try:
        return command()
    except VeredictoError as error:
        write_note(f"error: {' '.join(str(error).split())}")
    except ModuleNotFoundError as error:
        write_note(
            f"error: {error.name} is not installed: make install in a clone, or pip install 'veredicto[{extras}]'"
        )
    except OSError as error:
        write_note(
            f"error: {f'{error.filename}: ' * bool(error.filename)}{error.strerror or error}"
        )
    except KeyboardInterrupt:
        write_note("\nstopped")

    return UNUSABLE


def check_place(path: Path) -> None:
    """Raises LoadTestError where no file can be written, before anything is measured."""
    if path.is_dir() or not path.parent.is_dir():
        raise LoadTestError(f"{path}: expected a file in a folder that is there")
