"""The command line of tuning takes what the documentation and the help show."""

from __future__ import annotations

import shlex

import pytest

from tests.support.documents import find_commands, read_document
from tuning.arguments import EXAMPLES, parse

SHOWN = (*find_commands(read_document("docs/tuning.md")), *EXAMPLES.splitlines())
COMMANDS = [
    each.partition(start)[2]
    for each in map(str.strip, SHOWN)
    for start in (".venv/bin/python -m tuning ", "veredicto tune ")
    if each.startswith(start)
]


def test_the_page_and_the_help_show_some() -> None:
    """The beginnings of their lines are those that this file looks for."""
    assert len(COMMANDS) > 3


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_is_shown_can_be_typed(command: str) -> None:
    """Each command of the documents names a model and an objective."""
    options = parse(shlex.split(command))
    assert options.model
    assert options.slo
