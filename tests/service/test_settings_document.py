"""The table of settings is made from their declarations, and the page has it as it is."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from service.settings import Settings
from service.settings_document import TABLE, describe_settings, make_settings_table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_every_setting_is_described_by_a_sentence() -> None:
    """The descriptions name every field's variable, and each has a type, a default, a range and a full sentence."""
    described = describe_settings()

    assert [each.name for each in described] == [
        f"VEREDICTO_{each.name.upper()}" for each in fields(Settings)
    ]
    assert all(all(each) for each in described)
    assert all(each.sentence.endswith(".") for each in described)


def test_a_description_has_type_default_range_and_sentence() -> None:
    """The description of the deadline shows its default and its range as an operator would write them."""
    described = {each.name: each for each in describe_settings()}

    assert described["VEREDICTO_DEADLINE_S"] == (
        "VEREDICTO_DEADLINE_S",
        "whole number",
        "30",
        "1 to 2147483647",
        "A request without an answer so many seconds after its arrival is answered 504.",
    )
    assert described["VEREDICTO_MODELS"].default == "`exported_models`"
    assert described["VEREDICTO_FAST_PATH"].default == "1"
    assert described["VEREDICTO_JOURNAL"].default == "none"


def test_the_page_of_settings_is_up_to_date() -> None:
    """docs/settings.md holds the table of today, which `make table` writes."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == TABLE.replace_in(page)


def test_the_command_rewrites_the_table_of_a_page(tmp_path: Path) -> None:
    """A stale table between the markers is replaced, and what stands around it stays."""
    fresh = PAGE.read_text(encoding="utf-8")
    page = tmp_path / "settings.md"
    page.write_text(fresh.replace(make_settings_table(), "stale"), encoding="utf-8")

    TABLE.write([str(page)])

    assert page.read_text(encoding="utf-8") == fresh


def test_a_page_without_markers_is_not_touched(tmp_path: Path) -> None:
    """A page without the two markers raises ValueError and stays as it was."""
    page = tmp_path / "page.md"
    page.write_text("# A page\n", encoding="utf-8")

    with pytest.raises(ValueError, match=r"^expected '<!-- settings: "):
        TABLE.write([str(page)])

    assert page.read_text(encoding="utf-8") == "# A page\n"
