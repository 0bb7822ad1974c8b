"""Rows of a person's table become those of requests."""

from __future__ import annotations

from pathlib import Path

from loadtest.targets.inputs import read_rows


def test_a_date_is_sent_as_its_parts(tmp_path: Path) -> None:
    """A table that training took is sent as it is, with the parts of its dates that are features."""
    path = tmp_path / "my.csv"
    path.write_text("day,x,y\n2022-07-05,1,a\n2022-12-31,2,b\n")
    assert read_rows(path, ["x", "day_month", "day_days"]) == [
        {"x": 1, "day_month": 7, "day_days": 19178},
        {"x": 2, "day_month": 12, "day_days": 19357},
    ]
