"""`python -m service`, run as a process of its own, where it does not start; everywhere else tests start it so."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import EXPORTED_MODELS
from tests.support.called_commands import call_command
from tests.support.server import ROOT, free_port


def start(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service", *words],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


Refuse = Callable[..., str]


@pytest.fixture
def refuse(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Refuse:
    """Calls the command in this process, which is to end with 2; returns what it says on stderr."""

    def call(*words: str, **variables: str) -> str:
        with monkeypatch.context() as patched:
            for name, value in variables.items():
                patched.setenv(name, value)
            assert call_command("service", *words) == 2
        return capsys.readouterr().err

    return call


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http", ""])
def test_a_port_is_a_number_in_its_range(port: str, refuse: Refuse) -> None:
    """A value that is no port is refused with the range, also where it is from the variable PORT."""
    refusal = (
        f"error: argument --port: expected a number from 1 to 65535, got {port!r}\n"
    )
    for said in (refuse(f"--port={port}"), refuse(PORT=port)):
        assert said.endswith(refusal)


@pytest.mark.parametrize("host", ["", " ", "*", "[]"])
def test_a_host_has_a_name_or_an_address(host: str, refuse: Refuse) -> None:
    """A value that names no host is refused with the address of all, also where it is from the variable HOST."""
    refusal = (
        "error: argument --host: expected the name or the address of a host, "
        f"as 0.0.0.0 for all, got {host!r}\n"
    )
    for said in (refuse(f"--host={host}"), refuse(HOST=host)):
        assert said.endswith(refusal)


def test_misuse_ends_the_process_with_two() -> None:
    """The process of a command that is misused says so on stderr, whether by a word or by a variable."""
    for finished in (start("--port=0"), start(PORT="0"), start("--host=*")):
        assert finished.returncode == 2
        assert "error: argument --" in finished.stderr


@pytest.mark.parametrize("host", [" 127.0.0.1 ", "[::1]"])
def test_a_host_may_stand_in_blanks_or_brackets(host: str) -> None:
    """The address is taken as it is in a URL: only the port, which is taken, keeps this server from starting."""
    family = socket.AF_INET6 if "::" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((host.strip(" []"), 0))
        listener.listen()
        port = listener.getsockname()[1]
        finished = start(f"--port={port}", HOST=host)

    assert f"port {port} of {host.strip(' []')} is taken" in finished.stderr


def test_a_bad_setting_is_told_in_one_line() -> None:
    """A setting is checked before a library is loaded; the exit code is 1."""
    finished = start(VEREDICTO_MODLES="models")
    assert finished.returncode == 1
    assert finished.stderr.startswith(
        "veredicto does not start: unknown setting VEREDICTO_MODLES (did you mean 'VEREDICTO_MODELS'?); "
    )
    assert finished.stderr.count("\n") == 1


def test_http_and_grpc_have_ports_of_their_own(tmp_path: Path) -> None:
    """One port for both is refused at the start: a server that is ready without gRPC would tell nobody."""
    port = str(free_port())
    finished = start(f"--port={port}", VEREDICTO_GRPC_PORT=port, TMPDIR=str(tmp_path))

    assert finished.returncode == 1
    assert finished.stderr == (
        f"veredicto does not start: VEREDICTO_GRPC_PORT: cannot listen on 127.0.0.1:{port}: Address already in use\n"
    )


def test_a_file_is_no_folder_of_models() -> None:
    """A file in the place of the folder is named, with what would work."""
    finished = start(VEREDICTO_MODELS=__file__)
    expected = (
        f"expected a folder of .onnx files, got the file {__file__}: name its folder"
    )

    assert finished.returncode == 1
    assert (
        finished.stderr == f"veredicto does not start: VEREDICTO_MODELS: {expected}\n"
    )


@pytest.mark.parametrize("host", ["a..b", "a" * 300])
def test_a_host_that_is_no_name_is_told_in_one_line(host: str) -> None:
    """A host whose name no resolver takes is refused for gRPC as it is for HTTP."""
    finished = start(
        f"--port={free_port()}",
        VEREDICTO_GRPC_PORT=str(free_port()),
        VEREDICTO_GRPC_HOST=host,
    )

    assert finished.returncode == 1
    assert finished.stderr.startswith(
        f"veredicto does not start: VEREDICTO_GRPC_PORT: cannot listen on {host}:"
    )
    assert finished.stderr.count("\n") == 1


def test_one_path_is_not_for_two_routes() -> None:
    """Predictions and health need a path each, or one would hide the other."""
    finished = start(VEREDICTO_PREDICT_ROUTE="/x", VEREDICTO_HEALTH_ROUTE="/x")

    assert finished.returncode == 1
    assert finished.stderr == (
        "veredicto does not start: VEREDICTO_PREDICT_ROUTE and VEREDICTO_HEALTH_ROUTE: expected two paths, "
        "got '/x' for both\n"
    )


def test_a_folder_that_is_gone_is_no_place_to_start_from(tmp_path: Path) -> None:
    """A shell may stand in a folder that somebody has deleted meanwhile; one line says so."""
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f'cd {gone} && rmdir {gone} && exec "$0" -m service'
    finished = subprocess.run(
        ["bash", "-c", script, sys.executable],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert finished.returncode == 1
    assert finished.stderr == (
        "veredicto does not start: the folder that it is started in is gone: start it from another folder\n"
    )


def start_with_room(
    kib: int, *arguments: str, **variables: str
) -> subprocess.Popen[str]:
    """Starts a server whose processes have so much room for addresses."""
    script = f'ulimit -v {kib} && exec "$0" -m service "$@"'
    return subprocess.Popen(
        ["bash", "-c", script, sys.executable, *arguments],
        env=os.environ | variables,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("kib", [100_000, 200_000])
def test_too_little_room_for_addresses_is_told_in_one_line(kib: int) -> None:
    """A limit below what any server takes is named with the command that sets it."""
    process = start_with_room(kib)
    _, stderr = process.communicate(timeout=60)

    assert process.returncode == 1
    assert stderr == (
        f"veredicto does not start: each process has room for {kib // 1024} MiB of addresses (ulimit -v), and needs "
        "about 224 with one small model: raise that limit, or limit its memory by a control group\n"
    )


def test_little_room_for_addresses_is_told_ahead(tmp_path: Path) -> None:
    """A limit below what the shipped models take is told in the log, and a small model is served within it."""
    shutil.copy(EXPORTED_MODELS / "points-logistic.onnx", tmp_path)
    process = start_with_room(
        400_000, f"--port={free_port()}", VEREDICTO_MODELS=str(tmp_path)
    )
    assert process.stderr is not None
    with process, process.stderr as lines:
        first = next(lines)
        is_ready = any(" serves: pid " in line for line in lines)
        process.terminate()
        process.wait(60)

    assert is_ready
    assert "each process has room for 390 MiB of addresses (ulimit -v), and" in first


def test_another_package_of_the_name_is_not_taken_for_ours(tmp_path: Path) -> None:
    """BentoML would import it from the folder that it is started in; the refusal names that folder."""
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "__init__.py").touch()
    finished = subprocess.run(
        [sys.executable, "-P", "-m", "service"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 1
    assert finished.stderr == (
        "veredicto does not start: expected a folder without a package of the name service, "
        f"got {tmp_path}: start it from another folder\n"
    )


SIGNALLED = """
import importlib.abc, os, runpy, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), {number})

