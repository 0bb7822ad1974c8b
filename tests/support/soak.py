"""A server is watched while a mixed load asks it: its memory, its descriptors, its probes and what was not answered."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from service.launch import TRIAL
from tests.support.mixed_load import IMAGE_MODEL, ROW_MODEL, TASK
from tests.support.server import ROOT, SERVICE, Server, free_port, serve

LEAKING = (*SERVICE, "--target", "tests.support.leaking_service:Veredicto")
"""Python runs this for a server that forgets nothing."""
RELOAD_S: int | None = 1
"""The server looks for changed models so often, and a model changes four times as rarely; None: no model changes."""
PROBES = ("/livez", "/readyz")
PROBE_LIMIT_S = 30
PROBE_EVERY_S = 0.25
SAMPLE_EVERY_S = 1.0
SCRAPE_EVERY_S = 5.0
MAX_POINTS = 300
"""A slope is that of at most so many points, since all pairs of them are looked at."""


@dataclass(frozen=True)
class SoakServer:
    """This is what a server did under load, after the warm-up where it says `growth`."""

    n_answers: int
    failures: dict[str, int]
    n_distinct: dict[str, int]
    growth: float
    """Memory grew by this share of its median."""
    descriptors_growth: float
    """So many more descriptors were open in the end."""
    median_mb: float
    max_probe_ms: float
    max_probe_clock_ms: float
    probe_failures: tuple[str, ...]
    n_probes: int
    n_reloads: int

    def __str__(self) -> str:
        return (
            f"{self.n_answers:,} answers, failures {self.failures}, "
            f"memory {self.median_mb:.0f} MB {self.growth:+.2%}, "
            f"descriptors {self.descriptors_growth:+.1f}, "
            f"{self.n_probes} probes of at most {self.max_probe_ms:.0f} ms "
            f"({self.max_probe_clock_ms:.0f} by the clock), "
            f"failed {self.probe_failures[:5]}, distinct {self.n_distinct}, reloads {self.n_reloads}"
        )


@contextmanager
def start_soak_server(
    home: Path, *, words: Sequence[str] = SERVICE, models: Path | None = None
) -> Iterator[tuple[Server, int]]:
    """Serves with a worker for each of two processors, and gRPC; gives the server and the port of gRPC."""
    grpc_port = free_port()
    settings: dict[str, object] = {"VEREDICTO_GRPC_PORT": grpc_port}
    settings["VEREDICTO_WORKERS"] = min(2, os.cpu_count() or 1)
    if models is not None:
        settings["VEREDICTO_MODELS"] = models
    if RELOAD_S is not None:
        settings["VEREDICTO_RELOAD_S"] = RELOAD_S

    with serve(home, words=words, **settings) as server:
        wait_until_ready(server, int(str(settings["VEREDICTO_WORKERS"])))
        yield server, grpc_port


def wait_until_ready(server: Server, n_workers: int) -> None:
    """Returns once the log says of each worker that it serves; fails after two minutes."""
    end_s = time.monotonic() + 120
    while server.log.read_text().count(" serves: pid ") < n_workers:
        assert time.monotonic() < end_s, server.log.read_text()
        time.sleep(0.05)


def copy_models(folder: Path) -> Path:
    """Copies the shipped models that the load asks for."""
    folder.mkdir()
    for path in (ROOT / "exported_models").glob("*.onnx"):
        if path.name.startswith(f"{TASK}-") or path.stem == IMAGE_MODEL:
            shutil.copy(path, folder)

    return folder


def start_load(
    server: Server, grpc_port: int, *, seconds: float, rate: float = 0
) -> subprocess.Popen[str]:
    port = server.url.rpartition(":")[2]
    command = [sys.executable, "-m", "tests.support.mixed_load", port, str(grpc_port)]
    options = ["--seconds", str(seconds), "--rate", str(rate)]
    return subprocess.Popen(
        command + options, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def finish_load(load: subprocess.Popen[str]) -> dict[str, Any]:
    output, _ = load.communicate()
    assert load.returncode == 0
    found: dict[str, Any] = json.loads(output)
    return found


def measure_capacity(server: Server, grpc_port: int, *, seconds: float) -> float:
    """Returns how many requests of the mix are answered in a second, by this server to this client."""
    found = finish_load(start_load(server, grpc_port, seconds=seconds))
    return float(sum(found["n_answers"].values()) / found["seconds"])


def soak(
    server: Server, grpc_port: int, *, rate: float, seconds: float, warm_up_s: float
) -> SoakServer:
    """Asks at this rate and watches; what grows is judged after the warm-up."""
    load = start_load(server, grpc_port, seconds=seconds, rate=rate)
    watch = Watch(server)
    reloads = Reloads(server) if RELOAD_S is not None else None
    try:
        found = finish_load(load)
    finally:
        watch.stop()
        if reloads is not None:
            reloads.stop()

    after = [each for each in watch.samples if each.at_s >= warm_up_s]
    times = np.array([each.at_s for each in after])
    memory = np.array([each.memory_bytes for each in after], np.float64)
    descriptors = np.array([each.n_descriptors for each in after], np.float64)

    return SoakServer(
        n_answers=sum(found["n_answers"].values()),
        failures=found["failures"],
        n_distinct=found["n_distinct"],
        growth=estimate_growth(times, memory) / float(np.median(memory)),
        descriptors_growth=estimate_growth(times, descriptors),
        median_mb=float(np.median(memory)) / 1e6,
        max_probe_ms=watch.waits.max_ms,
        max_probe_clock_ms=watch.waits.max_clock_ms,
        probe_failures=tuple(watch.failures),
        n_probes=watch.n_probes,
        n_reloads=reloads.n_done if reloads is not None else 0,
    )


def estimate_growth(times: np.ndarray, values: np.ndarray) -> float:
    """Returns by how much values `(n,)` grew over all times `(n,)`, by the median of all pairs' slopes.

    Theil, Indagationes Mathematicae 12 (1950), and Sen, J. Am. Stat. Assoc. 63 (1968): a peak moves it little.
    """
    chosen = np.unique(
        np.linspace(0, len(times) - 1, min(len(times), MAX_POINTS)).astype(int)
    )
    at, of = times[chosen], values[chosen]
    first, second = np.triu_indices(len(at), 1)
    slopes = (of[second] - of[first]) / (at[second] - at[first])

    return float(np.median(slopes) * (times[-1] - times[0]))


@dataclass(frozen=True)
class Sample:
    """The server's processes held this much at this time since the beginning."""

    at_s: float
    memory_bytes: int
    n_descriptors: int


