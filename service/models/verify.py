"""`python -m service.models.verify [FOLDER]` says of each model file whether it could be loaded, without loading it.

It reads what a server reads before onnxruntime does: the kind of file, size, sums, operators, and weights beside it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from service.errors import ModelRefused, SettingsError
from service.models.content import read_content
from service.models.folder import SUMS, ModelFile, ModelFolder
from service.settings import Settings


class Finding(NamedTuple):
    """A finding is of one file, and what is right or wrong with it."""

    file: str
    is_good: bool
    text: str


def verify(folder: ModelFolder) -> Iterator[Finding]:
    """Yields what is found of each file of a folder, and of each that its sums list and that is missing."""
    files = folder.find()
    for file in files:
        yield _verify_file(folder, file)

    for name in folder.find_missing():
        yield Finding(name, is_good=False, text=f"it is missing: {SUMS} lists it")

    if not files:
        yield Finding(str(folder.path), is_good=False, text="it has no .onnx file")


def _verify_file(folder: ModelFolder, file: ModelFile) -> Finding:
    try:
        content = read_content(folder, file)
    except ModelRefused as error:
        return Finding(file.shown, is_good=False, text=str(error))
    except OSError as error:
        return Finding(
            file.shown, is_good=False, text=f"it cannot be read: {error.strerror}"
        )

    how = "unsigned" if folder.sums is None else f"as {SUMS} says"

    return Finding(
        file.shown,
        is_good=True,
        text=f"{content.version}, {content.n_bytes} bytes, {how}",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each file of the named folder, or of VEREDICTO_MODELS; returns 1 where any is bad."""
    given = _parse(arguments)
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 1

    path = given.folder or settings.models
    findings = list(verify(ModelFolder(path, max_bytes=settings.max_model_bytes)))
    for file, is_good, text in findings:
        sys.stdout.write(f"{'good' if is_good else 'BAD '} {file}: {text}\n")

    return 0 if all(each.is_good for each in findings) else 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m service.models.verify",
        description="Says of each model file of a folder whether it could be loaded, without loading it.",
        epilog="Example: python -m service.models.verify my_models, or make verify for the folder of "
        f"VEREDICTO_MODELS. Where a {SUMS} lies in the folder, each file must be as it says.",
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, help="the folder; VEREDICTO_MODELS without it"
    )

    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
