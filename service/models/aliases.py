"""An alias is another name of a served model, such as the one that KServe knows the mounted file by.

Its graph is of its own: requests by that name are counted under it, and the protocol's answers bear it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.models.registry import Registry

SETTING = "VEREDICTO_MODEL_NAME"


def add_aliases(registry: Registry, aliases: Mapping[str, str]) -> None:
    """Serves models under these further names too; an empty name stands for the one model that there is.

    What is wrong with an alias becomes one of the registry's `alias_problems`.
    """
    names = list(registry.versions)
    for alias, name in aliases.items():
        problem = _find_problem(alias, name, names)
        if problem is not None:
            registry.alias_problems[alias] = f"{SETTING}: {problem}"
            continue

        target = name or _find_only(alias, names)
        if not name:
            registry.aliases[""] = target
        if alias != target:
            registry.aliases[alias] = target
            registry.versions[alias] = {
                version: graph.rename(alias)
                for version, graph in registry.versions[target].items()
            }


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
