"""The command line of scoring takes what the documentation and the help show."""

from __future__ import annotations

import shlex

import pytest

from scoring.arguments import EXAMPLES, parse
from tests.support.documents import find_commands, read_document

SHOWN = (*find_commands(read_document("docs/scale.md")), *EXAMPLES.splitlines())
COMMANDS = [
    each.partition(" -m scoring ")[2] for each in SHOWN if " -m scoring " in each
]


def test_the_page_and_the_help_show_some() -> None:
    """The beginnings of their lines are those that this file looks for."""
    assert len(COMMANDS) > 5


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_is_shown_can_be_typed(command: str) -> None:
    """Each command of the documents names data, an output, and a task or models."""
    options = parse(shlex.split(command))
    assert options.data
    assert options.out
    assert options.task or options.model
