"""A command's words become options, and these the command that a card keeps, which tells if a model is up to date."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from training.arguments.parser import RENAMED, build_parser, list_commands
from training.command_line import are_images
from training.families.registry import FAMILIES
from training.learning import enlarged
from training.shipped import SHIPPED, find_task

ROOT = Path(__file__).resolve().parents[2]
EXPORTED_MODELS = ROOT / "exported_models"
MY_MODELS = ROOT / "my_models"
_UNSTATED = (
    "family",
    "families",
    "output",
    "replace",
    "report",
    "jobs",
    "ray",
    "again",
    "photographs",
    "force",
    "examples",
)
"""These options do not change what is learnt, so the stored command leaves them out."""


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Returns the options, which are those of images where the task or the data is one of images."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    images = are_images(words)
    known = bool(words) and words[0] in list_commands(images=images)
    parser = build_parser(images=images, only=words[0] if known else None)
    options = parser.parse_args(words)
    if options.family == "pretrained":
        from training.transfer import pretrained  # slow to import, as all of torch is

        pretrained.fill_defaults(options)
    if options.family in FAMILIES:
        enlarged.fill_defaults(options, FAMILIES[options.family])
    if options.family != "data" and not hasattr(options, "output"):
        options.output = _choose_output(options)
    return options


def _choose_output(options: argparse.Namespace) -> Path:
    """Returns the folder of the shipped models, or `my_models` where a trial would change one of them."""
    if options.family == "all" or options.data is not None or options.replace:
        return EXPORTED_MODELS

    command = write_command(options)
    for words in SHIPPED:
        if (words[0], find_task(words)) == (options.family, options.task):
            shipped = parse([*words, "--output", str(EXPORTED_MODELS)])
            return EXPORTED_MODELS if write_command(shipped) == command else MY_MODELS

    return EXPORTED_MODELS


def write_command(options: argparse.Namespace) -> str:
    """Returns the whole command, defaults spelt out; where files lie does not change it."""
    words = ["python", "-m", "training", options.family]
    for name, value in vars(options).items():
        if name in _UNSTATED or value is None or value is False:
            continue

        words.append(f"--{RENAMED.get(name, name).replace('_', '-')}")
        if value is True:
            continue

        values = (
            value
            if isinstance(value, list)
            else [value.name if isinstance(value, Path) else value]
        )
        words += [str(each) for each in values]

    return shlex.join(words)
