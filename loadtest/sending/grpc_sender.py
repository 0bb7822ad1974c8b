"""This module sends inferences over gRPC, whose library sends and receives in threads of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import process_time, sleep
from typing import Any

import grpc

from loadtest.sending.pacing import OpenLoop, Pacing, Progress, clock
from loadtest.sending.polling import read_waiting_s, sharpen_timers
from loadtest.sending.samples import OK, GeneratorUse, Recorder, Samples
from service.errors import LoadTestError

SERVICE = "/inference.GRPCInferenceService"
N_CHANNELS = 4
"""Requests are dealt out in turn among so many connections."""
SETUP_S = 30
TICK_S = 0.1
RETRY_S = 0.1
"""A caller whose request failed sends its next one after so long."""
MAX_RECENT = 2000


@dataclass(frozen=True, kw_only=True)
class Channels:
    """This is where a server of gRPC listens, and the metadata that goes with each request."""

    host: str
    is_secure: bool
    metadata: Mapping[str, str]

    def open(self) -> grpc.Channel:
        """Returns a channel whose connection is its own."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        if self.is_secure:
            credentials = grpc.ssl_channel_credentials()
            return grpc.secure_channel(self.host, credentials, options)

        return grpc.insecure_channel(self.host, options)


def send(
    channels: Channels,
    contents: Sequence[bytes],
    pacing: Pacing,
    *,
    timeout_s: float,
    on_progress: Callable[[Progress], None] | None,
) -> Samples:
    """Sends the requests in turn until the run is over, and returns what came of each."""
    run = _Run(channels, contents, pacing, timeout_s=timeout_s)
    sharpen_timers()
    try:
        return run.run(on_progress)
    finally:
        run.close()


class _Run:
    """Answers are taken in threads of the library, under one lock; times count from the start."""

    def __init__(
        self,
        channels: Channels,
        contents: Sequence[bytes],
        pacing: Pacing,
        *,
        timeout_s: float,
    ) -> None:
        self._channels = [channels.open() for _ in range(N_CHANNELS)]
        self._calls = [
            each.unary_unary(f"{SERVICE}/ModelInfer") for each in self._channels
        ]
        self._metadata = tuple(channels.metadata.items())
        self._contents = contents
        self._pacing = pacing
        self._timeout_s = timeout_s
        self._recorder = Recorder()
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._n_sent = 0
        self._n_ended = 0
        self._start_s = 0.0
        self._next_tick_s = 0.0

    def close(self) -> None:
        for channel in self._channels:
            channel.close()

    def run(self, on_progress: Callable[[Progress], None] | None) -> Samples:
        for channel in self._channels:
            try:
                grpc.channel_ready_future(channel).result(timeout=SETUP_S)
            except grpc.FutureTimeoutError:
                raise LoadTestError("gRPC: no connection") from None

        cpu_s, waiting_s = process_time(), read_waiting_s()
        self._start_s = clock()
        if isinstance(self._pacing, OpenLoop):
            self._send_open(self._pacing, on_progress)
        else:
            self._send_closed(self._pacing.concurrency, on_progress)

        self._wait_for_answers()
        wall_s = clock() - self._start_s
        use = GeneratorUse(
            cpu_s=process_time() - cpu_s,
            waiting_s=read_waiting_s() - waiting_s,
            wall_s=wall_s,
            connections=N_CHANNELS,
        )

        return self._recorder.finish(duration_s=self._pacing.duration_s, generator=use)

    def _send_open(
        self, pacing: OpenLoop, on_progress: Callable[[Progress], None] | None
    ) -> None:
        for due_s in pacing.due_s.tolist():
            now = clock() - self._start_s
            while now < due_s:
                self._tick(now, on_progress)
                sleep(min(due_s - now, TICK_S))
                now = clock() - self._start_s

            self._recorder.late_s.append(now - due_s)
            self._send_one(due_s)
            self._tick(now, on_progress)

    def _send_closed(
        self, concurrency: int, on_progress: Callable[[Progress], None] | None
    ) -> None:
        for _ in range(concurrency):
            self._send_one(clock() - self._start_s)

        while (now := clock() - self._start_s) < self._pacing.duration_s:
            self._tick(now, on_progress)
            sleep(min(TICK_S, self._pacing.duration_s - now))

    def _send_one(self, due_s: float) -> None:
        with self._lock:
            number = self._n_sent
            self._n_sent += 1

        call = self._calls[number % N_CHANNELS]
        content = self._contents[number % len(self._contents)]
        future = call.future(content, timeout=self._timeout_s, metadata=self._metadata)
        future.add_done_callback(partial(self._take, due_s))

    def _take(self, due_s: float, future: Any) -> None:
        now = clock() - self._start_s
        code = future.code()
        kind = OK if code is grpc.StatusCode.OK else f"grpc {code.name.lower()}"
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            kind = "timeout"

        with self._lock:
            self._recorder.add(due_s, now, kind)
            self._n_ended += 1
            if self._n_ended == self._n_sent:
                self._idle.notify_all()

        if isinstance(self._pacing, OpenLoop):
            return
        if kind == OK:
            self._send_next()
        else:  # a server that is gone fails at once, and would be asked as fast as this process can
            threading.Timer(RETRY_S, self._send_next).start()

    def _send_next(self) -> None:
        """Sends a caller's next request, until the time is over."""
        now = clock() - self._start_s
        if now < self._pacing.duration_s:
            self._send_one(now)

    def _wait_for_answers(self) -> None:
        with self._lock:
            self._idle.wait_for(
                lambda: self._n_ended == self._n_sent, timeout=2 * self._timeout_s
            )

    def _tick(self, now: float, on_progress: Callable[[Progress], None] | None) -> None:
        if on_progress is None or now < self._next_tick_s:
            return

        self._next_tick_s = now + TICK_S
        with self._lock:
            recorder = self._recorder
            outcomes = recorder.outcomes[-MAX_RECENT:]
            progress = Progress(
                elapsed_s=now,
                duration_s=self._pacing.duration_s,
                n_ended=self._n_ended,
                n_failed_recently=len(outcomes) - outcomes.count(0),
                in_flight=self._n_sent - self._n_ended,
                recent_s=recorder.latency_s[-MAX_RECENT:].tolist(),
            )
        on_progress(progress)
