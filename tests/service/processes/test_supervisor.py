"""The supervisor is tried with workers that are small scripts: they die, hang, never start, or end as they are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.processes.listening import listen
from service.processes.supervisor import Supervisor
from service.processes.supervisor_options import SupervisorOptions
from tests.support.server import ROOT

LIMIT_S = 60
PREPARE = """
import os, signal, sys, time
sys.path.insert(0, {root!r})
from service.processes.link import find_link
link = find_link()
folder, number = {folder!r}, sys.argv[-1]
def note(word):
    with open(os.path.join(folder, "notes"), "a") as file:
        file.write(f"{{word}} {{number}} {{os.getpid()}}\\n")
def serve():
    link.handle("drain", lambda _: note("drain"))
    link.handle("close", lambda _: (note("close"), os._exit(0)))
    link.on_orphaned(lambda: (note("orphaned"), os._exit(0)))
    link.send("ready")
    note("ready")
    while True:
        link.send("beat")
        time.sleep(0.05)
note("start")
"""
SUPERVISE = """
import logging, os, signal, sys
sys.path.insert(0, {root!r})
from service.processes.listening import listen
from service.processes.supervisor import Supervisor
from service.processes.supervisor_options import SupervisorOptions
logging.basicConfig(level=logging.INFO, format="%(message)s")
options = SupervisorOptions(
    command=lambda descriptor, number: ({before}, [sys.executable, {script!r}, str(number)])[1],
    folder={folder!r}, n_workers={n_workers}, drain_s=0.2, grace_s=2, load_s={load_s},
    max_still_s={max_still_s},
)
sys.exit(Supervisor(listen("127.0.0.1", 0, 8), options).run())
"""


class Supervised:
    """A supervisor is a process here, and its workers run one script, which notes what happens."""

    def __init__(self, folder: Path, body: str, **options: object) -> None:
        self._notes = folder / "notes"
        self._log = folder / "log"
        script = folder / "worker.py"
        script.write_text(PREPARE.format(root=str(ROOT), folder=str(folder)) + body)
        code = SUPERVISE.format(
            root=str(ROOT),
            script=str(script),
            folder=str(folder),
            **options,
        )
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code], stderr=log, cwd=folder
            )

    def find(self, word: str) -> list[int]:
        """Returns the process ids of the workers that noted this word."""
        lines = self._notes.read_text().splitlines() if self._notes.exists() else []
        return [int(line.split()[2]) for line in lines if line.startswith(word)]

    def wait_for(self, word: str, n_times: int) -> list[int]:
        """Returns the process ids once so many workers have noted this word."""
        end = time.monotonic() + LIMIT_S
        while len(self.find(word)) < n_times:
            assert time.monotonic() < end, self.read_log()
            time.sleep(0.02)
        return self.find(word)

    def read_log(self) -> str:
        """Returns what the supervisor has logged."""
        return self._log.read_text()

    def wait_for_log(self, text: str) -> str:
        """Returns the log once this text is in it."""
        end = time.monotonic() + LIMIT_S
        while text not in self.read_log():
            assert time.monotonic() < end, self.read_log()
            time.sleep(0.02)
        return self.read_log()


Start = Callable[..., Supervised]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Start]:
    """Starts supervisors, and ends what is left of them and of their workers."""
    started: list[Supervised] = []

    def start(body: str, **options: object) -> Supervised:
        defaults: dict[str, object] = {
            "n_workers": 1,
            "load_s": LIMIT_S,
            "max_still_s": LIMIT_S,
            "before": None,
        }
        started.append(Supervised(tmp_path, body, **defaults | options))
        return started[-1]

    yield start

    for each in started:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()
        for pid in each.find("start"):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def test_a_worker_that_dies_is_replaced_and_its_death_is_logged(
    supervise: Start,
) -> None:
    """Another process serves in the place of one that was killed, whose signal stands in the log."""
    supervised = supervise("serve()")
    first = supervised.wait_for("ready", 1)[0]
    os.kill(first, signal.SIGKILL)

    assert supervised.wait_for("ready", 2)[1] != first
    assert f"worker 1 (pid {first}) was ended by SIGKILL" in supervised.read_log()


def test_a_worker_that_is_stopped_is_replaced(supervise: Start) -> None:
    """A worker that a signal has stopped is killed once it was silent for too long, and another takes its place."""
    supervised = supervise("serve()", max_still_s=2)
    first = supervised.wait_for("ready", 1)[0]
    os.kill(first, signal.SIGSTOP)

    supervised.wait_for("ready", 2)
    log = supervised.read_log()
    assert f"worker 1 (pid {first}) was stopped by a signal" in log
    assert f"worker 1 (pid {first}) said nothing for 2 s and was killed" in log


def test_a_worker_that_hangs_is_replaced(supervise: Start) -> None:
    """A worker that says nothing more although it runs is killed and replaced."""
    hang_once = """