class Waits:
    """The longest wait for an answer, by the clock and as far as it is the server's own.

    Where other processes have the processors, an answer waits for these. So a wait counts for no longer than the worker
    computed meanwhile that computed most. One thread uses this.
    """

    def __init__(self, server: Server) -> None:
        self.max_ms = 0.0
        self.max_clock_ms = 0.0
        self._processes = psutil.Process(server.process.pid).children()

    @contextmanager
    def measure(self) -> Iterator[None]:
        """Measures how long the block waits."""
        before_s = self._read()
        started_s = time.monotonic()
        yield
        clock_ms = 1000 * (time.monotonic() - started_s)
        computed_s = [
            now_s - then_s for now_s, then_s in zip(self._read(), before_s, strict=True)
        ]
        self.max_ms = max(self.max_ms, min(clock_ms, 1000 * max(computed_s)))
        self.max_clock_ms = max(self.max_clock_ms, clock_ms)

    def _read(self) -> list[float]:
        """Returns the seconds that each process has computed, to a hundredth; 0 of one that has ended."""
        found = []
        for each in self._processes:
            try:
                times = each.cpu_times()
            except psutil.Error:
                found.append(0.0)
            else:
                found.append(times.user + times.system)

        return found


@dataclass
class Watch:
    """Threads look at a server until they are told to stop: at its processes, its probes and its metrics."""

    server: Server
    samples: list[Sample] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    n_probes: int = 0

    def __post_init__(self) -> None:
        self.waits = Waits(self.server)
        self._done = threading.Event()
        self._started_s = time.monotonic()
        works = (
            (self._sample, SAMPLE_EVERY_S),
            (self._probe, PROBE_EVERY_S),
            (self._scrape, SCRAPE_EVERY_S),
        )
        self._threads = [
            threading.Thread(target=self._repeat, args=work) for work in works
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the threads."""
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, work: Callable[[], None], every_s: float) -> None:
        while not self._done.is_set():
            work()
            self._done.wait(every_s)

    def _sample(self) -> None:
        memory_bytes, n_descriptors = measure_processes(self.server)
        at_s = time.monotonic() - self._started_s
        self.samples.append(Sample(at_s, memory_bytes, n_descriptors))

    def _probe(self) -> None:
        for path in PROBES:
            with self.waits.measure():
                status = self._get(path)
            self.n_probes += 1
            if status != "200":
                self.failures.append(f"{path} {status}")

    def _scrape(self) -> None:
        status = self._get("/metrics")
        if status != "200":
            self.failures.append(f"/metrics {status}")

    def _get(self, path: str) -> str:
        """Returns the status of an answer on a connection of its own, as a kubelet asks."""
        host = self.server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=PROBE_LIMIT_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            return str(response.status)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()


def measure_processes(server: Server) -> tuple[int, int]:
    """Returns the bytes that the server's processes have written and share with nobody, and their descriptors.

    A connection of a probe comes and goes, and is no descriptor that stays. A process that tries a model ends with all
    that it took: to count it, for as long as it takes to start on a busy machine, would hide what the others gather.
    """
    supervisor = psutil.Process(server.process.pid)
    memory_bytes = n_descriptors = 0
    for each in (supervisor, *supervisor.children()):
        with suppress(psutil.Error):  # it has ended meanwhile
            if TRIAL[-1] not in each.cmdline():
                memory_bytes += read_written_bytes(each.pid)
                n_descriptors += each.num_fds()

    return memory_bytes, n_descriptors


def read_written_bytes(pid: int) -> int:
    """Returns the bytes that a process has written and shares with nobody, in memory or swapped out.

    The pages of a file that it has read are not among them, as they are in psutil's `uss`: the system drops those when
    it needs to, and they become a server's own, by megabytes, whenever another program with the same libraries ends.
    """
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError as error:
        raise psutil.NoSuchProcess(pid) from error

    sizes = {name: int(size) for name, size, _ in map(str.split, lines[1:])}
    return 1024 * (sizes["Private_Dirty:"] + sizes["Swap:"])


class Reloads:
    """A thread changes a served model again and again, so that the server loads it anew under load."""

    def __init__(self, server: Server) -> None:
        models = server.client.get(f"/models/{ROW_MODEL}")
        assert models.status_code == 200
        self.n_done = 0
        self._path = server.log.parent / "models" / f"{ROW_MODEL}.onnx"
        self._contents = make_versions(self._path)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        every_s = 4 * max(RELOAD_S or 1, 1)
        while not self._done.wait(every_s):
            self.n_done += 1
            beside = self._path.with_suffix(".new")
            beside.write_bytes(self._contents[self.n_done % len(self._contents)])
            beside.replace(self._path)


def make_versions(path: Path) -> tuple[bytes, bytes]:
    """Returns a file of a model, and one of the same graph that says who made it in other words: another version."""
    import onnx

    model = onnx.load(path)
    model.producer_name += " again"

    return path.read_bytes(), model.SerializeToString()
