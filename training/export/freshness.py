"""This module tells if an exported file is up to date: made by this code, from this data, with this command."""

from __future__ import annotations

import ast
import hashlib
import inspect
import sys
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeGuard

import onnx

from model_card import Card, CardError, from_metadata
from training.learning.family import Family

ROOT = Path(__file__).resolve().parents[2]
ALWAYS = ("training.pipeline",)
OURS = ("model_card", "row_records", "training")
MAKES_NO_FILE = (__name__, "training.data.table", "training.data.image_folders")
"""These modules are left out: this one judges files, and what is read of a table or folder has its own fingerprint."""


def fingerprint_code(family: Family) -> str:
    """Returns the SHA-256 over the code that makes a file: the family, the pipeline, and what of ours they import.

    Comments and docstrings do not count.
    """
    modules = [inspect.getmodule(each.fit).__name__ for each in _unwrap(family)]  # type: ignore[union-attr]  # has one
    return fingerprint_modules(*modules, *ALWAYS)


def _unwrap(family: Family) -> Iterator[Family]:
    """Yields the family, and one inside it whose fit it calls."""
    yield family
    if (inner := getattr(family, "inner", None)) is not None:
        yield from _unwrap(inner)


def fingerprint_modules(*names: str, root: Path | None = None) -> str:
    """Returns the SHA-256 over the bodies of these modules below `root` and of what of ours they import.

    Where a module lies does not count, nor what it is called: neither its name, nor the lines that import it. It
    raises ValueError for a module that does not exist.
    """
    if unknown := [name for name in names if _find(name, root) is None]:
        raise ValueError(
            f"there is no module {', '.join(unknown)} to take a fingerprint of"
        )

    digests = sorted(
        hashlib.sha256(body.encode()).hexdigest() for body in _read_bodies(names, root)
    )

    return f"sha256:{hashlib.sha256(' '.join(digests).encode()).hexdigest()}"


def _read_bodies(names: Iterable[str], root: Path | None) -> list[str]:
    waiting = list(names)
    bodies: dict[str, str] = {}

    while waiting:
        name = waiting.pop()
        path = _find(name, root)
        if path is None or name in bodies or name in MAKES_NO_FILE:
            continue

        imported, bodies[name] = _read_module(path.read_bytes(), root)
        waiting += imported

    return list(bodies.values())


@cache
def _read_module(source: bytes, root: Path | None) -> tuple[list[str], str]:
    """Returns what a module imports of ours, and its body, which is all that counts.

    Families share most modules: to take them apart again took a second of processor for each model.
    """
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    imported = _find_imported(nodes)
    _remove_docstrings(nodes)
    _remove_module_names(nodes, root)
    _put_imports_first(tree)

    return imported, ast.unparse(tree)


def _find(name: str, root: Path | None = None) -> Path | None:
    """Returns the file of a module by its dotted name; there is none for a package."""
    path = (root or ROOT).joinpath(*name.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def read_card(path: Path) -> Card | None:
    """Returns the card of an exported file, or None where there is no file, or none that can be read."""
    try:
        model = onnx.load(path)
        return from_metadata({each.key: each.value for each in model.metadata_props})
    except (OSError, CardError, ValueError):
        return None
    except Exception:  # a truncated file: protobuf's errors share no base class
        return None


def is_up_to_date(path: Path, *, command: str, data: str, code: str) -> bool:
    """Tells if the file says that this command made it, from data and by code of these fingerprints."""
    card = read_card(path)
    if card is None:
        return False
    made = card.provenance
    return (made.command, made.fingerprint, made.code) == (command, data, code)


def without_docstrings(source: ast.Module) -> ast.Module:
    """Removes docstrings in place; any text that stands alone as a statement is one."""
    _remove_docstrings(list(ast.walk(source)))
    return source


def _remove_docstrings(nodes: Iterable[ast.AST]) -> None:
    for node in nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [each for each in node.body if not _is_text(each)] or [
                ast.Pass()
            ]


def _remove_module_names(nodes: Sequence[ast.AST], root: Path | None) -> None:
    """Leaves out imports of ours, in place, and calls each of our modules `module` where it is used."""
    modules: set[str] = set()

    for node in nodes:
        if isinstance(node, ast.ImportFrom) and _is_ours(node):
            modules |= {
                each.asname or each.name
                for each in node.names
                if _find(f"{node.module}.{each.name}", root)
            }
        for name in ("body", "orelse", "finalbody"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                setattr(node, name, [each for each in statements if not _is_ours(each)])

    for node in nodes:
        if isinstance(node, ast.Name) and node.id in modules:
            node.id = "module"


def _put_imports_first(tree: ast.Module) -> None:
    """Takes imports of a library that are put off until it is used for imports at the top, in place.

    A module puts off a library that it imports under TYPE_CHECKING, for its annotations, and again in functions.
    """
    for_types = [each for each in tree.body if _is_for_types(each)]
    if not for_types:
        return

    put_off = [each for block in for_types for each in block.body]
    libraries = {_find_library(each) for each in put_off} - {None}
    put_off += _take_from_functions(tree, libraries)

    others = [each for each in _without_flag(tree.body) if each not in for_types]
    imports = [each for each in others if _find_library(each)]
    rest = [each for each in others if not _find_library(each)]

    distinct = {ast.unparse(each): each for each in imports + put_off}
    tree.body = sorted(distinct.values(), key=_place_import) + rest


def _take_from_functions(
    tree: ast.Module, libraries: Container[str | None]
) -> list[ast.stmt]:
    """Removes the imports of these libraries from the bodies of functions, in place, and returns them."""
    taken: list[ast.stmt] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            taken += [each for each in node.body if _find_library(each) in libraries]
            node.body = [each for each in node.body if each not in taken]

    return taken


def _without_flag(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yields the statements, without the import of TYPE_CHECKING, which is removed from others of `typing` in place."""
    for each in statements:
        if isinstance(each, ast.ImportFrom) and each.module == "typing":
            each.names = [name for name in each.names if name.name != "TYPE_CHECKING"]
            if not each.names:
                continue

        yield each


def _is_for_types(statement: ast.stmt) -> TypeGuard[ast.If]:
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Name)
        and statement.test.id == "TYPE_CHECKING"
    )


def _find_library(statement: ast.stmt) -> str | None:
    """Returns the library that a statement imports from, or None where it is no import."""
    if isinstance(statement, ast.ImportFrom):
        return (statement.module or "").partition(".")[0]
    if isinstance(statement, ast.Import):
        return statement.names[0].name.partition(".")[0]
    return None


def _place_import(statement: ast.stmt) -> tuple[int, bool, str]:
    """Returns an import's place among others, as the formatter orders them: by section, kind and module."""
    library = _find_library(statement) or ""
    section = 1 if library in sys.stdlib_module_names else 2
    is_from = isinstance(statement, ast.ImportFrom)

    return (0 if library == "__future__" else section, is_from, ast.unparse(statement))


def _is_ours(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ImportFrom)
        and (node.module or "").partition(".")[0] in OURS
    )


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _find_imported(nodes: Iterable[ast.AST]) -> list[str]:
    found: list[str] = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [
                node.module,
                *(f"{node.module}.{each.name}" for each in node.names),
            ]
        elif isinstance(node, ast.Import):
            found += [each.name for each in node.names]

    return [
        name
        for name in found
        if name in ("model_card", "row_records") or name.startswith("training.")
    ]
