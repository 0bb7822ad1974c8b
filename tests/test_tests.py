"""The tests themselves: where they import from, and that each states a fact."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.order import LONG_FILES

TESTS = Path(__file__).resolve().parent
FILES = sorted(TESTS.rglob("*.py"))
TEST_FILES = [path for path in FILES if path.name.startswith("test_")]


def find_imports(tree: ast.Module) -> Iterator[str]:
    """Yields each imported module, and each imported name as if it were one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def find_tests(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_function and node.name.startswith("test_"):
            yield node


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(TESTS).as_posix()
)
def test_nothing_is_imported_from_a_test_file(path: Path) -> None:
    """What tests share lies in tests/support, so that any file of tests can be moved or removed."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    of_tests = [name for name in find_imports(tree) if name.startswith("tests.")]
    from_files = [
        name
        for name in of_tests
        if any(part.startswith("test_") for part in name.split("."))
    ]
    assert from_files == []


@pytest.mark.parametrize(
    "path", TEST_FILES, ids=lambda path: path.relative_to(TESTS).as_posix()
)
def test_each_test_states_a_fact(path: Path) -> None:
    """A test has a docstring, which ends as a sentence does."""
    for test in find_tests(ast.parse(path.read_text(encoding="utf-8"))):
        fact = ast.get_docstring(test) or ""
        assert fact.endswith("."), test.name


def test_long_files_are_there() -> None:
    """Each file that is begun early is there, and is named once."""
    names = {path.relative_to(TESTS).as_posix() for path in TEST_FILES}
    assert set(LONG_FILES) <= names
    assert len(set(LONG_FILES)) == len(LONG_FILES)


def test_long_files_come_first(request: pytest.FixtureRequest) -> None:
    """The tests of this round come in the order of the long files, and all others after them."""
    names = [item.path.relative_to(TESTS).as_posix() for item in request.session.items]
    long = [name for name in names if name in LONG_FILES]
    assert names[: len(long)] == sorted(long, key=LONG_FILES.index)