sys.meta_path.insert(0, Finder())
sys.argv = ["service", "--port", "0"]
runpy.run_module({run!r}, run_name="__main__")
"""
"""A start gets a signal when it imports a module; told to stop or not, it ends, since its port is none."""


def start_signalled(run: str, number: int, *, module: str) -> tuple[int, str]:
    """Returns status and output of a start whose process gets a signal when it imports a module."""
    script = SIGNALLED.format(run=run, number=int(number), module=module)
    finished = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return finished.returncode, finished.stdout + finished.stderr


@pytest.mark.parametrize(
    "module", ["service.command_line", "service.processes.supervisor"]
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT])
def test_a_start_that_is_stopped_while_it_imports_ends_in_order(
    number: signal.Signals, module: str
) -> None:
    """Its status is 0, as later, and it writes no traceback: nothing has failed."""
    assert start_signalled("service", number, module=module) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_that_changes_nothing_does_not_end_a_start(
    number: signal.Signals,
) -> None:
    """Log rotation may send it to a server that is not there yet: the start goes on until it refuses its port."""
    status, output = start_signalled("service", number, module="service.command_line")

    assert status == 2
    assert "expected a number from 1 to 65535, got '0'" in output


def test_help_shows_where_models_are_named() -> None:
    """The folder is a variable, which an example shows."""
    assert "VEREDICTO_MODELS=my_models python -m service" in start("--help").stdout
