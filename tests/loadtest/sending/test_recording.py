"""A recording says when its requests came, or is refused."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from loadtest.sending.recording import read_arrivals
from service.errors import LoadTestError


def test_recorded_arrivals_count_from_the_first(tmp_path: Path) -> None:
    """Times of any clock are read in order, whatever other columns there are."""
    path = tmp_path / "times.csv"
    path.write_text("user,time_s\na,1700000001.5\nb,1700000001\nc,1700000003\n")
    assert read_arrivals(path).tolist() == [0, 0.5, 2]


@pytest.mark.parametrize(
    ("values", "got"),
    [
        (["a", "b"], "String"),
        ([1.0, None], "cells without a number"),
        ([1.0, float("nan")], "cells without a number"),
        ([float("inf"), 1.0], "cells without a number"),
    ],
)
def test_a_recording_without_times_is_refused(
    tmp_path: Path, values: list[object], got: str
) -> None:
    """The message names the column and what was expected of it."""
    path = tmp_path / "times.parquet"
    pl.DataFrame({"user": values}).write_parquet(path)
    with pytest.raises(
        LoadTestError,
        match=f"expected seconds in the column 'user', one for each request, got {got}",
    ):
        read_arrivals(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,at\n5,0.0\n6,0.5\n", "expected a column due_s, time_s, .* got id, at$"),
        ("0.0\n0.5\n1.0\n", "expected a name, as due_s, .* got 0.0$"),
        ("time\n1700000000000\n1700000000500\n", "got 1700000000500, .* divide them"),
        ("time\n2026-01-01T00:00:01Z\n2026-01-01T00:00:02Z\n", "got dates: write sec"),
    ],
)
def test_a_recording_whose_times_cannot_be_told_is_refused(
    tmp_path: Path, content: str, message: str
) -> None:
    """Numbers that are ids, a first time read as a name, and milliseconds would each be another load."""
    path = tmp_path / "times.csv"
    path.write_text(content)
    with pytest.raises(LoadTestError, match=message):
        read_arrivals(path)


def test_the_first_of_several_repeats_is_replayed(tmp_path: Path) -> None:
    """Their requests at one time would be as many times the load."""
    path = tmp_path / "raw.parquet"
    frame = pl.DataFrame({"repeat": [1, 1, 2, 2], "due_s": [0.5, 1.5, 0.6, 1.4]})
    frame.write_parquet(path)
    assert read_arrivals(path).tolist() == [0, 1]
