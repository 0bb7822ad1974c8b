"""The table of all limits grows by a row with each declaration of one."""

from __future__ import annotations

from typing import NamedTuple

from service.generated_table import make_table
from service.settings import name_variable
from service.settings_document import describe_settings


class LimitDescription(NamedTuple):
    """A limit as a reader of the documentation sees it; all four are texts."""

    what: str
    limit: str
    status: str
    effect: str


LIMITS: list[LimitDescription] = []
"""Every limit is declared once, and stands here in that order."""


def declare(what: str, value: int, unit: str, status: int | str, effect: str) -> int:
    """Returns the value of a limit that no setting changes, and adds it to the table."""
    LIMITS.append(LimitDescription(what, f"{value:,} {unit}", str(status), effect))
    return value


def declare_setting(what: str, field: str, status: int | str, effect: str) -> None:
    """Adds a limit to the table that is the setting `VEREDICTO_<FIELD>`."""
    name = name_variable(field)
    [default] = [each.default for each in describe_settings() if each.name == name]
    LIMITS.append(
        LimitDescription(what, f"`{name}` ({int(default):,})", str(status), effect)
    )


def make_limits_table() -> str:
    """Returns the limits as a Markdown table, one limit a row."""
    titles = ["what is limited", "limit", "status", "what happens beyond it"]
    return make_table(titles, [list(each) for each in LIMITS])
