"""Texts of onnxruntime's errors become one line that begins with what is wrong, in little time whatever they quote."""

from __future__ import annotations

import time

import pytest

from service.models.runtime.run_errors import MAX_CHARS, one_line

SIGNATURE = (
    "/onnxruntime_src/onnxruntime/core/framework/op.h:12 "
    "common::Status onnxruntime::Run(const std::function<void (int)>&, int) const "
)
LIMIT_S = 1.0
"""The longest of these texts took a minute once; each takes a thousandth of a second."""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{SIGNATURE}axis 3\nis not there", "axis 3 is not there"),
        ("see /a/b/c.cc:7 for\n more", "see ...:7 for more"),
        ("1/2 of (all) the rows", "1/2 of (all) the rows"),
    ],
)
def test_a_text_is_one_line_without_sources(text: str, line: str) -> None:
    """Line breaks, functions with their arguments, and paths go; what else there is stays."""
    assert one_line(ValueError(text)) == line


@pytest.mark.parametrize(
    "text",
    [
        "/a/b" * 20_000,
        "/a/b:1 " + "x::" * 20_000,
        "/a/b:1 " * 10_000,
        "/a/b:1 x::y(" + "()" * 20_000,
        "/a/b:1 x::y(" * 10_000,
    ],
    ids=["path", "names", "places", "arguments", "functions"],
)
def test_a_text_of_someone_else_takes_no_time(text: str) -> None:
    """A text that looks like the sources and never ends is cut to the limit, in no time that anyone would notice."""
    started_s = time.process_time()

    line = one_line(ValueError(text))

    assert time.process_time() - started_s < LIMIT_S
    assert len(line) <= MAX_CHARS
