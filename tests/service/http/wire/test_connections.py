"""Connections share the time that their refusals may take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

import pytest

from service.http.wire.connections import ALLOWANCE_S, REFUSAL_S, SHARE, Refusals

N_IN_ADVANCE = int(ALLOWANCE_S / REFUSAL_S)
LIMIT_S = 30


class Client:
    """A client comes again as soon as its connection is read, and is counted each time."""

    def __init__(self, come: Callable[[Client], None]) -> None:
        self._come = come

    def release(self) -> None:
        """Asks again."""
        self._come(self)


def test_refusals_beyond_their_share_wait_for_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A hundred clients are refused at once, and more of them in turn, in no more than a tenth of the time."""
    clock = "service.http.wire.connections.perf_counter"

    async def play() -> tuple[int, float]:
        refusals = Refusals()
        n_held = n_refused = 0
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        is_over = asyncio.Event()

        def come(client: Client) -> None:
            nonlocal n_held, n_refused
            n_refused += 1
            n_held += refusals.note(client, 0)
            if n_refused == 5 * N_IN_ADVANCE:
                is_over.set()

        # What a busy machine takes meanwhile would earn them more refusals.
        with monkeypatch.context() as patch:
            at_once_s = perf_counter()
            patch.setattr(clock, lambda: at_once_s)
            for _ in range(3 * N_IN_ADVANCE):
                come(Client(come))

        first_held = n_held
        async with asyncio.timeout(LIMIT_S):
            await is_over.wait()

        return first_held, loop.time() - began_s

    n_held, took_s = asyncio.run(play())

    assert 2 * N_IN_ADVANCE - 1 <= n_held <= 2 * N_IN_ADVANCE + 1
    assert took_s > 0.9 * 4 * N_IN_ADVANCE * REFUSAL_S / SHARE


def test_a_long_body_counts_for_more() -> None:
    """A body that must be read to be thrown away takes its time from the other refusals."""

    async def play() -> bool:
        return Refusals().note(Client(lambda _: None), 10_000_000)

    assert asyncio.run(play())
