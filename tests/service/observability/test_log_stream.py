"""Lines go to real pipes, whose readers stand still, read on or are gone."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.observability.log_stream import LogHandler, LogStream
from service.observability.logs import JSONFormatter


@contextmanager
def open_pipe() -> Iterator[tuple[int, int]]:
    """Yields the ends of a pipe that holds little, for reading and for writing."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    try:
        yield reading, writing
    finally:
        for each in (reading, writing):
            try:
                os.close(each)
            except OSError:
                pass


def fill(stream: LogStream) -> int:
    """Writes lines until one is lost; returns how many went out."""
    n_lines = 0
    while stream.write("x" * 1000, patience_s=0.0):
        n_lines += 1
    return n_lines


def test_a_line_goes_out_whole() -> None:
    """A line that is longer than a pipe takes at once comes in one piece where it is read."""
    with open_pipe() as (reading, writing):
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 65536)
        assert LogStream(writing).write("é" * 10_000)
        assert os.read(reading, 65536).decode() == "é" * 10_000 + "\n"


def test_nobody_waits_for_a_reader_that_stands_still() -> None:
    """Lines that nobody reads are lost and counted, and those after it come whole."""
    with open_pipe() as (reading, writing):
        stream = LogStream(writing)
        n_lines = fill(stream)
        assert not stream.write("lost", patience_s=0.0)
        assert stream.n_lost == 2

        os.read(reading, 65536)
        assert stream.write("found")
        assert os.read(reading, 65536).decode().splitlines()[-1] == "found"

    assert n_lines > 0
    assert stream.n_lost == 0


def test_the_next_line_says_how_many_were_lost() -> None:
    """A log of JSON stays one, and its first line after a gap has the number of lines that are missing."""
    record = logging.LogRecord("a", logging.WARNING, __file__, 1, "b", (), None)
    with open_pipe() as (reading, writing):
        stream = LogStream(writing)
        fill(stream)
        handler = LogHandler(stream)
        handler.setFormatter(JSONFormatter())
        handler.emit(record)
        os.read(reading, 65536)
        handler.emit(record)
        last = os.read(reading, 65536).decode().splitlines()[-1]

    assert json.loads(last)["lost"] == 2


def test_a_log_without_a_reader_is_no_error() -> None:
    """A stream says that nobody reads any more, and the handler goes on."""
    record = logging.LogRecord("a", logging.WARNING, __file__, 1, "b", (), None)
    with open_pipe() as (reading, writing):
        os.close(reading)
        stream = LogStream(writing)
        with pytest.raises(BrokenPipeError):
            stream.write("x")
        LogHandler(stream).emit(record)
