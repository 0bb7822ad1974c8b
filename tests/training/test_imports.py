"""A training imports the libraries that its family learns with, and no others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.documents import ROOT

COMMAND = "from training.commands import main\nmain(sys.argv[1:])\n"
FAMILY_ALONE = (
    "from training.arguments.command import parse\n"
    "from training.arguments.run import find_family\n"
    "find_family(parse(sys.argv[1:]), images=False)\n"
)
LARGE = {"torch", "torchvision", "timm", "skl2onnx", "matplotlib", "onnxscript"}


def list_imported(program: str, *words: str) -> set[str]:
    """Returns which of the large libraries a process has imported at the end of the program."""
    finished = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys\n{program}print(*({LARGE} & set(sys.modules)))",
            *words,
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(finished.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("family", "imported"), [("decision_tree", {"skl2onnx"}), ("naive_bayes", set())]
)
def test_a_training_without_torch_does_not_import_it(
    tmp_path: Path, family: str, imported: set[str]
) -> None:
    """The whole command of a tree, or of naive Bayes, on one's own table imports nothing that draws or has networks."""
    generator = np.random.default_rng(0)
    rows = [
        f"{value:.3f},{'yes' if value > 0 else 'no'}"
        for value in generator.normal(size=100)
    ]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["x,y", *rows]) + "\n", encoding="utf-8")
    words = ("--task", "signs", "--data", str(table), "--target", "y")

    found = list_imported(COMMAND, family, *words, "--output", str(tmp_path))
    assert found == imported
    assert (tmp_path / f"signs-{family}.onnx").is_file()


def test_a_network_imports_nothing_for_other_families() -> None:
    """A network of rows is found with torch, and without the converter of trees or libraries of images."""
    assert list_imported(FAMILY_ALONE, "mlp", "--task", "wine") == {"torch"}
