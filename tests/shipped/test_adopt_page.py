"""The page on adopting is true: its Python exports, and its commands adopt and judge what it has exported."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cli.__main__ import main
from tests.support.documents import ROOT

TEXT = (ROOT / "docs" / "adopt.md").read_text(encoding="utf-8")


def find_blocks(language: str) -> list[str]:
    """Returns what stands in the page's blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)


def run(words: list[str], folder: Path) -> str:
    """Runs Python in a folder with our packages, and returns what it says; it is to succeed."""
    finished = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={
            "PYTHONPATH": str(ROOT),
            "VEREDICTO_MODELS": "my_models",
            "HOME": str(folder),
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr

    return finished.stdout


def test_what_is_exported_is_adopted_and_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each line of the page does what it says, but for the server, which goes on.

    The first one is run as a person runs it, in a process of its own, and the others where the libraries are loaded.
    """
    (code,) = find_blocks("python")
    run(["-c", code], tmp_path)
    lines = [line for block in find_blocks("console") for line in block.splitlines()]
    commands = [line.partition("veredicto ")[2] for line in lines]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VEREDICTO_MODELS", "my_models")
    monkeypatch.setenv("HOME", str(tmp_path))

    run(["-m", "cli", *shlex.split(commands[0])], tmp_path)
    for command in commands[1:]:
        if command != "serve":
            assert main(shlex.split(command)) == 0

    assert commands.count("serve") == 1
    written = sorted(path.name for path in (tmp_path / "my_models").glob("*.onnx"))
    assert written == ["iris-forest.onnx", "iris-line.onnx"]


def test_options_of_the_page_are_options_of_the_command() -> None:
    """Each option that the page names is one of those that `--help` lists."""
    listed = run(["-m", "training.adopt", "--help"], ROOT)
    named = set(re.findall(r"`?(--[a-z][a-z-]*)", TEXT))

    assert named - {"--label"} <= set(re.findall(r"--[a-z-]+", listed))
