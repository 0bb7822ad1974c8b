"""A result is read again only where it is whole, of this format and of this schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadtest import result
from loadtest.__main__ import main
from service.errors import LoadTestError
from tests.support.raw_server import run_server


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """This is the result of a short test."""
    path = tmp_path_factory.mktemp("result") / "result.json"
    with run_server() as url:
        words = ["--url", url, "--rate", "200", "--duration", "0.5", "--warm-up", "0"]
        assert main([*words, "--output", str(path)]) == 0

    return result.read(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "another"}, "expected the JSON of a load test"),
        ({"schema_version": 2}, "expected schema 1, got 2"),
        ({"schema_version": "1"}, "expected schema 1, got '1'"),
        ({"load": None}, "expected the whole result"),
        ({"load": {}}, "expected the whole result"),
        ({"errors": []}, "expected the whole result"),
        ({"requests": "many"}, "expected the whole result"),
        ({"repeats": [{}]}, "expected the whole result"),
        ({"repeats": {"a": 1}}, "expected the whole result"),
        ({"search": {"rates": ["fast"]}}, "expected the whole result"),
    ],
)
def test_a_file_of_another_kind_is_refused(
    document: dict[str, Any], tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    """A file that could not be compared with is refused before anything is measured."""
    path = tmp_path / "old.json"
    path.write_text(json.dumps(document | changes))
    with pytest.raises(LoadTestError, match=message):
        result.read(path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 99_999])
def test_what_is_no_result_is_refused(tmp_path: Path, content: bytes) -> None:
    """The message names the file."""
    path = tmp_path / "old.json"
    path.write_bytes(content)
    with pytest.raises(LoadTestError, match=r"old\.json: expected the JSON"):
        result.read(path)
