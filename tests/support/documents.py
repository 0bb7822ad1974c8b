"""This module reads the repository's documents, and the commands and the code that stand in them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support.server import Server

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = (
    "README.md",
    "README.es.md",
    "DESIGN.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benchmarks/README.md",
    "exported_models/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")),
)
"""All documents that people read, as paths from the root."""


def read_document(path: str) -> str:
    """Returns the text of a document of the repository."""
    return (ROOT / path).read_text(encoding="utf-8")


def find_code(text: str, language: str) -> list[str]:
    """Returns the blocks of code of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def find_commands(text: str) -> list[str]:
    """Returns the commands of all console blocks; answers that are shown after a `$` command are left out."""
    found: list[str] = []
    for block in find_code(text, "console"):
        shown = re.findall(r"^\$ (.*?[^\\])$", block, re.M | re.S)
        found += shown or block.splitlines()
    return found


def find_answered(text: str) -> list[tuple[str, str]]:
    """Returns each `$ curl` command with the JSON answer that is shown below it."""
    return re.findall(r"^\$ (curl .*?[^\\])\n(\{.*?\})$", text, re.M | re.S)


def run_curl(command: str, server: Server, folder: Path = ROOT) -> str:
    """Returns what a command prints that stands in a document; it is put to this server, from this folder."""
    finished = subprocess.run(
        ["bash", "-c", address(command, server)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout


def address(text: str, server: Server) -> str:
    """Returns the text with the address of this server in place of the documents' one."""
    return text.replace("127.0.0.1:3000", server.url.removeprefix("http://"))
