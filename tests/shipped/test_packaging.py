"""The bento, built and served in an environment of its own: nothing of training is in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.server import ROOT, serve

HEAVY = ("torch", "sklearn", "scipy", "onnx", "onnxscript", "pandas", "pytest")


def run(*command: object, **environment: object) -> str:
    """Runs a command from the root of the project; its output, or its errors in the failure."""
    variables = os.environ | {name: str(value) for name, value in environment.items()}
    finished = subprocess.run(
        [*map(str, command)], cwd=ROOT, env=variables, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr

    return finished.stdout


@pytest.fixture(scope="module")
def bento(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a freshly built bento."""
    home = tmp_path_factory.mktemp("bento")
    tag = run(
        sys.executable, "-m", "bentoml", "build", "--output", "tag", BENTOML_HOME=home
    )
    name, version = tag.strip().removeprefix("__tag__:").split(":")

    return home / "bentos" / name / version


@pytest.fixture(scope="module")
def python(bento: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment that has what the bento asks for, and nothing else."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder)
    interpreter = folder / "bin" / "python"
    requirements = bento / "env" / "python" / "requirements.txt"
    run(
        interpreter,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        requirements,
    )

    return interpreter


def test_the_bento_holds_what_it_serves_and_no_more(bento: Path) -> None:
    """Code, models, requirements; no tests, no training."""
    source = bento / "src"
    assert sorted(path.name for path in source.iterdir()) == [
        *(
            "README.md",
            "bentofile.yaml",
            "exported_models",
            "model_card.py",
            "requirements",
            "service",
        ),
    ]
    shipped = {path.name for path in (ROOT / "exported_models").glob("*.onnx")}
    assert {path.name for path in (source / "exported_models").iterdir()} == shipped
    assert (source / "service" / "pages" / "home.html").exists()


def test_the_bento_turns_telemetry_off(bento: Path) -> None:
    """In its own environment and in its container's."""
    description = yaml.safe_load((bento / "bento.yaml").read_text())
    expected = {"ORT_DISABLE_TELEMETRY": "1", "BENTOML_DO_NOT_TRACK": "True"}
    assert {each["name"]: each["value"] for each in description["envs"]} == expected
    dockerfile = (bento / "env" / "docker" / "Dockerfile").read_text()
    assert all(name in dockerfile for name in expected)


def test_the_environment_is_light(python: Path) -> None:
    """No library of training or testing is to be found in it."""
    program = (
        f"import importlib.util as u; print([n for n in {HEAVY!r} if u.find_spec(n)])"
    )
    assert run(python, "-c", program).strip() == "[]"


def test_the_bento_serves_in_that_environment(
    bento: Path, python: Path, tmp_path: Path
) -> None:
    """Ready, and right."""
    with serve(tmp_path, python=str(python), target=str(bento)) as server:
        assert server.client.get("/readyz").json() == {
            "ready": True,
            "models": len(list((ROOT / "exported_models").glob("*.onnx"))),
        }
        answer = server.post("/predict", {"model": "points-mlp", "inputs": [[1, 2]]})
        assert answer.json()["predictions"] == ["orange"]


def test_the_checkout_serves_in_that_environment(python: Path, tmp_path: Path) -> None:
    """As `make serve` does."""
    with serve(tmp_path, python=str(python)) as server:
        assert server.client.get("/readyz").status_code == 200


@pytest.mark.parametrize("file", ["serve.txt", "grpc.txt", "test.txt"])
def test_requirements_are_pinned_without_addresses(file: str) -> None:
    """A version for each, and no place to fetch it from."""
    for line in (ROOT / "requirements" / file).read_text().splitlines():
        assert "==" in line, line
        assert "://" not in line
        assert not line.startswith("-"), line
