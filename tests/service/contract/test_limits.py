"""The table of limits is made from their declarations, and the page has it as it is."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from service.contract.limit_table import LIMITS, make_limits_table
from service.contract.limits import TABLE
from service.settings import Settings

PAGE = Path(__file__).resolve().parents[3] / "docs" / "limits.md"


def test_the_page_of_limits_is_up_to_date() -> None:
    """docs/limits.md holds today's table; `python -m service.contract.limits docs/limits.md` rewrites it."""
    page = PAGE.read_text(encoding="utf-8")

    assert page == TABLE.replace_in(page)


def test_each_limit_that_is_a_setting_stands_in_the_table() -> None:
    """Every setting that limits something, by its name, is a row of the table."""
    names = [f"VEREDICTO_{each.name.upper()}" for each in fields(Settings)]
    limiting = {name for name in names if "_MAX_" in name}

    assert limiting <= {
        each.limit.split("`")[1] for each in LIMITS if "`" in each.limit
    }


def test_the_command_rewrites_the_table_of_a_page(tmp_path: Path) -> None:
    """A stale table between the markers is replaced, and what stands around it stays."""
    fresh = PAGE.read_text(encoding="utf-8")
    page = tmp_path / "limits.md"
    page.write_text(fresh.replace(make_limits_table(), "stale"), encoding="utf-8")

    TABLE.write([str(page)])

    assert page.read_text(encoding="utf-8") == fresh


def test_a_page_without_markers_is_not_touched(tmp_path: Path) -> None:
    """A page without the two markers raises ValueError and stays as it was."""
    page = tmp_path / "page.md"
    page.write_text("# A page\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"^expected '<!-- limits: "):
        TABLE.write([str(page)])

    assert page.read_text(encoding="utf-8") == "# A page\n"
