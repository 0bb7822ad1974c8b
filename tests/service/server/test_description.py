"""The file that BentoML's client reads says of the calls what BentoML itself does."""

from __future__ import annotations

import subprocess
import sys

from service.server.description import read_description
from tests.support.server import ROOT

PROGRAM = """
import sys
from service.server.description import describe
sys.stdout.buffer.write(describe())
"""


def test_the_file_is_bentoml_s_own_description() -> None:
    """`python -m service.server.description` writes it anew after a change of the calls, or of BentoML."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )

    assert read_description() == found.stdout
