"""A folder of models is checked by one command, which loads none of them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from onnx import TensorProto

from service.models.folder import ModelFolder
from service.models.verify import verify
from tests.support.graphs import write_function_bomb, write_identity
from tests.support.server import ROOT


def run_verify(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service.models.verify", str(folder)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_a_folder_as_its_sums_say_is_good(tmp_path: Path) -> None:
    """The command ends with 0, and names each file with its version."""
    content = write_identity(tmp_path, "good", TensorProto.FLOAT, ["n"]).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    (tmp_path / "SHA256SUMS").write_text(f"{digest}  good.onnx\n")
    done = run_verify(tmp_path)

    expected = (
        f"good good.onnx: {digest[:12]}, {len(content)} bytes, as SHA256SUMS says"
    )
    assert (done.returncode, done.stdout) == (0, f"{expected}\n")


def test_what_is_wrong_with_each_file_is_said(tmp_path: Path) -> None:
    """The command ends with 1 where any file is bad, and says of each what is."""
    write_identity(tmp_path, "good", TensorProto.FLOAT, ["n"])
    write_function_bomb(tmp_path)
    (tmp_path / "cut.onnx").write_bytes(b"\x3a\x7f")
    done = run_verify(tmp_path)

    assert done.returncode == 1
    assert [line[:16] for line in done.stdout.splitlines()] == [
        "BAD  bomb.onnx: ",
        "BAD  cut.onnx: o",
        "good good.onnx: ",
    ]


def test_a_file_that_the_sums_list_must_be_there(tmp_path: Path) -> None:
    """A file that is in the sums and not in the folder is named, and so is a folder without models."""
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  gone.onnx\n")

    assert [each[:2] for each in verify(ModelFolder(tmp_path))] == [
        ("gone.onnx", False),
        (str(tmp_path), False),
    ]


def test_help_shows_an_example() -> None:
    """A folder may be named, or that of VEREDICTO_MODELS is looked at."""
    command = [sys.executable, "-m", "service.models.verify", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Example: python -m service.models.verify my_models" in done.stdout
