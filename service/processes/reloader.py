"""The reloader does for the supervisor what a reload needs: it runs trials, and looks at the model folder."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

from service.processes.channel import Channel, ChannelClosed, Message
from service.processes.folder_watcher import FolderWatcher
from service.processes.link import CHANNEL_VARIABLE
from service.processes.messages import ToProcess
from service.processes.reload_request import LOOK, ReloadRequest
from service.processes.reload_state import ReloadState
from service.repository.generation import GenerationRequest, Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ReloadOptions:
    """These say where the models come from, and where their copies go."""

    source: Path
    store: Path
    command: tuple[str, ...]
    """The program of a trial."""
    max_model_bytes: int
    reload_s: float | None
    """The folder is looked at so often; never of its own accord at 0, and not even by request where it is None."""
    count_reload: Callable[[str], None] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class Workers(Protocol):
    """This is what a reloader needs of the supervisor."""

    def list_ready(self) -> list[int]:
        """Returns the numbers of the workers that serve."""
        ...

    def is_complete(self) -> bool:
        """Returns whether every worker serves."""
        ...

    def tell_worker(self, number: int, kind: ToProcess, **fields: Any) -> None:
        """Sends a message to a worker that may be gone."""
        ...

    def begin(self) -> None:
        """Lets the workers begin."""
        ...

    def watch(self, channel: Channel, read: Callable[[], None]) -> None:
        """Calls `read` whenever the channel has something to read."""
        ...

    def unwatch(self, channel: Channel) -> None:
        """Forgets a channel."""
        ...


class Reloader:
    """The reloader runs trials and watches the folder for its `ReloadState`, called from the supervisor's one loop."""

    def __init__(
        self, workers: Workers, options: ReloadOptions, *, load_s: float
    ) -> None:
        self._workers = workers
        self._options = options
        self._trial: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._why_ended: str | None = None
        self.state = ReloadState(
            self,
            Store(options.store),
            source=os.fspath(options.source),
            max_model_bytes=options.max_model_bytes,
            load_s=load_s,
        )
        self._watcher: FolderWatcher | None = None
        if options.reload_s:
            self._watcher = FolderWatcher(options.source, options.reload_s)

        self.list_ready = workers.list_ready
        self.is_complete = workers.is_complete
        self.tell_worker = workers.tell_worker
        self.begin = workers.begin

    def start(self) -> None:
        """Has the first generation made."""
        self.state.start(monotonic())

    def describe_served(self) -> dict[str, Any]:
        """Returns what a worker must know to load what is served; nothing where there are no copies."""
        served = self.state.served
        if served is None:
            return {}
        return {"store": os.fspath(self._options.store), "generation": served.number}

    def end(self) -> None:
        """Reloads nothing any more, and tells whoever waits for it."""
        self.stop()
        self.state.end()

    def stop(self) -> None:
        """Ends a trial that is on its way."""
        self._close_channel()
        if self._trial is not None:
            self._trial.kill()
            self._trial.wait()
            self._trial = None

    def look(self) -> None:
        """Takes what has happened; to be called several times a second."""
        now_s = monotonic()
        self._look_at_trial(now_s)
        self._look_at_folder()
        self.state.look(now_s)

    def take(self, worker: int, message: Message) -> None:
        """Takes what a worker says of reloads."""
        kind = message["kind"]
        now_s = monotonic()
        if kind == "prepared":
            self.state.note_prepared(
                worker, message["generation"], message["refused"], now_s
            )
        elif kind == "committed":
            self.state.note_committed(worker, message["generation"])
        elif kind == "reload":
            self.state.ask(
                ReloadRequest(
                    action=message["action"],
                    name=message["name"],
                    asker=worker,
                    ticket=message["ticket"],
                )
            )

    def start_trial(self, order: GenerationRequest) -> None:
        """Starts the process that makes a generation; the one before it has said all that it had to say."""
        self.stop()
        channel, theirs = Channel.make_pair()
        environment = {**os.environ, **self._options.environment}
        environment[CHANNEL_VARIABLE] = str(theirs.fileno())
        self._why_ended = None
        self._trial = subprocess.Popen(
            self._options.command,
            env=environment,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        self._channel = channel
        self._workers.watch(channel, self._read)
        self._tell_trial(asdict(order))

    def end_trial(self, why: str) -> None:
        """Kills the trial, which is then found dead."""
        self._why_ended = why
        if self._trial is not None:
            self._trial.kill()

    def count_reload(self, outcome: str) -> None:
        """Counts a reload by its outcome."""
        if self._options.count_reload is not None:
            self._options.count_reload(outcome)

    def _tell_trial(self, order: Mapping[str, Any]) -> None:
        assert self._channel is not None
        try:
            self._channel.send(
                "begin", order=order, store=os.fspath(self._options.store)
            )
        except ChannelClosed:
            logger.debug("the trial is gone")

    def _read(self) -> None:
        """Reads what the trial says; one that has nothing more to say is about to be found dead."""
        channel = self._channel
        if channel is None:
            return

        try:
            messages = channel.receive()
        except ChannelClosed:
            self._close_channel()
            return

        for message in messages:
            self._take_from_trial(message)

    def _take_from_trial(self, message: Message) -> None:
        kind = message["kind"]
        if kind == "loading":
            self.state.note_loading(message["file"], monotonic())
        elif kind == "made":
            self.state.note_made(monotonic())
        elif kind == "failed":
            self.state.note_failed(message["reason"])

    def _look_at_trial(self, now_s: float) -> None:
        trial = self._trial
        if trial is None or trial.poll() is None:
            return

        # Its last words may still be unread.
        while self._channel is not None:
            self._read()
        self._trial = None
        self.state.note_trial_ended(
            self._why_ended or describe_end(trial.returncode), now_s
        )

    def _close_channel(self) -> None:
        if self._channel is not None:
            self._workers.unwatch(self._channel)
            self._channel.close()
            self._channel = None

    def _look_at_folder(self) -> None:
        """Asks for a look where the folder has changed since the last one that came to an end."""
        watcher = self._watcher
        if watcher is None or not self.state.has_begun:
            return

        if self.state.is_retrying:
            self.state.is_retrying = False
            watcher.forget()

        served = self.state.served
        if watcher.start("" if served is None else served.stamp):
            return
        if watcher.take_change():
            self.state.ask(ReloadRequest(action=LOOK))


def describe_end(status: int) -> str:
    """Returns how a process has ended, in words."""
    if status >= 0:
        return f"ended with status {status}"

    name = signal.Signals(-status).name
    hint = " (perhaps for want of memory)" if name == "SIGKILL" else ""

    return f"was ended by {name}{hint}"
