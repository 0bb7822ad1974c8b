"""Reloading takes all workers from one generation of models to the next, or leaves all of them where they are.

A trial makes the next generation in a process of its own. Once every worker has loaded what is new beside what it
serves, all are told to commit; where one of them cannot, all are told to forget it. Nothing here waits: whatever
happens comes in as a call, and time passes by `look`.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from service.processes.manifest_changes import find_refused, log_changes, shows_as
from service.processes.messages import ToProcess
from service.processes.reload_request import (
    BROKEN,
    DONE,
    FAILED,
    LOAD,
    LOOK,
    REFUSED,
    UNFIT,
    UNKNOWN,
    UNLOAD,
    ReloadRequest,
    WorkerGroup,
)
from service.processes.worker import MIN_START_S
from service.repository.generation import GenerationRequest, Manifest, Store

MAX_TRIES = 100
"""So many files of one look may end their trial, or be refused by a worker; then the look is given up."""
MAX_DEATHS = 2
"""So many workers may die while they load a generation, for whatever reason, and it is loaded again."""
MAX_WAITING = 1_000
"""So many requests may wait for their reload."""
STOPPING = "the server is stopping: ask another one"

logger = logging.getLogger(__name__)


class Phase(Enum):
    """A reload goes through these in order."""

    IDLE = auto()
    TRYING = auto()
    WAITING = auto()
    PREPARING = auto()
    COMMITTING = auto()


@dataclass(kw_only=True)
class _Reload:
    """A _Reload is the one reload that is on its way."""

    request: ReloadRequest
    number: int
    rejected: dict[str, str] = field(default_factory=dict)
    next: Manifest | None = None
    loading: str | None = None
    has_refused: bool = False
    n_deaths: int = 0
    expected: set[int] = field(default_factory=set)
    """These workers have not answered yet."""


class ReloadState:
    """Reloading knows the generation that is served, and the reload that is on its way."""

    def __init__(
        self,
        workers: WorkerGroup,
        store: Store,
        *,
        source: str,
        max_model_bytes: int,
        load_s: float,
    ) -> None:
        self._workers = workers
        self._store = store
        self._source = source
        self._max_model_bytes = max_model_bytes
        self._load_s = load_s
        self.served: Manifest | None = None
        """The generation with which a worker is to begin; None where there are no copies of it."""
        self.has_begun = False
        self.is_retrying = False
        """The last look failed for a reason that may pass, and is worth another one."""
        self.phase = Phase.IDLE
        self._reload: _Reload | None = None
        self._waiting: deque[ReloadRequest] = deque()
        self._unserved: dict[str, str] = {}
        self._n_made = 0
        self._said = ""
        """The last reload failed for this reason, which was logged."""
        self._heard_s = 0.0
        self._has_ended = False

    def start(self, now_s: float) -> None:
        """Has the first generation made, with which the workers begin."""
        self._try(ReloadRequest(action=LOOK), {}, now_s)

    def ask(self, request: ReloadRequest) -> None:
        """Takes a request, which is answered in its turn."""
        if self._has_ended:
            self._answer(request, BROKEN, STOPPING)
        elif len(self._waiting) >= MAX_WAITING:
            self._answer(request, BROKEN, "too many reloads wait: try again")
        else:
            self._waiting.append(request)

    def end(self) -> None:
        """Leaves the models as they are, and tells whoever has asked, or asks from here on, that the server stops."""
        self._has_ended = True
        requests = list(self._waiting)
        if self._reload is not None:
            requests.insert(0, self._reload.request)

        self._waiting.clear()
        self._reload = None
        self.phase = Phase.IDLE
        for request in requests:
            self._answer(request, BROKEN, STOPPING)

    def look(self, now_s: float) -> None:
        """Goes on where nothing but time is waited for; to be called several times a second."""
        if self.phase is Phase.IDLE and self.has_begun and self._waiting:
            self._take(self._waiting.popleft(), now_s)
        elif self.phase is Phase.TRYING and now_s - self._heard_s > self._trial_limit_s:
            self._workers.end_trial(f"it did not end within {self._trial_limit_s:g} s")
            self._heard_s = now_s
        elif self.phase is Phase.WAITING and self._workers.is_complete():
            self._prepare(now_s)
        elif self.phase is Phase.PREPARING and now_s - self._heard_s > self._load_s:
            late = ", ".join(map(str, sorted(self._current.expected)))
            self._abort()
            self._fail(f"worker {late} did not load it within {self._load_s:g} s")

    def note_loading(self, file: str, now_s: float) -> None:
        """Notes the file that the trial reads, or a worker: it is still at work."""
        if self._reload is not None:
            self._heard_s = now_s
            if self.phase is Phase.TRYING:
                self._reload.loading = file

    def note_made(self, now_s: float) -> None:
        """Goes on with the generation that the trial has made."""
        if self.phase is not Phase.TRYING:
            return

        reload = self._current
        reload.next = self._store.read(reload.number)
        self._heard_s = now_s
        if not self.has_begun:
            self.served = reload.next
            self._begin()
        elif not reload.request.is_met_by(reload.next):
            self._turn_down()
        elif shows_as(reload.next, self.served):
            self.served = reload.next
            self._finish()
        else:
            reload.has_refused = bool(find_refused(reload.next, self.served))
            self.phase = Phase.WAITING

    def note_failed(self, reason: str) -> None:
        """Gives up a reload whose trial found no way."""
        if self.phase is Phase.TRYING:
            self._fail(reason)

    def note_trial_ended(self, how: str, now_s: float) -> None:
        """Tries again without the file at which a trial ended that had not said what came of it."""
        if self.phase is not Phase.TRYING:
            return

        reload = self._current
        if reload.loading is None or len(reload.rejected) >= MAX_TRIES:
            self._fail(f"the process that looks at the folder {how}")
            return

        logger.error("the trial of %s %s", reload.loading, how)
        rejected = reload.rejected | {reload.loading: f"its load: {how}"}
        self._try(reload.request, rejected, now_s)

    def note_ready(self, refused: Mapping[str, str]) -> None:
        """Notes which files of its generation a worker could not serve."""
        self._unserved.update(refused)

    def note_prepared(
        self, worker: int, number: int, refused: Mapping[str, str], now_s: float
    ) -> None:
        """Notes that a worker has loaded a generation, or by reason what of it that worker refuses."""
        if self.phase is not Phase.PREPARING or number != self._current.number:
            return

        reload = self._current
        self._heard_s = now_s
        if refused:
            self._abort()
            self._try_without(refused, now_s)
            return

        reload.expected.discard(worker)
        if not reload.expected:
            self._commit()

    def note_committed(self, worker: int, number: int) -> None:
        """Notes that a worker serves the new generation."""
        if self.phase is Phase.COMMITTING and number == self._current.number:
            self._current.expected.discard(worker)
            self._finish_where_all_have()

    def note_gone(self, worker: int, loading: str | None, now_s: float) -> None:
        """Notes that a worker is no more, and what it loaded; its successor begins with what is served then."""
        if self.phase is Phase.PREPARING:
            self._abort()
            self.phase = Phase.WAITING
            self._current.n_deaths += 1
            if self._current.n_deaths > MAX_DEATHS:
                reason = "its load ended the processes that loaded it"
                self._try_without({loading: reason} if loading else {}, now_s)
        elif self.phase is Phase.COMMITTING:
            self._current.expected.discard(worker)
            self._finish_where_all_have()

    @property
    def _trial_limit_s(self) -> float:
        """Returns how long a trial may say nothing: while it reads a file, or before its first one."""
        is_loading = self._current.loading is not None
        return self._load_s if is_loading else max(MIN_START_S, self._load_s)

    @property
    def _current(self) -> _Reload:
        assert self._reload is not None
        return self._reload

    def _take(self, request: ReloadRequest, now_s: float) -> None:
        served = self.served
        known = served.names() if served is not None else set()
        if served is None and request.action == UNLOAD:
            self._answer(request, BROKEN, "there are no copies of the models")
        elif request.action == UNLOAD and request.name not in known:
            names = ", ".join(sorted(known)) or "none"
            text = f"unknown model {request.name[:200]!r}; loaded models: {names}"
            self._answer(request, UNKNOWN, text)
        else:
            self._try(request, {}, now_s)

    def _try(
        self, request: ReloadRequest, rejected: dict[str, str], now_s: float
    ) -> None:
        self._n_made += 1
        self._reload = _Reload(request=request, number=self._n_made, rejected=rejected)
        self.phase = Phase.TRYING
        self._heard_s = now_s
        self.is_retrying = False
        served = self.served

        self._workers.start_trial(
            GenerationRequest(
                number=self._n_made,
                source=self._source,
                max_model_bytes=self._max_model_bytes,
                previous=served.number if served is not None else None,
                names=request.choose_names(),
                unloaded=request.list_unloaded(served),
                rejected=rejected,
                unserved=self._unserved,
            )
        )

    def _try_without(self, refused: Mapping[str, str], now_s: float) -> None:
        """Makes the generation once more without these files; gives up where none of them is new."""
        reload = self._current
        rejected = {**reload.rejected, **refused}
        if len(rejected) == len(reload.rejected) or len(rejected) > MAX_TRIES:
            self._fail(f"workers cannot load it: {'; '.join(refused.values())}")
        else:
            self._try(reload.request, rejected, now_s)

    def _begin(self) -> None:
        self.has_begun = True
        self._reload = None
        self.phase = Phase.IDLE
        self._workers.begin()

    def _prepare(self, now_s: float) -> None:
        self.phase = Phase.PREPARING
        self._heard_s = now_s
        reload = self._current
        reload.expected = set(self._workers.list_ready())
        self._tell_all(reload.expected, "prepare")

    def _abort(self) -> None:
        self._tell_all(self._workers.list_ready(), "abort")

    def _commit(self) -> None:
        """Makes the next generation the served one, before anybody is told: there is no way back from here."""
        reload = self._current
        assert reload.next is not None
        log_changes(reload.next, self.served)
        self.served = reload.next
        self._unserved = {}
        self.phase = Phase.COMMITTING
        reload.expected = set(self._workers.list_ready())
        self._tell_all(reload.expected, "commit")
        self._finish_where_all_have()

    def _tell_all(self, workers: Iterable[int], kind: ToProcess) -> None:
        for worker in workers:
            self._workers.tell_worker(worker, kind, generation=self._current.number)

    def _finish_where_all_have(self) -> None:
        if not self._current.expected:
            assert self.served is not None
            self._store.forget_all_but(self.served)
            self._finish()

    def _finish(self) -> None:
        """Answers whoever asked for this reload, by what is served now."""
        request = self._current.request
        self._said = ""
        self._workers.count_reload(REFUSED if self._current.has_refused else DONE)
        self._reload = None
        self.phase = Phase.IDLE
        manifest = self.served
        assert manifest is not None

        reasons = request.list_refusals(manifest)
        if request.action == LOAD and reasons:
            self._answer(request, UNFIT, f"{request.name}: {'; '.join(reasons)}")
        else:
            self._answer(request, "", "")

    def _turn_down(self) -> None:
        """Leaves all as it is, for whoever asked for a name that the folder lacks: what was loaded of it goes on."""
        request = self._current.request
        self._reload = None
        self.phase = Phase.IDLE
        self._workers.count_reload(REFUSED)
        text = f"the folder has no file of a model {request.name[:200]!r}"
        if self.served is not None and request.name in self.served.names():
            text += "; what was loaded of it before goes on"
        self._answer(request, UNKNOWN, text)

    def _fail(self, reason: str) -> None:
        request = self._current.request
        self._reload = None
        self.phase = Phase.IDLE
        self.is_retrying = request.action == LOOK
        # A disk stays full for hours, and the folder is looked at every few seconds.
        is_said = self.is_retrying and reason == self._said
        logger.log(
            logging.DEBUG if is_said else logging.ERROR,
            "the models stay as they are: %s",
            reason,
        )
        self._said = reason
        self._workers.count_reload(FAILED)
        self._answer(request, BROKEN, reason)
        if not self.has_begun:
            logger.warning("workers load the model folder itself")
            self._begin()

    def _answer(self, request: ReloadRequest, error: str, text: str) -> None:
        if request.asker is not None:
            self._workers.tell_worker(
                request.asker,
                "reloaded",
                ticket=request.ticket,
                error=error,
                text=text,
            )
