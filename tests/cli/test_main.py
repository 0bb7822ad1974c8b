"""The command `veredicto`, run as a process of its own but for the help of its commands."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.support.called_commands import call_command
from tests.support.server import ROOT, serve

COMMANDS = {
    "serve": "service",
    "train": "training",
    "adopt": "training.adopt",
    "evaluate": "evaluation",
    "score": "scoring",
    "load": "loadtest",
    "journal": "service.live.journal",
    "tune": "tuning",
}
"""Of each command the package that it runs."""


def run(*words: str, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Returns what a Python says to these words, from the root of the project."""
    return subprocess.run(
        [python, *words], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def veredicto(*words: str) -> subprocess.CompletedProcess[str]:
    return run("-m", "cli", *words)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of an environment in which nothing is installed."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True, with_pip=False)
    return str(folder / "bin" / "python")


def test_help_shows_each_command_and_an_example_of_it() -> None:
    """A newcomer sees what there is and a line to type for each."""
    finished = veredicto("--help")
    assert finished.returncode == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name} +\w", finished.stdout, re.MULTILINE)
        assert f"\n  veredicto {name}" in finished.stdout


def test_help_loads_no_library() -> None:
    """Help is there at once, since neither BentoML nor torch nor a package of ours is imported for it."""
    finished = run("-X", "importtime", "-m", "cli", "--help")
    loaded = {line.rpartition("|")[2].strip() for line in finished.stderr.splitlines()}
    assert "cli" in loaded
    assert not {"bentoml", "torch", "numpy", *COMMANDS.values()} & loaded


@pytest.mark.parametrize(
    ("words", "found"),
    [((), "none"), (("serv",), "'serv' (did you mean 'serve'?)"), (("",), "''")],
)
def test_what_is_no_command_is_told_the_commands(
    words: tuple[str, ...], found: str
) -> None:
    """One line on stderr names the commands that there are, and the exit code is 2."""
    finished = veredicto(*words)
    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr == (
        "veredicto: expected a command, one of serve, train, adopt, evaluate, score, load, "
        f"journal, tune, got {found}; veredicto --help shows examples\n"
    )


def test_the_version_is_that_of_the_service() -> None:
    """`veredicto --version` prints the name and the version."""
    assert re.fullmatch(r"veredicto \d+\.\d+\.\d+\n", veredicto("--version").stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_begins_with_examples(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Below the examples come the usage and the options."""
    assert call_command("cli", name, "--help") == 0
    examples, _, options = capsys.readouterr().out.partition("\n\n")

    assert examples.startswith("examples:\n  # ")
    assert f"\n  veredicto {name} " in examples
    assert options.startswith("usage: ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train", ("all", "--help")),
        ("evaluate", ("--task", "wine")),
        ("evaluate", ("--task", "wine", "--data", "nowhere.csv")),
        ("evaluate", ("--verify", "nowhere.json")),
        ("serve", ("--port", "0")),
        ("load", ("--url", "nowhere", "--rate", "x")),
        ("load", ("--url", "ftp://nowhere", "--rate", "1")),
    ],
)
def test_a_command_is_the_same_as_its_package(
    name: str,
    words: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Words, output, errors and exit code pass through unchanged."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(ROOT)
    ours = veredicto(name, *words)
    theirs = call_command(COMMANDS[name], *words)
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs, *capsys.readouterr())


@pytest.mark.parametrize(
    ("name", "words", "extras"),
    [
        ("train", ("mlp", "--task", "wine"), "train"),
        ("evaluate", ("--task", "wine"), "cpu,evaluate"),
        ("load", ("--task", "wine"), "load"),
    ],
)
def test_a_missing_library_says_what_to_install(
    bare_python: str, name: str, words: tuple[str, ...], extras: str
) -> None:
    """One line on stderr names the library and the extras that bring it, and the exit code is 1."""
    finished = run("-m", "cli", name, *words, python=bare_python)
    assert finished.returncode == 1
    assert re.fullmatch(
        rf"veredicto {name} needs \w+, which is not installed: "
        rf"make install in a clone, or pip install 'veredicto\[{extras}\]'\n",
        finished.stderr,
    )


def test_training_that_is_not_installed_says_how_it_is(bare_python: str) -> None:
    """`python -m training`, as a clone has it after `make serve`, names the library and the target that brings it."""
    finished = run("-m", "training", "mlp", "--task", "wine", python=bare_python)
    assert finished.returncode == 1
    assert re.fullmatch(
        r"training is not installed, \w+ is missing: make install in a clone, or pip install 'veredicto\[train\]'\n",
        finished.stderr,
    )


def test_a_server_without_its_libraries_says_what_to_install(bare_python: str) -> None:
    """One line on stderr names the library and both builds of what brings it."""
    finished = run("-m", "cli", "serve", python=bare_python)
    assert finished.returncode == 1
    assert finished.stderr == (
        "veredicto does not start: bentoml is not installed: make serve in a clone, or "
        "pip install 'veredicto[cpu]', or [gpu]\n"
    )


def test_the_command_serves(models: Path, tmp_path: Path) -> None:
    """`veredicto serve` answers, and its process ends with 0 when it is told to stop."""
    words = ("-m", "cli", "serve")
    with serve(tmp_path, words=words, VEREDICTO_MODELS=models) as server:
        request = {"model": "colour-first", "inputs": [[1, "red"]]}
        assert server.post("/predict", request).status_code == 200

    assert server.process.returncode == 0
