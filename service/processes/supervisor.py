"""The supervisor starts the workers, replaces those that die or hang, and ends them in order.

It loads no model and answers no request: one small process with one loop that waits for its workers, for signals and
for time to pass.
"""

from __future__ import annotations

import logging
import selectors
import socket
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from service.processes.channel import Channel, ChannelClosed, Message
from service.processes.fork_server import NUMBER as FORK_SERVER
from service.processes.fork_server import ForkServer, adopt_orphans, start_fork_server
from service.processes.listening import HALFWAY_S, refuse_new_connections
from service.processes.messages import ToProcess
from service.processes.reloader import Reloader, describe_end
from service.processes.restarts import Restarts
from service.processes.signals import Signals
from service.processes.supervisor_options import SupervisorOptions
from service.processes.worker import Worker, start_worker

POLL_S = 0.1
END_LIMIT_S = 5.0
"""A worker has this long to end after its grace; then it is killed."""

STOPPED = 0

logger = logging.getLogger(__name__)


class Supervisor:
    """The supervisor keeps as many workers as it was told to, until a signal stops it."""

    def __init__(self, listener: socket.socket, options: SupervisorOptions) -> None:
        self._listener = listener
        self._options = options
        self._workers: dict[int, Worker] = {}
        self._restarts = Restarts(self._find_digest, load_s=options.load_s)
        self._signals = Signals()
        self._selector = selectors.DefaultSelector()
        self._looked_s = monotonic()
        self._was_complete = False
        self._started_s = monotonic()
        self._reloader: Reloader | None = None
        if options.reload is not None:
            self._reloader = Reloader(self, options.reload, load_s=options.load_s)

    def run(self) -> int:
        """Supervises until it is told to stop; returns the exit status of the server."""
        self._signals.watch(self._selector)
        if self._reloader is not None:
            self._reloader.start()
        if self._options.shares_models and self._reloader and adopt_orphans():
            self._start(FORK_SERVER)
        else:
            self._start_workers()

        while self._restarts.status is None and not self._signals.is_told_to_stop:
            self._look()
            for number in self._restarts.take_due():
                self._start(number)

        if self._reloader is not None:
            self._reloader.end()
        status = self._restarts.status
        self._end(is_drained=status is None and not self._signals.is_in_a_hurry)

        return STOPPED if status is None else status

    def list_ready(self) -> list[int]:
        """Returns the numbers of the workers that serve."""
        return [each.number for each in self._workers.values() if each.is_ready]

    def is_complete(self) -> bool:
        """Returns whether every worker serves."""
        return len(self.list_ready()) == self._options.n_workers

    def tell_worker(self, number: int, kind: ToProcess, **fields: Any) -> None:
        """Sends a message to a worker that may be gone."""
        worker = self._workers.get(number)
        if worker is not None:
            worker.tell(kind, **fields)

    def begin(self) -> None:
        """Lets the workers begin, which wait for their models."""
        for worker in self._workers.values():
            self._let_begin(worker)

    def watch(self, channel: Channel, read: Callable[[], None]) -> None:
        """Calls `read` whenever the channel has something to read."""
        self._selector.register(channel, selectors.EVENT_READ, read)

    def unwatch(self, channel: Channel) -> None:
        """Forgets a channel, which may be forgotten already."""
        try:
            self._selector.unregister(channel)
        except (KeyError, ValueError):
            # It was unregistered when it closed.
            pass

    def _start_workers(self) -> None:
        for number in range(1, self._options.n_workers + 1):
            if self._signals.is_told_to_stop:
                return
            self._start(number)

    def _start(self, number: int) -> None:
        """Starts a worker, forked from the fork server where there is one that can be."""
        fork_server = self._workers.get(FORK_SERVER)
        worker = (
            fork_server.fork(number) if isinstance(fork_server, ForkServer) else None
        )
        if worker is None:
            descriptor = self._listener.fileno()
            start = start_fork_server if number == FORK_SERVER else start_worker
            worker = start(
                number,
                self._options.command(descriptor, number),
                descriptors=(descriptor, *self._options.inherited),
                folder=self._options.folder,
                environment=self._options.environment,
            )
        self._workers[number] = worker
        self.watch(worker.channel, partial(self._read, worker))
        if self._reloader is None or self._reloader.state.has_begun:
            self._let_begin(worker)

    def _let_begin(self, worker: Worker) -> None:
        """Tells a worker what to load: what the others serve, but for files whose load ended another worker."""
        worker.has_begun = True
        worker.heard_s = monotonic()
        served = {} if self._reloader is None else self._reloader.describe_served()
        worker.tell(
            "begin",
            refused=self._restarts.list_refused(),
            restarts=self._restarts.n_done,
            **served,
        )

    def _find_digest(self, file: str) -> str:
        """Returns the digest of a file as it is served, empty where there are no copies."""
        served = None if self._reloader is None else self._reloader.state.served
        entry = None if served is None else served.find(file)
        return "" if entry is None else entry.digest

    def _look(self) -> None:
        """Waits a moment, and takes what has happened meanwhile."""
        self._take_what_comes()
        self._bury_dead()
        self._check_progress()
        if self._reloader is not None:
            self._reloader.look()
        if self._options.look is not None:
            self._options.look()

    def _take_what_comes(self) -> None:
        for key, _ in self._selector.select(POLL_S):
            key.data()

    def _read(self, worker: Worker) -> None:
        try:
            messages = worker.channel.receive()
        except ChannelClosed:
            # The worker is about to be found dead.
            self.unwatch(worker.channel)
            return

        worker.heard_s = monotonic()
        for message in messages:
            self._take(worker, message)

    def _take(self, worker: Worker, message: Message) -> None:
        kind = message["kind"]
        if kind == "loading":
            worker.loading = message["file"]
            worker.is_in_doubt = bool(message.get("beside"))
            if worker.is_ready and self._reloader is not None:
                self._reloader.state.note_loading(message["file"], monotonic())
        elif kind == "loaded" and isinstance(worker, ForkServer):
            self._take_fork_server(worker, can_fork=message["can_fork"])
        elif kind == "ready":
            self._greet(worker, message)
            if self._reloader is not None:
                self._reloader.state.note_ready(message.get("refused", {}))
        elif self._reloader is not None:
            if kind == "prepared":
                worker.loading = None
            self._reloader.take(worker.number, message)

    def _take_fork_server(self, fork_server: ForkServer, *, can_fork: bool) -> None:
        """Starts the workers, now that their models are loaded; without the fork server where it cannot be forked."""
        fork_server.has_loaded = True
        fork_server.can_fork = can_fork
        if not can_fork:
            logger.info("the workers cannot share their models: each loads them itself")
            self._drop_fork_server()
        self._start_workers()

    def _drop_fork_server(self) -> None:
        fork_server = self._workers.get(FORK_SERVER)
        if isinstance(fork_server, ForkServer):
            fork_server.end()
            self._forget(fork_server)

    def _greet(self, worker: Worker, message: Message) -> None:
        worker.is_ready = True
        worker.loading = None
        self._restarts.note_ready()
        logger.info(
            "worker %d serves: pid %d, ready after %.1f s",
            worker.number,
            worker.process.pid,
            monotonic() - worker.started_s,
        )
        if self.is_complete() and not self._was_complete:
            self._was_complete = True
            if self._options.announce is not None:
                lasted_s = monotonic() - self._started_s
                self._options.announce(message.get("served", {}), lasted_s)

    def _bury_dead(self) -> None:
        for worker in list(self._workers.values()):
            worker.notice_stop()
            status = worker.process.poll()
            if status is not None:
                # What it said at last may have come since the channels were read.
                self._read(worker)
                self._bury(worker, status)

    def _bury(self, worker: Worker, status: int) -> None:
        """Logs the death of a worker, and has another started in its place."""
        self._forget(worker)
        lived_s = monotonic() - worker.started_s
        logger.error(
            "worker %d (pid %d) %s after %.1f s%s",
            worker.number,
            worker.process.pid,
            worker.why_killed or describe_end(status),
            lived_s,
            worker.describe_load(),
        )
        is_done = isinstance(worker, ForkServer) and worker.has_loaded
        if self._signals.is_told_to_stop or is_done:
            # Without a fork server workers that are started later load the models themselves.
            return

        if self._reloader is not None and worker.is_ready:
            self._reloader.state.note_gone(worker.number, worker.loading, monotonic())
        self._restarts.note_death(worker, status, lived_s=lived_s)
        if self._options.count_restart is not None:
            self._options.count_restart(worker.name_reason())

    def _check_progress(self) -> None:
        """Kills workers that say nothing: those that serve and hang, and those that load one file for too long."""
        now_s = monotonic()
        late_s = now_s - self._looked_s - POLL_S
        self._looked_s = now_s
        for worker in self._workers.values():
            if late_s > 1:
                # This process did not run either: nobody was heard.
                worker.heard_s += late_s
            worker.check_progress(
                now_s,
                max_still_s=self._options.max_still_s,
                load_s=self._options.load_s,
            )

    def _end(self, *, is_drained: bool) -> None:
        """Ends all workers: not ready at once, then no new connections, then what is in flight."""
        self._signals.is_told_to_stop = True
        self._drop_fork_server()
        if is_drained:
            self._tell_all("drain")
            self._wait(self._options.drain_s)
            refuse_new_connections(self._listener)
            self._wait(HALFWAY_S)

        self._tell_all("close")
        self._listener.close()
        self._wait(self._options.grace_s + END_LIMIT_S, until_gone=True)
        for worker in list(self._workers.values()):
            logger.error(
                "worker %d (pid %d) did not end in time and was killed",
                worker.number,
                worker.process.pid,
            )
            worker.process.kill()
            worker.process.wait()
            self._forget(worker)

    def _wait(self, seconds: float, *, until_gone: bool = False) -> None:
        """Waits for time to pass, or for all workers to end; a second signal ends the wait."""
        end_s = monotonic() + seconds
        was_in_a_hurry = self._signals.is_in_a_hurry
        while monotonic() < end_s and (self._workers or not until_gone):
            self._look_for_ends()
            if self._signals.is_in_a_hurry and not was_in_a_hurry:
                return

    def _look_for_ends(self) -> None:
        self._take_what_comes()
        for worker in list(self._workers.values()):
            status = worker.process.poll()
            if status is not None:
                self._forget(worker)
                if status:
                    logger.error(
                        "worker %d (pid %d) %s while it stopped",
                        worker.number,
                        worker.process.pid,
                        describe_end(status),
                    )

    def _forget(self, worker: Worker) -> None:
        self._workers.pop(worker.number, None)
        self.unwatch(worker.channel)
        worker.channel.close()

    def _tell_all(self, kind: ToProcess, **fields: Any) -> None:
        for worker in self._workers.values():
            worker.tell(kind, **fields)
