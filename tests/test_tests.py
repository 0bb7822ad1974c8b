"""The tests and all other code keep rules here: imports, facts, lengths of functions, sentences."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.file_order import LONG_FILES

TESTS = Path(__file__).resolve().parent
FILES = sorted(TESTS.rglob("*.py"), key=str)
TEST_FILES = [path for path in FILES if path.name.startswith("test_")]


@cache
def find_sources() -> list[Path]:
    """Returns all modules of the repository; folders of what others made are not walked through."""
    found: list[str] = []
    for folder, inner, names in os.walk(TESTS.parent):
        inner[:] = [
            each
            for each in inner
            if not each.startswith((".", "build", "node_modules"))
        ]
        found += [f"{folder}/{each}" for each in names if each.endswith(".py")]

    return [Path(each) for each in sorted(found)]


KINDS = (
    ast.Module,
    ast.ClassDef,
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.Import,
    ast.ImportFrom,
)
"""The tests look at what has a docstring, and at imports."""


@cache
def read_nodes(path: Path) -> list[ast.AST]:
    """Returns what the tests look at in a module's syntax, which is parsed and walked through once for all of them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, KINDS)]


def find_imports(nodes: list[ast.AST]) -> Iterator[str]:
    """Yields each imported module, and each imported name as if it were one."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def find_tests(
    nodes: list[ast.AST],
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in nodes:
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_function and node.name.startswith("test_"):
            yield node


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(TESTS).as_posix()
)
def test_nothing_is_imported_from_a_test_file(path: Path) -> None:
    """All that tests share lies in tests/support, so that any file of tests can be moved or removed."""
    imported = find_imports(read_nodes(path))
    of_tests = [name for name in imported if name.startswith("tests.")]
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
    for test in find_tests(read_nodes(path)):
        fact = ast.get_docstring(test) or ""
        assert fact.endswith("."), test.name


MAX_LINES = 40
LONG = {
    "model_card.py": {"__post_init__", "from_document"},
    "training/data/image_preprocessing.py": {"prepend"},
    "training/export/gate.py": {"_describe_input", "compare_outputs", "export"},
    "training/families/knn.py": {"_distances", "to_onnx"},
    "training/families/perceptron.py": {"fit"},
    "training/graph.py": {"clean"},
    "training/images/classifier.py": {"add_schedule_options", "fit"},
    "training/images/gradient_descent.py": {"minimise_loss"},
    "training/transfer/pretrained.py": {"add_options"},
    "training/learning/gradient_descent.py": {"add_options", "minimise_loss"},
    "training/pipeline.py": {"_predict_unseen", "train"},
}
"""These functions are longer still: most are in the code that fingerprints of shipped models are made of."""

FIRST_WORDS = re.compile(r"(What|How|Where|Whether|Why|When|Who|Whose|Which|If|That)\b")


def find_functions(
    nodes: list[ast.AST],
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yields each function and method, nested ones too."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_long() -> None:
    """A function has at most forty lines, but for those that the table names, which has no others."""
    found: dict[str, set[str]] = {}
    for path in find_sources():
        for function in find_functions(read_nodes(path)):
            assert function.end_lineno is not None
            if function.end_lineno - function.lineno + 1 > MAX_LINES:
                name = path.relative_to(TESTS.parent).as_posix()
                found.setdefault(name, set()).add(function.name)

    assert found == LONG


def test_no_docstring_begins_as_a_question_does() -> None:
    """A docstring is a sentence with its subject first, so it does not begin with a word like "where"."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for path in find_sources():
        name = path.relative_to(TESTS.parent).as_posix()
        for node in read_nodes(path):
            text = isinstance(node, kinds) and ast.get_docstring(node)
            if text and FIRST_WORDS.match(text):
                found.append(f"{name}: {text}")

    assert found == []


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
