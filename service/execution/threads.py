"""Threads are shared by accounts, one for each model and each kind of work, so that none of them can take them all.

As many threads as there are processors do work that is quick. Work that turns out to take longer than a fifth of a
second stops counting as quick, and what its account does next begins in threads for long work. So a model that hangs
keeps neither the others waiting nor small work.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from time import perf_counter
from typing import Any

from service.errors import Overloaded
from service.models.cancellation import CancellationToken, activate

LONG_S = 0.2
"""Work that runs for longer is long work, and its thread is no longer one of those for quick work."""
MIN_LONG_THREADS = 8
LONG_THREADS_FACTOR = 4
"""Long work has 4 threads for each processor, and at least 8; each account has at most one for each processor."""
MIN_WAITING = 32
MAX_WAIT_S = 0.05
"""More than 32 pieces of work wait for an account only where the last of them is expected to wait less than 50 ms."""
PACE_SHARE = 0.1
"""The newest piece of work has this share in the pace of its account."""
STUCK_S = 1.0
"""Work that goes on for longer after it was ended is stuck."""


@dataclass(eq=False)
class Job:
    """A job is a piece of work for a thread, with the future of its result and the token that ends it."""

    account: Account
    work: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future)
    token: CancellationToken = field(default_factory=CancellationToken)
    started: float = 0.0
    is_long: bool = False
    is_begun: bool = False
    """It ends what another job began, and goes ahead of what has not begun."""

    def execute(self) -> None:
        """Does the work, in this thread; its error is raised where the future is waited for."""
        if not self.future.set_running_or_notify_cancel():
            return

        try:
            with activate(self.token):
                result = self.work()
        except BaseException as error:
            if self.token.cancelled_at is not None:
                # Nobody waits for it. Its frames have this one, and all that the work had in its hands.
                error.__traceback__ = error.__context__ = None
            self.future.set_exception(error)
        else:
            self.future.set_result(result)

    def cancel(self) -> None:
        """Ends the work where it runs, and drops it where it waits."""
        self.token.cancel()
        self.future.cancel()


@dataclass(eq=False)
class Account:
    """An account has the jobs of one model or one kind, that wait and that run, and how long they take."""

    name: str
    waiting: deque[Job] = field(default_factory=deque)
    running: set[Job] = field(default_factory=set)
    interval_s: float = 0.0
    """This is the mean time between two ends while others wait."""
    service_s: float = 0.0
    """This is the mean time that a job takes."""
    finished: float = 0.0

    def is_long(self) -> bool:
        """Returns whether its jobs are long work."""
        return self.service_s > LONG_S or any(each.is_long for each in self.running)

    def expect_wait_s(self, now: float) -> float:
        """Returns the seconds that one more job would wait; what runs already takes at least as long as it has."""
        started = [each.started for each in self.running]
        pace_s = self.interval_s
        if started:
            pace_s = max(pace_s, (now - min(started)) / len(started))
        return len(self.waiting) * pace_s

    def check_room(self, now: float) -> None:
        """Raises Overloaded where one more job would wait for too long."""
        if len(self.waiting) < MIN_WAITING:
            return

        wait_s = self.expect_wait_s(now)
        if wait_s > MAX_WAIT_S:
            raise Overloaded(
                f"{len(self.waiting)} requests wait for {self.name} already, for about {wait_s:.1g} s: try again"
            )

    def note_end(self, job: Job, now: float) -> None:
        """Learns from a job that ended how long jobs take."""
        self.running.discard(job)
        took_s = now - job.started
        self.service_s += PACE_SHARE * (took_s - self.service_s)
        if self.waiting:
            interval_s = min(took_s, now - self.finished)
            self.interval_s += PACE_SHARE * (interval_s - self.interval_s)
        self.finished = now


class Threads:
    """Threads take the jobs of accounts in turn; `n_threads` of them are for quick work."""

    def __init__(self, pool: Executor, n_threads: int) -> None:
        self.n_threads = n_threads
        self._pool = pool
        self._max_long = find_max_long(n_threads)
        self._accounts: dict[Hashable, Account] = {}
        self._ready: deque[Account] = deque()
        """These accounts have jobs that wait; the first is the next whose turn it is."""
        self._running: set[Job] = set()
        self._lock = Lock()
        self._is_watching = False

    def submit(
        self,
        key: Hashable,
        name: str,
        work: Callable[[], Any],
        *,
        is_begun: bool = False,
    ) -> Job:
        """Returns the job that a piece of work becomes; raises Overloaded where it would wait for too long.

        `key` is the account's, and `name` is its name in errors. What ends something that was begun goes ahead.
        """
        with self._lock:
            account = self._accounts.get(key)
            if account is None:
                account = self._accounts[key] = Account(name)

            account.check_room(perf_counter())
            job = Job(account, work, is_begun=is_begun)
            account.waiting.append(job)
            if len(account.waiting) == 1:
                self._ready.append(account)

        self._start_more()
        if not self._is_watching and self._ready:
            self._watch()

        return job

    def check_room(self, key: Hashable) -> None:
        """Raises Overloaded where one more job of this account would wait for too long; any thread may call it."""
        account = self._accounts.get(key)
        if account is not None and len(account.waiting) >= MIN_WAITING:
            with self._lock:
                account.check_room(perf_counter())

    def has_waiting(self, key: Hashable) -> bool:
        """Returns whether jobs of this account wait; any thread may call it."""
        account = self._accounts.get(key)
        return account is not None and bool(account.waiting)

    def forget(self, key: Hashable) -> None:
        """Forgets an account; what it still has goes on."""
        with self._lock:
            self._accounts.pop(key, None)

    def cancel(self, job: Job) -> None:
        """Ends a job, and takes it out of what waits."""
        job.cancel()
        with self._lock:
            account = job.account
            if job in account.waiting:
                account.waiting.remove(job)
                if not account.waiting:
                    self._ready.remove(account)

    def count_busy(self) -> int:
        """Returns the number of threads that work."""
        with self._lock:
            return len(self._running)

    def count_stuck(self) -> int:
        """Returns the number of threads whose work goes on, although it was ended over a second ago."""
        latest = perf_counter() - STUCK_S
        with self._lock:
            ended = [each.token.cancelled_at for each in self._running]
        return sum(each is not None and each < latest for each in ended)

    def _start_more(self) -> None:
        while True:
            with self._lock:
                job = self._take()
            if job is None:
                return
            self._pool.submit(self._work, job)

    def _work(self, job: Job | None) -> None:
        """Does a job, and those that may run after it, in a thread of the pool."""
        while job is not None:
            job.execute()
            with self._lock:
                self._running.discard(job)
                job.account.note_end(job, perf_counter())
                job = self._take()

    def _take(self) -> Job | None:
        """Returns the next job that may run, and counts it as running; the lock is held."""
        if not self._ready:
            return None

        now = perf_counter()
        n_long = 0
        for each in self._running:
            each.is_long = each.is_long or now - each.started > LONG_S
            n_long += each.is_long

        has_quick = len(self._running) - n_long < self.n_threads
        has_long = n_long < self._max_long

        chosen: Account | None = None
        for account in self._ready:
            has_thread = has_long if account.is_long() else has_quick
            if not has_thread or len(account.running) >= self.n_threads:
                continue
            if account.waiting[0].is_begun:
                chosen = account
                break
            chosen = chosen or account

        return None if chosen is None else self._begin(chosen, now)

    def _begin(self, account: Account, now: float) -> Job:
        is_long = account.is_long()
        job = account.waiting.popleft()
        self._ready.remove(account)
        if account.waiting:
            self._ready.append(account)

        job.started = now
        job.is_long = is_long
        account.running.add(job)
        self._running.add(job)

        return job

    def _watch(self) -> None:
        """Looks again and again, while jobs wait, for work that has become long and left its thread to others."""
        self._is_watching = bool(self._ready)
        if self._is_watching:
            self._start_more()
            asyncio.get_running_loop().call_later(LONG_S / 4, self._watch)


def find_max_long(n_threads: int) -> int:
    """Returns how many threads there are for long work."""
    return max(MIN_LONG_THREADS, LONG_THREADS_FACTOR * n_threads)


def make_pool(n_threads: int) -> ThreadPoolExecutor:
    """Returns a pool that has room for all quick and all long work."""
    return ThreadPoolExecutor(
        n_threads + find_max_long(n_threads), thread_name_prefix="veredicto"
    )