if os.path.exists(os.path.join(folder, "hung")):
    serve()
open(os.path.join(folder, "hung"), "w").close()
link.send("ready")
time.sleep(1000)
"""
    supervised = supervise(hang_once, max_still_s=2)

    supervised.wait_for("ready", 1)
    assert "said nothing for 2 s and was killed" in supervised.read_log()


def test_a_file_whose_load_hangs_is_refused_by_the_next_worker(
    supervise: Start,
) -> None:
    """The worker that loads it is killed, and the next one is told which file to leave alone, and why."""
    load = """
if "bad.onnx" not in link.first["refused"]:
    link.send("loading", file="bad.onnx")
    time.sleep(1000)
note("refused:" + link.first["refused"]["bad.onnx"].replace(" ", "_"))
serve()
"""
    supervised = supervise(load, load_s=1)

    supervised.wait_for("refused:its_load_did_not_end_within_1_s", 1)
    assert "while it loaded bad.onnx" in supervised.read_log()


def test_the_start_of_a_process_is_no_part_of_a_load(supervise: Start) -> None:
    """A worker that takes longer than a load may, before its first file and after its last, is not killed."""
    begin_slowly = """
time.sleep(1.5)
link.send("loading", file="good.onnx")
link.send("loading", file=None)
time.sleep(1.5)
serve()
"""
    supervised = supervise(begin_slowly, load_s=1)

    supervised.wait_for("ready", 1)
    assert len(supervised.find("start")) == 1


def test_a_file_whose_load_ends_the_process_is_refused_by_the_next_worker(
    supervise: Start,
) -> None:
    """A file at which a worker crashes keeps only itself from being served."""
    load = """
if "bad.onnx" not in link.first["refused"]:
    link.send("loading", file="bad.onnx")
    os.kill(os.getpid(), signal.SIGSEGV)
note("refused:" + link.first["refused"]["bad.onnx"].replace(" ", "_"))
serve()
"""
    supervised = supervise(load)

    supervised.wait_for("refused:its_load_ended_the_process_that_loaded_it", 1)


def test_a_file_is_not_refused_for_another_that_was_loaded_beside_it(
    supervise: Start,
) -> None:
    """A worker that died while it loaded two files is followed by one that finds which of them is at fault."""
    load = """
if link.first["restarts"] == 0:
    link.tell_loading("bad.onnx")
    link.tell_loading("good.onnx", "bad.onnx")
    os.kill(os.getpid(), signal.SIGSEGV)
note("refused:" + ",".join(link.first["refused"]) + ".")
if link.first["restarts"] == 1:
    link.tell_loading("bad.onnx")
    os.kill(os.getpid(), signal.SIGSEGV)
