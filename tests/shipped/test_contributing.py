"""CONTRIBUTING is true: its example function and its example family work as they stand, and its errors are real."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.documents import ROOT, find_code, find_commands, read_document
from tests.support.server import Server

TEXT = read_document("CONTRIBUTING.md")
FUNCTION, TEST, FAMILY = find_code(TEXT, "python")
COPIED = (
    "training",
    "charts",
    "cli",
    "tables",
    "model_card.py",
    "row_records.py",
    "stats",
)
REGISTRY = Path("training", "families", "registry.py")
StartServer = Callable[..., AbstractContextManager[Server]]


def test_the_example_function_passes_the_example_test() -> None:
    """The function and its test run as they stand, and the function is right on labels that agree by half."""
    names: dict[str, Any] = {"np": np}
    exec(f"from __future__ import annotations\n{FUNCTION}\n{TEST}", names)

    names["test_kappa_is_undefined_where_one_label_is_given_throughout"]()

    kappa = names["cohen_kappa"](
        np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), n_classes=2
    )
    assert kappa == pytest.approx(0.5)


def test_the_example_errors_are_those_of_the_service(
    start_server: StartServer, models: Path
) -> None:
    """A server of tiny models answers an unknown category and an unknown name with the words that are shown."""
    requests = [
        {"model": "colour-first", "inputs": [[0.5, "pink"]]},
        {"model": "colour-frist", "inputs": [[0.5, "red"]]},
    ]

    with start_server(VEREDICTO_MODELS=models) as server:
        errors = [server.post("/predict", each).json()["error"] for each in requests]

    assert f"\n{errors[0]}\n{errors[1]}\n" in TEXT


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code of training with the example family in it, as the page says it is added."""
    folder = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name,
                folder / name,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        else:
            shutil.copy(ROOT / name, folder)

    (folder / REGISTRY.with_name("extra_trees.py")).write_text(FAMILY)
    registry = (folder / REGISTRY).read_text()
    registry = re.sub(
        r'^( *)"random_forest": .*$',
        r'\g<0>\n\1"extra_trees": "training.families.extra_trees",',
        registry,
        flags=re.M,
    )
    (folder / REGISTRY).write_text(registry)

    return folder


def test_the_example_family_trains_and_its_model_is_served(
    start_server: StartServer, copy: Path
) -> None:
    """The page's command fits the example family and exports a file, which a server loads and answers with."""
    (command,) = [
        each for each in find_commands(TEXT) if " -m training extra_trees " in each
    ]
    words = shlex.split(command)[1:]
    finished = subprocess.run(
        [sys.executable, *words, "--trees", "10", "--output", str(copy / "models")],
        cwd=copy,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr

    with start_server(VEREDICTO_MODELS=copy / "models") as server:
        card = server.client.get("/models/wine-extra_trees").json()
        request = {"model": card["name"], "inputs": [card["input"]["example"]]}
        answer = server.post("/predict", request).json()

    assert card["summary"].startswith("Extremely randomised trees: ")
    assert card["metrics"]["accuracy"]["value"] > 0.9
    assert card["calibration"] is not None
    assert answer["predictions"][0] in card["classes"]
