"""This module parses a command line before anything slow is imported, so that help and refusals come at once.

`command_line.json` beside it holds every parser of `arguments.parser`, whose families import the libraries that learn;
after a change of an option, `python -m training.command_document` writes it anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from cli.parser import ArgumentParser
from cli.places import find_unwritable
from tables.file_formats import N_START_BYTES, NoTextError, refuse_others
from training import option_types

DOCUMENT = Path(__file__).with_suffix(".json")
SOURCES = (
    "arguments/*.py",
    "option_types.py",
    "data/*.py",
    "families/*.py",
    "images/*.py",
    "learning/*.py",
)
PACKED = (b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
"""A file that begins so may be an archive of a table or of images."""
OF_TABLES = ("--target", "--exclude", "--as", "--kind")
OF_PICTURES = ("cnn", "gan")
"""These families of rows learn only rows that are the pixels of an image."""
TYPES = {"Path": Path, "int": int, "float": float}

Document = dict[str, Any]


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """A HelpFormatter shows the defaults, but for options that are off or not given without one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


def read_document() -> Document:
    document: Document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return document


def refuse_or_help(words: Sequence[str]) -> str | None:
    """Returns why this command learns nothing, or None where that is not seen at once.

    It prints help and argparse's own refusals, and raises SystemExit for them.
    """
    document = read_document()
    images = are_images(words, document)
    if document["sources"] != hash_sources():
        return None

    if images:
        fault = _find_option_of_tables(words)
        if fault is not None:
            return fault

    options = build(document["images" if images else "rows"]).parse_args(words)
    if options.family == "data":
        return None
    return _find_fault(options, document, images=images)


def hash_sources() -> str:
    """Returns the SHA-256 over the modules that options, families and tasks come from; it takes 2 ms.

    Where the document was written from others, it says nothing: a new family is not refused by an old document.
    """
    digest = sha256()
    for pattern in SOURCES:
        for path in sorted(DOCUMENT.parent.glob(pattern)):
            digest.update(path.read_bytes())

    return digest.hexdigest()


def are_images(words: Sequence[str], document: Document | None = None) -> bool:
    """Tells if the options are those of images, by the task, the data or the family."""
    document = document or read_document()
    parser = argparse.ArgumentParser(add_help=False)
    # An option without a value is refused by the parser of the family, whose usage shows the command.
    parser.add_argument("--task", nargs="?")
    parser.add_argument("--data", nargs="?", type=Path)
    known, _ = parser.parse_known_args(words)
    if known.data is not None:
        archives = tuple(document["archives"])
        return bool(known.data.is_dir()) or known.data.name.endswith(archives)

    is_only_there = bool(words) and words[0] in document["only_images"]

    return known.task in document["image_tasks"] or is_only_there


def _find_option_of_tables(words: Sequence[str]) -> str | None:
    """Returns why an option that says something of a table has no sense beside images; None where there is none."""
    given = [word.partition("=")[0] for word in words]
    wrong = [name for name in given if name in OF_TABLES]
    if not wrong:
        return None

    return (
        f"{wrong[0]} is for tables, and this learns images, which lie in a folder for each class: "
        "--data FILE, as a CSV, names a table"
    )


def _find_fault(
    options: argparse.Namespace, document: Document, *, images: bool
) -> str | None:
    fault = find_unwritable(
        {"--output": getattr(options, "output", None), "--report": options.report}
    )
    if fault is not None and getattr(options, "ray", None) is None:
        return fault

    data: Path | None = options.data
    if data is not None:
        if not data.exists():
            return f"{data}: there is no such folder or file"
        if not images and (options.task is None or options.target is None):
            return describe_needs(data)
        return None

    is_one = options.family != "all" and options.task is not None and not images
    if not is_one:
        return None
    if options.task in document["tasks"]:
        return _find_unsuitable(options.family, options.task, document)
    return (
        f"--task {options.task}: there is no such data set; bundled: {', '.join(document['tasks'])}, and of images "
        f"{', '.join(document['image_tasks'])}; yours: --data FILE or FOLDER"
    )


def _find_unsuitable(family: str, task: str, document: Document) -> str | None:
    """Returns why a family cannot learn a bundled data set, and which families or data sets it goes with."""
    pictured = document["pictured"]
    if family in OF_PICTURES and task not in pictured:
        return f"{family} learns images, and the rows of {task!r} are none; those of {', '.join(pictured)} are"

    kinds_by_family = {
        name: kinds
        for name, kinds in document["kinds"].items()
        if name not in OF_PICTURES or task in pictured
    }
    has = document["labels"][task]
    wanted = "classifier" if has == "classes" else "regressor"
    own = kinds_by_family[family]
    if wanted in own or own[0] not in ("classifier", "regressor"):
        return None

    able = ", ".join(name for name, kinds in kinds_by_family.items() if wanted in kinds)

    return f"{family} is a {own[0]}, and the target of {task!r} has {has}, which these learn: {able}"


def describe_needs(data: Path) -> str:
    """Returns what `--data` lacks beside it, or what the file is if that is no table."""
    try:
        with data.open("rb") as file:
            start = file.read(N_START_BYTES)
        if not start.startswith(PACKED):
            refuse_others(start)
    except NoTextError as error:
        return f"{data.name}: {error}"
    except OSError:
        # A folder has no bytes, and what cannot be opened is told when it is read.
        pass

    return "--data needs --target, the column to predict, and --task, a name for what is learnt"


def build(document: Document) -> argparse.ArgumentParser:
    """Returns the parser that a document describes."""
    parser = ArgumentParser(
        prog=document["prog"],
        description=document["description"],
        epilog=document["epilog"],
    )
    families = parser.add_subparsers(dest="family", required=True, metavar="FAMILY")
    for name, family in document["families"].items():
        subparser = families.add_parser(
            name,
            help=family["help"],
            formatter_class=HelpFormatter,
        )
        for option in family["options"]:
            _add_option(subparser, option)

    return parser


def _add_option(parser: argparse.ArgumentParser, option: Document) -> None:
    names = option.get("option_strings", ())
    if option.get("is_flag"):
        parser.add_argument(
            *names, dest=option["dest"], action="store_true", help=option["help"]
        )
        return

    common: dict[str, Any] = {
        name: option.get(name)
        for name in ("default", "help", "nargs", "choices", "metavar")
    }
    if common["default"] == argparse.SUPPRESS:
        common["default"] = argparse.SUPPRESS  # argparse asks for this very object
    if names:
        common |= {"dest": option["dest"], "required": bool(option.get("required"))}

    # A type that no light module knows is checked by the parser that `arguments.parser` builds.
    name = option.get("type", "str")
    kind: Any = TYPES.get(name) or getattr(option_types, name, str)
    parser.add_argument(*(names or [option["dest"]]), type=kind, **common)
