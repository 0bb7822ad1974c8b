"""Whether an exported file is up to date: made by this code, from this data, with this command."""

from __future__ import annotations

import ast
import hashlib
import inspect
from pathlib import Path

import onnx

from model_card import Card, CardError, from_metadata
from training.fitted import Family

ROOT = Path(__file__).resolve().parent.parent
ALWAYS = ("training.pipeline",)


def fingerprint_code(family: Family) -> str:
    """SHA-256 over the code that makes a file: the family's module, the pipeline, and what of ours they import.

    Comments and docstrings do not count.
    """
    return fingerprint_modules(inspect.getmodule(family.fit).__name__, *ALWAYS)  # type: ignore[union-attr]  # has one


def fingerprint_modules(*names: str) -> str:
    """The same over these modules and what of ours they import."""
    waiting = list(names)
    sources: dict[str, ast.Module] = {}
    while waiting:
        name = waiting.pop()
        path = ROOT.joinpath(*name.split(".")).with_suffix(".py")
        if name in sources or not path.is_file():
            continue
        sources[name] = ast.parse(path.read_bytes())
        waiting += _imported(sources[name])
    digest = hashlib.sha256()
    for name, source in sorted(sources.items()):
        digest.update(f"{name}\n{ast.unparse(without_docstrings(source))}\n".encode())
    return f"sha256:{digest.hexdigest()}"


def read_card(path: Path) -> Card | None:
    """The card of an exported file; None where there is no file, or none that can be read."""
    try:
        model = onnx.load(path)
        return from_metadata({each.key: each.value for each in model.metadata_props})
    except (OSError, CardError, ValueError):
        return None
    except Exception:  # a truncated file: protobuf's errors share no base class
        return None


def is_up_to_date(path: Path, *, command: str, data: str, code: str) -> bool:
    """Whether the file says that it is made by this command, from data and by code of these fingerprints."""
    card = read_card(path)
    if card is None:
        return False
    made = card.provenance
    return (made.command, made.fingerprint, made.code) == (command, data, code)


def without_docstrings(source: ast.Module) -> ast.Module:
    """In place; any text that stands alone as a statement is one."""
    for node in ast.walk(source):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [each for each in node.body if not _is_text(each)] or [ast.Pass()]
    return source


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _imported(source: ast.Module) -> list[str]:
    found: list[str] = []
    for node in ast.walk(source):
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            found += [each.name for each in node.names]
    return [name for name in found if name == "model_card" or name.startswith("training.")]
