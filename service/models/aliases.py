"""An alias is another name of a served model, such as the one that KServe knows the mounted file by.

Its graph is of its own: requests by that name are counted under it, and the protocol's answers bear it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from service.models.graph import Graph

SETTING = "VEREDICTO_MODEL_NAME"
Versions = dict[str, dict[str, Graph]]


class Aliases(NamedTuple):
    """Aliases have a name by each further name, "" for the only model, and why further names cannot be given."""

    names: dict[str, str]
    problems: dict[str, str]


def add_aliases(versions: Versions, wanted: Mapping[str, str]) -> Aliases:
    """Adds graphs under further names to `versions`; an empty name stands for the one model that there is."""
    known = list(versions)
    aliases = Aliases({}, {})
    for alias, name in wanted.items():
        problem = _find_problem(alias, name, known)
        if problem is not None:
            aliases.problems[alias] = f"{SETTING}: {problem}"
            continue

        target = name or _find_only(alias, known)
        if not name:
            aliases.names[""] = target
        if alias != target:
            aliases.names[alias] = target
            versions[alias] = {
                version: graph.rename(alias)
                for version, graph in versions[target].items()
            }

    return aliases


def _find_only(alias: str, names: list[str]) -> str:
    return alias if alias in names else names[0]


def _find_problem(alias: str, name: str, names: list[str]) -> str | None:
    """Returns why an alias cannot be given to the model of this name, or to the only one."""
    known = ", ".join(names) or "none"
    if name and name not in names:
        return (
            f"expected a model to call {alias!r}, got {name!r}; known models: {known}"
        )
    if name and alias in names and alias != name:
        return f"{alias!r} is the name of a model already, and cannot be that of {name!r} too"
    if not name and alias not in names and len(names) != 1:
        return (
            f"{alias!r} would name the only model, and there are {len(names)} ({known}); "
            f"{alias}=NAME names one of several"
        )

    return None
