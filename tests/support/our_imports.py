"""A package must have every module of ours that its code imports, wherever in a file that stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

OURS = ("model_card", "row_records", "service", "stats", "tables", "verdict")


def find_missing_modules(root: Path) -> set[str]:
    """Returns the modules of ours that the code of these packages imports, and that are not in a folder."""
    files = [each for name in OURS for each in root.glob(f"{name}/**/*.py")]
    named = {name for file in files for name in _find_imports(file)}
    ours = {each for each in named if each.partition(".")[0] in OURS}

    return {each for each in ours if not _is_there(root / Path(*each.split(".")))}


def _find_imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def _is_there(module: Path) -> bool:
    return module.with_suffix(".py").is_file() or (module / "__init__.py").is_file()
