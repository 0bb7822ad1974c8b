"""The command line takes what the documentation and the help show."""

from __future__ import annotations

import shlex

import pytest

from loadtest import arguments, load_options
from tests.support.documents import find_commands, read_document

COMMANDS = [
    command.partition(" -m loadtest ")[2]
    for command in (
        *find_commands(read_document("docs/load-testing.md")),
        *arguments.EXAMPLES.splitlines()[1:],
    )
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_is_shown_can_be_typed(command: str) -> None:
    """Each command of the documents makes a test of one load, or a search."""
    options = arguments.parse(shlex.split(command))
    assert options.url
    assert options.slo or options.rate or options.concurrency


def test_the_warm_up_is_a_fifth_of_the_test_at_most() -> None:
    """The warm-up is two seconds of a long test, and none where that is wanted."""
    common = ["--url", "http://127.0.0.1:1", "--rate", "10"]
    for words, expected in (
        (["--duration", "60"], 2.0),
        (["--duration", "5"], 1.0),
        (["--warm-up", "0"], 0.0),
    ):
        load = load_options.make_load(arguments.parse([*common, *words]))
        assert load.warm_up_s == expected


def test_a_shape_may_have_a_long_axis() -> None:
    """Ten seconds of sound are 160,000 numbers in a row."""
    words = ["--url", "http://127.0.0.1:1", "--model", "m", "--rate", "1"]
    options = arguments.parse([*words, "--shape", "sound:1, 160000"])
    assert load_options.make_target_options(options).shapes == {"sound": (1, 160_000)}
