"""Installs requirements for a processor, which need not be this one's: install_wheels.py amd64|arm64 FOLDER FILE.

pip compares wheels and the markers of requirements with what these two functions say of the machine. Its own option
`--platform` has no say in markers. Nothing is built, since a compiler's work would be for this processor.
"""

from __future__ import annotations

import platform
import runpy
import sys
import sysconfig

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
"""The names of processors in Python, by those in images."""


def main(architecture: str, folder: str, file: str) -> None:
    """Runs pip, which ends the process where a wheel is lacking or is not the one that was pinned."""
    machine = MACHINES[architecture]
    platform.machine = lambda: machine
    sysconfig.get_platform = lambda: f"linux-{machine}"

    options = ["--require-hashes", "--only-binary", ":all:", "--no-compile"]
    sys.argv[1:] = ["install", *options, "--target", folder, "--requirement", file]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
