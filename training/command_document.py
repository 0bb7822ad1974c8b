"""This module writes `command_line.json`, by which `command_line` parses without any library that learns.

python -m training.command_document     writes it anew
"""

from __future__ import annotations

import argparse
import json

from training import command_line
from training.arguments.parser import ONLY_IMAGES, build_parser
from training.command_line import DOCUMENT, Document
from training.data import datasets, image_folders, images
from training.families.registry import FAMILIES

KEPT = ("option_strings", "dest", "nargs", "default", "choices", "help", "metavar")


def describe(parser: argparse.ArgumentParser) -> Document:
    """Returns what `command_line.build` makes the parser of again: texts, options and the families' parsers."""
    families = next(
        each for each in parser._actions if isinstance(each, argparse._SubParsersAction)
    )
    helps = {each.dest: each.help for each in families._choices_actions}
    return {
        "prog": parser.prog,
        "description": parser.description,
        "epilog": parser.epilog,
        "families": {
            name: {"help": helps[name], "options": _describe_options(each)}
            for name, each in families.choices.items()
        },
    }


def _describe_options(parser: argparse.ArgumentParser) -> list[Document]:
    options = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue

        option = {name: getattr(action, name) for name in KEPT}
        option["choices"] = None if action.choices is None else list(action.choices)
        option["type"] = getattr(action.type, "__name__", None)
        option["is_flag"] = isinstance(action, argparse._StoreTrueAction)
        option["required"] = action.required
        options.append(
            {name: each for name, each in option.items() if not _is_none(each)}
        )

    return options


def _is_none(value: object) -> bool:
    return value is None or value is False or value == []


def write() -> str:
    """Returns the JSON document of today's parsers."""
    document = {
        "rows": describe(build_parser(images=False)),
        "images": describe(build_parser(images=True)),
        "tasks": list(datasets.DATASETS),
        "image_tasks": list(images.TASKS),
        "only_images": list(ONLY_IMAGES),
        "labels": {
            task: "classes" if datasets.load(task).classes else "numbers"
            for task in datasets.DATASETS
        },
        "pictured": [
            task for task in datasets.DATASETS if datasets.load(task).image_shape
        ],
        "kinds": {name: list(family.KINDS) for name, family in FAMILIES.items()},
        "archives": list(image_folders.ARCHIVES),
        "sources": command_line.hash_sources(),
    }
    return json.dumps(document, indent=1) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(write(), encoding="utf-8")