serve()
"""
    supervised = supervise(load)

    supervised.wait_for("ready", 1)
    assert len(supervised.find("refused:. ")) == 1
    assert len(supervised.find("refused:bad.onnx. ")) == 1
    assert "the models are loaded once more, one at a time" in supervised.read_log()


def test_what_a_worker_said_before_it_died_is_heard(tmp_path: Path) -> None:
    """A worker names a file and dies before the supervisor has read that: the file is refused nevertheless."""
    script = tmp_path / "worker.py"
    script.write_text(
        PREPARE.format(root=str(ROOT), folder=str(tmp_path))
        + "link.send('loading', file='bad.onnx')\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    options = SupervisorOptions(
        command=lambda _, number: [sys.executable, str(script), str(number)],
        folder=str(tmp_path),
        n_workers=1,
        drain_s=0,
        grace_s=1,
        load_s=LIMIT_S,
    )
    with listen("127.0.0.1", 0, 8) as listener:
        supervisor = Supervisor(listener, options)
        supervisor._start(1)
        pid = supervisor._workers[1].process.pid
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        supervisor._bury_dead()

    reason = "its load ended the process that loaded it"
    assert supervisor._restarts.list_refused() == {"bad.onnx": reason}


def test_a_stop_drains_first_and_ends_with_status_0(supervise: Start) -> None:
    """All workers are told to drain, then to close, and the supervisor ends once they have."""
    supervised = supervise("serve()", n_workers=2)
    supervised.wait_for("ready", 2)
    supervised.process.terminate()

    assert supervised.process.wait(LIMIT_S) == 0
    assert len(supervised.find("drain")) == len(supervised.find("close")) == 2


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_that_asks_for_new_files_changes_nothing(
    supervise: Start, number: signal.Signals
) -> None:
    """Log rotation sends it to every server: the supervisor serves on, and still ends in order."""
    supervised = supervise("serve()")
    first = supervised.wait_for("ready", 1)[0]
    supervised.process.send_signal(number)
    os.kill(first, number)
    os.kill(first, signal.SIGKILL)
    supervised.wait_for("ready", 2)
    assert "was ended by SIGKILL" in supervised.read_log()

    supervised.process.send_signal(signal.SIGQUIT)
    assert supervised.process.wait(LIMIT_S) == 0
    assert len(supervised.find("drain")) == 1


def test_no_worker_is_started_after_a_stop(supervise: Start) -> None:
    """A server that is told to stop while it starts its workers starts no further one."""
    stops = "os.kill(os.getpid(), signal.SIGTERM) if number == 3 else None"
    supervised = supervise("serve()", n_workers=6, before=stops)

    assert supervised.process.wait(LIMIT_S) == 0
    assert len(supervised.find("start")) <= 3


def test_an_interrupt_does_not_drain(supervise: Start) -> None:
    """A person at the terminal does not wait: workers are told to close at once."""
    supervised = supervise("serve()")
    supervised.wait_for("ready", 1)
    supervised.process.send_signal(signal.SIGINT)

    assert supervised.process.wait(LIMIT_S) == 0
    assert supervised.find("drain") == []


def test_a_worker_that_does_not_end_is_killed(supervise: Start) -> None:
    """A worker that passes over what it is told is killed after its grace, which the log says."""
    ignore = """
link.handle("close", lambda _: note("close"))
link.send("ready")
note("ready")
while True:
    link.send("beat")
    time.sleep(0.05)
"""
    supervised = supervise(ignore)
    supervised.wait_for("ready", 1)
    supervised.process.terminate()

    assert supervised.process.wait(LIMIT_S) == 0
    assert "did not end in time and was killed" in supervised.read_log()


def test_workers_end_with_their_supervisor(supervise: Start) -> None:
    """A worker whose supervisor was killed ends by itself."""
    supervised = supervise("serve()")
    supervised.wait_for("ready", 1)
    supervised.process.kill()

    supervised.wait_for("orphaned", 1)


def test_a_worker_that_cannot_start_ends_the_server(supervise: Start) -> None:
    """The first worker has said why it does not start: to start another would say it again for ever."""
    supervised = supervise("sys.exit(1)")

    assert supervised.process.wait(LIMIT_S) == 1
    assert len(supervised.find("start")) == 1


def test_workers_that_always_die_end_the_server(supervise: Start) -> None:
    """The supervisor gives up after five deaths without one ready worker, with a status of its own."""
    supervised = supervise("os.kill(os.getpid(), signal.SIGKILL)")

    assert supervised.process.wait(LIMIT_S) == 5
    assert "no worker became ready: 5 have died" in supervised.read_log()
