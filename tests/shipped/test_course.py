"""The course's page is true: each of its commands runs, and each picture that it names is drawn."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.support.server import Server
from training.__main__ import main

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "course.md").read_text(
    encoding="utf-8"
)
COMMANDS = [
    line
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.S)
    for line in block.splitlines()
]
TRAINING = [
    line.removeprefix(".venv/bin/python -m training ")
    for line in COMMANDS
    if line.startswith(".venv")
]
CURLS = [line for line in COMMANDS if line.startswith("curl ")]
PICTURES = sorted(set(re.findall(r"`(\w+\.png)`", TEXT)))

_drawn: set[str] = set()


def test_every_command_is_run_by_a_test() -> None:
    """Of this file."""
    assert len(TRAINING) + len(CURLS) == len(COMMANDS) > 30


def test_every_class_is_there() -> None:
    """From 1 to 27."""
    numbers: set[int] = set()
    for first, last in re.findall(r"^## (\d+)(?:-(\d+))?: ", TEXT, re.M):
        numbers |= set(range(int(first), int(last or first) + 1))
    assert numbers == set(range(1, 28))


@pytest.mark.parametrize("command", TRAINING)
def test_a_training_command_runs(command: str, tmp_path: Path) -> None:
    """It writes what it says, and the pictures of its report."""
    reports = tmp_path / "reports"
    words = [word for word in shlex.split(command) if word != "--report"]
    drawing = ["--report", str(reports)] if "--report" in command else []
    assert main([*words, "--output", str(tmp_path), *drawing]) == 0
    assert list(tmp_path.glob("*.onnx"))
    pictures = list(reports.rglob("*.png"))
    assert bool(pictures) == bool(drawing)
    _drawn.update(path.name for path in pictures)


def test_every_picture_that_is_named_is_drawn() -> None:
    """By one of the commands above."""
    assert set(PICTURES) <= _drawn


@pytest.mark.parametrize("command", CURLS)
def test_a_curl_is_answered(server: Server, command: str, tmp_path: Path) -> None:
    """Without an error."""
    command = command.replace("http://127.0.0.1:3000", server.url)
    finished = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    written = re.search(r"-o (\w+\.png)", command)
    if written:
        with Image.open(tmp_path / written[1]) as picture:
            picture.load()
            assert (
                picture.size == (5 * 66 + 2, 5 * 66 + 2) or written[1] != "samples.png"
            )
    else:
        assert "error" not in json.loads(finished.stdout)
