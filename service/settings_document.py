"""The documentation of all settings is made of their declarations.

`python -m service.settings_document docs/settings.md` writes the table of them into a page.
"""

from __future__ import annotations

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from service.generated_table import GeneratedTable, make_table
from service.settings import ROOT, Settings, name_variable, read_hints


class SettingDescription(NamedTuple):
    """A setting as a reader of the documentation sees it; all five are texts."""

    name: str
    type: str
    default: str
    range: str
    sentence: str


def describe_settings() -> list[SettingDescription]:
    """Returns the name, type, default, range and sentence of every setting, in the order of their declaration."""
    hints = read_hints()
    defaults = Settings()
    described = []

    for each in fields(Settings):
        setting_type, sentence = hints[each.name].__metadata__
        described.append(
            SettingDescription(
                name_variable(each.name),
                setting_type.name,
                _show_default(getattr(defaults, each.name)),
                setting_type.range,
                sentence,
            )
        )

    return described


def make_settings_table() -> str:
    """Returns the settings as a Markdown table, one setting a row."""
    rows = [
        [f"`{each.name}`", each.type, each.default, each.range, each.sentence]
        for each in describe_settings()
    ]

    return make_table(["setting", "type", "default", "range", "what it does"], rows)


def _show_default(default: Any) -> str:
    if default is None or default == {} or default == ():
        return "none"
    if isinstance(default, bool):
        return str(int(default))
    if isinstance(default, Path):
        return f"`{default.relative_to(ROOT)}`"
    return str(default)


TABLE = GeneratedTable(
    "<!-- settings: made by `python -m service.settings_document docs/settings.md` -->",
    "<!-- /settings -->",
    make_settings_table,
)


if __name__ == "__main__":
    TABLE.write(sys.argv[1:])
