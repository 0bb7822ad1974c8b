"""Runs report the stalls and failures, which are known, of a server of a few lines."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from loadtest.sending import http_sender
from loadtest.sending.connection import Address
from loadtest.sending.pacing import ClosedLoop, OpenLoop, Progress
from loadtest.sending.samples import Samples
from loadtest.sending.schedule import CONSTANT, Rate, plan_arrivals
from tests.support.raw_server import run_server
from tests.support.server import free_port


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """This is the port of a server that never stalls."""
    with run_server() as url:
        yield port_of(url)


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def send(
    port: int,
    pacing: OpenLoop | ClosedLoop,
    *paths: str,
    timeout_s: float = 5,
) -> Samples:
    """Returns what came of requests for these paths in turn."""
    address = Address(
        host="127.0.0.1", family=socket.AF_INET, sockaddr=("127.0.0.1", port)
    )
    messages = [
        f"GET {path} HTTP/1.1\r\nHost: test\r\n\r\n".encode() for path in paths or ["/"]
    ]
    return http_sender.send(address, messages, pacing, timeout_s=timeout_s)


def at_rate(rate: float, duration_s: float, *, max_connections: int = 100) -> OpenLoop:
    due_s = plan_arrivals(
        Rate(start=rate, end=rate), duration_s=duration_s, arrivals=CONSTANT
    )
    return OpenLoop(due_s=due_s, duration_s=duration_s, max_connections=max_connections)


def test_an_open_loop_sends_each_request_once_when_it_is_due(port: int) -> None:
    """All requests are answered, and each has the time at which it was due."""
    pacing = at_rate(500, 1)
    samples = send(port, pacing)

    assert samples.count_errors() == {}
    assert samples.due_s.tolist() == pacing.due_s.tolist()
    slowest_s = samples.latency_s.max()
    assert 0.99 * 500 / (1 + slowest_s) < samples.rate < 1.01 * 500


def test_a_closed_loop_keeps_each_caller_busy(port: int) -> None:
    """Callers times duration is what all latencies together take, but for what the generator itself takes."""
    samples = send(port, ClosedLoop(concurrency=4, duration_s=1))
    assert samples.count_errors() == {}
    assert samples.generator.connections == 4
    assert 2 < samples.latency_s.sum() <= 4.2


def test_a_stall_is_charged_to_every_request_that_was_due_in_it() -> None:
    """A server that stalls for a third of the time makes a third of the requests late, by half the stall each."""
    with run_server(period_s=2.4, stall_s=0.8) as url:
        samples = send(port_of(url), at_rate(100, 4.8))

    # A busy machine makes requests late too, but by far less than such a stall.
    slow_ms = samples.ok_latency_ms[samples.ok_latency_ms > 100]
    assert samples.count_errors() == {}
    assert 0.15 < len(slow_ms) / len(samples.due_s) < 0.6
    assert 240 < np.mean(slow_ms) < 800


def test_a_closed_loop_hides_a_stall() -> None:
    """One caller meets each stall once, so that its 99th percentile is that of a server without stalls."""
    with run_server(period_s=0.6, stall_s=0.2) as url:
        samples = send(port_of(url), ClosedLoop(concurrency=1, duration_s=2.4))

    assert np.quantile(samples.ok_latency_ms, 0.99) < 50
    assert samples.ok_latency_ms.max() > 100


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/fail", "status 500"),
        ("/close", "connection closed"),
        ("/no-http", "no HTTP"),
        ("/never", "timeout"),
    ],
)
def test_failures_are_counted_by_kind(port: int, path: str, kind: str) -> None:
    """Each second request fails in its way, and those between are answered."""
    samples = send(port, at_rate(100, 0.4), path, "/", timeout_s=0.3)
    assert samples.count_errors() == {kind: 20}
    assert int(samples.is_ok.sum()) == 20


@pytest.mark.parametrize("path", ["/chunks", "/end", "/once"])
def test_each_way_to_end_an_answer_is_understood(port: int, path: str) -> None:
    """An answer in chunks, until the connection's end, or before it is closed, is whole."""
    samples = send(port, at_rate(100, 0.2), path)
    assert samples.count_errors() == {}
    assert len(samples.due_s) == 20


def test_nobody_there_is_a_kind_of_failure() -> None:
    """Each request to a port that nothing listens on is refused, in both loops, and the run ends."""
    port = free_port()
    assert send(port, at_rate(100, 0.2)).count_errors() == {"connection refused": 20}
    closed = send(port, ClosedLoop(concurrency=2, duration_s=0.35))
    assert set(closed.count_errors()) == {"connection refused"}
    assert len(closed.due_s) <= 10


def test_requests_wait_for_a_connection_where_there_are_few(port: int) -> None:
    """Requests that wait for a connection are not called late, and their latency counts from when they were due."""
    with run_server(period_s=0.4, stall_s=0.3) as url:
        samples = send(port_of(url), at_rate(200, 1, max_connections=2))

    assert samples.generator.connections == 2
    assert len(samples.due_s) == 200
    assert len(samples.late_s) < 200
    assert samples.ok_latency_ms.max() > 150


def test_requests_that_wait_for_a_connection_time_out() -> None:
    """A server that answers nothing costs each request its time limit, and the run ends."""
    with run_server() as url:
        samples = send(
            port_of(url), at_rate(50, 0.4, max_connections=1), "/never", timeout_s=0.2
        )

    assert samples.count_errors() == {"timeout": 20}


def test_progress_is_told_while_it_runs(port: int) -> None:
    """The progress that is told grows from one time to the next, up to the duration."""
    told = list[Progress]()
    address = Address(
        host="127.0.0.1", family=socket.AF_INET, sockaddr=("127.0.0.1", port)
    )
    message = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n"
    http_sender.send(
        address, [message], at_rate(200, 0.5), timeout_s=5, on_progress=told.append
    )

    assert len(told) >= 3
    assert [each.n_ended for each in told] == sorted(each.n_ended for each in told)
    assert told[-1].recent_s


def test_an_answer_before_the_end_of_its_request_is_counted(port: int) -> None:
    """A server that refuses a large body at its head is heard, and the next request has a connection of its own."""
    address = Address(
        host="127.0.0.1", family=socket.AF_INET, sockaddr=("127.0.0.1", port)
    )
    message = b"POST /refuse HTTP/1.1\r\nHost: test\r\n\r\n" + bytes(20_000_000)
    samples = http_sender.send(address, [message], at_rate(20, 0.2), timeout_s=5)
    assert samples.count_errors() == {"status 413": 4}
    assert samples.generator.connections == 4
