"""Log lines as they are written, and how many of one kind are."""

from __future__ import annotations

import json
import logging
import threading

from service.observability.logs import (
    MAX_IN_A_WINDOW,
    BackgroundHandler,
    JSONFormatter,
    RateLimit,
    TextFormatter,
)


def make_record(message: str, *values: object) -> logging.LogRecord:
    """Returns a warning of a logger of the service."""
    return logging.LogRecord(
        "service.test", logging.WARNING, __file__, 1, message, values, None
    )


def test_a_line_of_json_is_one_object() -> None:
    """A line has time, level, logger and message, whatever the message quotes."""
    line = JSONFormatter().format(make_record("got %s", 'a "b"\nc'))
    document = json.loads(line)

    assert "\n" not in line
    assert document["level"] == "warning"
    assert document["logger"] == "service.test"
    assert document["message"] == 'got a "b"\nc'
    assert document["time"].endswith("Z")


def test_a_quoted_text_cannot_begin_another_line() -> None:
    """A line break of a client's stands in the line as what it is, not as a break."""
    line = TextFormatter().format(make_record("got %s", "a\nERROR all is lost"))
    assert "\n" not in line


def test_lines_of_one_kind_are_limited_and_counted() -> None:
    """Lines over the limit are left out and counted, and another kind still goes out."""
    limit = RateLimit()
    passed = [
        limit.filter(make_record("bad request %d", number))
        for number in range(MAX_IN_A_WINDOW + 5)
    ]

    assert passed == [True] * MAX_IN_A_WINDOW + [False] * 5
    assert limit.filter(make_record("another"))
    assert list(limit.take_left_out()) == [("service.test", "bad request %d", 5)]


def test_a_quoted_text_cannot_command_a_terminal() -> None:
    """Characters beyond ASCII that end a line, begin a command or turn a line around stand there as their codes."""
    text = "a\x85b\x9b31mc\u2028d\u202exnno.\u2066e"
    line = TextFormatter().format(make_record("got %s", text))
    assert line.endswith("got a\\x85b\\x9b31mc\\x2028d\\x202exnno.\\x2066e")


def test_the_access_log_has_no_thread_without_a_line() -> None:
    """A process with one more thread cannot be forked, and the one that loads the models for others logs no access."""
    before = threading.active_count()
    handler = BackgroundHandler()
    handler.close()

    assert threading.active_count() == before
