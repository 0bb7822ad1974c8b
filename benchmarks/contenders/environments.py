"""Each contender has a virtual environment of its own, so that no framework decides the versions of another."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.paths import ROOT

CACHE = ROOT / "benchmarks" / ".environments"
PEERS_REQUIREMENTS = ROOT / "benchmarks" / "requirements"
SERVE_REQUIREMENTS = ROOT / "requirements" / "serve.txt"
MAX_REASON_CHARACTERS = 300
_VERSIONS = """
import sys
from importlib.metadata import version
for package in sys.argv[1:]:
    print(package, version(package))
"""


class NotInstalled(Exception):
    """An environment could not be made; the text is the end of the installer's output."""


def make_environment(name: str) -> Path:
    """Returns the Python of an environment, made once for each content of its requirements; raises NotInstalled."""
    requirements = (
        SERVE_REQUIREMENTS
        if name == "veredicto"
        else PEERS_REQUIREMENTS / f"{name}.txt"
    )
    digest = hashlib.sha256(
        requirements.read_bytes() + sys.version.encode()
    ).hexdigest()[:8]
    folder = CACHE / f"{name}-{digest}"
    python = folder / "bin" / "python"
    stamp = folder / "made.stamp"
    if stamp.exists():
        return python

    print(f"making {folder.relative_to(ROOT)} ...", file=sys.stderr, flush=True)
    for old in CACHE.glob(f"{name}-*"):
        shutil.rmtree(old)

    _run_uv("venv", "--quiet", "--python", sys.executable, str(folder))
    _run_uv(
        "pip",
        "install",
        "--quiet",
        "--compile-bytecode",
        "--python",
        str(python),
        "-r",
        str(requirements),
    )
    stamp.touch()

    return python


def list_versions(python: Path, packages: tuple[str, ...]) -> list[str]:
    """Returns `name version` for each package in that environment."""
    report = subprocess.run(
        [python, "-c", _VERSIONS, *packages], capture_output=True, text=True, check=True
    )
    return report.stdout.splitlines()


def _run_uv(*arguments: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "uv", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise NotInstalled(" ".join(run.stderr.split())[-MAX_REASON_CHARACTERS:])
