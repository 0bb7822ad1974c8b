"""Schemathesis makes up requests and checks the interface against its own OpenAPI document."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.documents import ROOT
from tests.support.server import Server

HOOKS = "tests.support.schemathesis_filter"
NOT_SAID = "positive_data_acceptance"
"""A schema cannot say which rows a model takes, so a request may fit it and still be refused."""


def test_made_up_requests_are_answered_as_documented(
    server: Server, tmp_path: Path
) -> None:
    """1,000 requests to every route get no 5xx, no undocumented status, and no answer of another shape or type."""
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "run",
        f"{server.url}/docs.json",
    ]
    options = [
        "--max-examples",
        "5",
        "--seed",
        "1",
        "--exclude-checks",
        NOT_SAID,
        "--request-timeout",
        "30",
    ]
    finished = subprocess.run(
        [*command, *options, "--no-color"],
        cwd=tmp_path,
        env=os.environ | {"SCHEMATHESIS_HOOKS": HOOKS, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout[-5000:] + finished.stderr[-2000:]
    assert " passed\n" in finished.stdout.partition("Test cases:")[2]
    assert "a defect in" not in server.log.read_text()
