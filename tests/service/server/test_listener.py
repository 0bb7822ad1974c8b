"""The listener's thread is tried on real sockets, with an event loop's side that only keeps what it is given."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from service.errors import NotReady
from service.http.gate import Gate
from service.http.responses import respond, respond_to_error
from service.processes.listening import listen
from service.server.listener import Listener
from service.server.scrapes import MAX_SCRAPES, Scrapes
from service.server.waiting_room import MAX_WAIT_S, REFUSAL
from service.settings import Settings

LIMIT_S = 20
LARGE_BYTES = 8_000_000
"""No socket's buffers hold so much."""
PROBE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
UNREADY = b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
ROW = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


class Loop:
    """The event loop's side of a listener keeps the connections that it is given."""

    def __init__(self) -> None:
        self.is_full = False
        self.beats = 0
        self.adopted: list[socket.socket] = []
        self._changed = threading.Condition()

    rest_s = 0.005
    """The listener looks again soon whether there is room."""

    def check(self) -> None:
        """Does nothing, since a test says whether there is room."""

    def hand_over(self) -> None:
        """Counts nothing, since there is room or there is none."""

    def refuse(self) -> bool:
        """Lets any number be refused."""
        return True

    def has_room(self) -> bool:
        """Returns whether a test has left room."""
        return not self.is_full

    def beat(self) -> None:
        """Counts the times that it was asked how it does."""
        self.beats += 1

    def adopt(
        self, connection: socket.socket, waited_s: float = 0.0
    ) -> None:  # nobody is late here
        """Keeps a connection."""
        with self._changed:
            self.adopted.append(connection)
            self._changed.notify()

    def wait_for(self, n_adopted: int) -> None:
        """Returns once so many connections were handed over."""
        with self._changed:
            assert self._changed.wait_for(
                lambda: len(self.adopted) >= n_adopted, LIMIT_S
            )


@pytest.fixture
def loop() -> Iterator[Loop]:
    """The connections that it was given are closed at the end."""
    made = Loop()
    yield made
    for each in made.adopted:
        each.close()


Make = Callable[..., Listener]


@pytest.fixture
def make(loop: Loop) -> Iterator[Make]:
    """Starts listeners that answer two probes, and closes them."""
    probes = {
        b"/livez": lambda: respond({"live": True}),
        b"/readyz": lambda: respond_to_error(NotReady("not ready: wait")),
    }
    made: list[Listener] = []

    def start(
        silent_s: float = LIMIT_S,
        keep_alive_s: float = LIMIT_S,
        max_wait_s: float = MAX_WAIT_S,
        scrapes: Scrapes | None = None,
        refusal: bytes = REFUSAL,
    ) -> Listener:
        listening = listen("127.0.0.1", 0, 64)
        made.append(
            Listener(
                listening,
                loop,
                loop,
                probes,
                silent_s=silent_s,
                keep_alive_s=keep_alive_s,
                max_wait_s=max_wait_s,
                scrapes=scrapes,
                refusal=refusal,
            )
        )
        made[-1].start()
        return made[-1]

    yield start
    for each in made:
        if each.is_alive:
            each.close()


@pytest.fixture
def listener(make: Make) -> Listener:
    """This listener waits long for connections that send nothing."""
    return make()


def connect(listener: Listener) -> socket.socket:
    connection = socket.create_connection(listener.listening.getsockname(), LIMIT_S)
    connection.settimeout(LIMIT_S)
    return connection


def test_a_probe_is_answered_without_the_event_loop(
    listener: Listener, loop: Loop
) -> None:
    """Each answer comes from the thread, where the connection stays until it asks for something else."""
    with connect(listener) as client:
        for _ in range(3):
            client.sendall(PROBE)
            head, _, body = client.recv(4096).partition(b"\r\n\r\n")

            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert json.loads(body) == {"live": True}
            assert loop.adopted == []

        client.sendall(ROW)
        loop.wait_for(1)
        assert loop.adopted[0].recv(4096) == ROW


def test_a_prober_is_kept_for_as_long_as_any_idle_connection(
    make: Make, loop: Loop
) -> None:
    """A connection that has had an answer ends after the keep-alive's time, not after that of silent ones."""
    with connect(make(keep_alive_s=0.1)) as client:
        client.sendall(PROBE)
        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert loop.adopted == []


def test_a_probe_may_end_its_connection(listener: Listener, loop: Loop) -> None:
    """A client that says that it asks only once is answered, also by 503, and its connection ends."""
    with connect(listener) as client:
        client.sendall(UNREADY)
        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"connection: close\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2]) == {"error": "not ready: wait"}
    assert loop.adopted == []


@pytest.mark.parametrize(
    "options", [b"Connection:close", b"connection: \tClose", b"Connection: a ,close, b"]
)
def test_the_end_of_a_connection_may_be_written_in_many_ways(
    listener: Listener, options: bytes
) -> None:
    """The word is one of a list, in letters of any case, with as much space around it as there is."""
    with connect(listener) as client:
        client.sendall(PROBE[:-2] + options + b"\r\n\r\n")

        assert b"connection: close\r\n" in client.makefile("rb").read()


def test_another_option_does_not_end_a_connection(listener: Listener) -> None:
    """A word that only holds the other one is none."""
    with connect(listener) as client:
        for _ in range(2):
            client.sendall(PROBE[:-2] + b"Connection: close-not, keep-alive\r\n\r\n")

            assert b"connection: close" not in client.recv(4096)


def test_any_other_request_is_handed_over_unread(
    listener: Listener, loop: Loop
) -> None:
    """The event loop reads the request from its first byte."""
    with connect(listener) as client:
        client.sendall(ROW)
        loop.wait_for(1)

        assert loop.adopted[0].recv(4096) == ROW


@pytest.mark.parametrize(
    "content",
    [
        PROBE + ROW,
        PROBE.replace(b"Host: x", b"Content-Length: 3"),
        PROBE.replace(b"Host: x", b"Transfer-Encoding: chunked"),
        PROBE.replace(b"/livez", b"/livez?a=1"),
        PROBE.replace(b"HTTP/1.1", b"HTTP/2.0"),
        PROBE[:-2],
        b"GET /livez\r\n\r\n",
    ],
)
def test_what_is_no_plain_probe_is_handed_over(
    listener: Listener, loop: Loop, content: bytes
) -> None:
    """More than one whole request without a body for the path as it is goes to the event loop."""
    with connect(listener) as client:
        client.sendall(content)
        loop.wait_for(1)

        assert loop.adopted[0].recv(4096) == content


def test_a_connection_that_sends_nothing_is_not_handed_over_and_ends(
    make: Make, loop: Loop
) -> None:
    """A connection that sends nothing costs no more than a descriptor, until it is closed."""
    with connect(make(silent_s=0.1)) as client:
        assert client.recv(1) == b""

    assert loop.adopted == []


def test_who_finds_no_room_is_refused_after_a_moment(
    listener: Listener, loop: Loop
) -> None:
    """The answer is 503 with Retry-After, and probes are answered all the while."""
    loop.is_full = True
    with connect(listener) as client, connect(listener) as prober:
        client.sendall(ROW)
        prober.sendall(PROBE)
        assert prober.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")

        answer = client.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"retry-after: 1\r\n" in answer
    assert "behind" in json.loads(answer.partition(b"\r\n\r\n")[2])["error"]


@pytest.mark.parametrize("refusal", [REFUSAL, b""])
def test_who_is_refused_may_send_all_before_it_reads(
    make: Make, loop: Loop, refusal: bytes
) -> None:
    """A client that has sent a large body finds the refusal, or an orderly end where there is none, and no reset."""
    loop.is_full = True
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGE_BYTES}\r\n\r\n"
    with connect(make(max_wait_s=0.05, refusal=refusal)) as client:
        client.sendall(head.encode() + bytes(LARGE_BYTES))
        answer = client.makefile("rb").read()

    assert answer == refusal


def test_who_is_refused_and_stays_is_let_go(make: Make, loop: Loop) -> None:
    """A refused client that never ends its connection, but sends on, is cut off in the end."""
    loop.is_full = True
    with connect(make(silent_s=1, max_wait_s=0.05)) as client:
        client.sendall(ROW)
        assert client.makefile("rb").read() == REFUSAL

        with pytest.raises(OSError, match=r"reset|Broken"):  # noqa: PT012  # each byte might be the one
            while True:
                client.sendall(b"x")
                time.sleep(0.01)


def test_a_prober_is_told_that_the_server_drains(
    listener: Listener, loop: Loop
) -> None:
    """The answer to a probe ends its connection once the server is about to stop."""
    with connect(listener) as client:
        client.sendall(PROBE)
        assert b"connection: close" not in client.recv(4096)

        listener.start_draining()
        client.sendall(PROBE)
        answer = client.makefile("rb").read()

    assert b"connection: close\r\n" in answer
    assert loop.adopted == []


def test_who_waits_is_handed_over_once_there_is_room(make: Make, loop: Loop) -> None:
    """A short burst over the limit is not refused."""
    listener = make(max_wait_s=LIMIT_S)
    loop.is_full = True
    with connect(listener) as client:
        client.sendall(ROW)
        end = time.monotonic() + LIMIT_S
        while not listener.n_waiting and time.monotonic() < end:
            time.sleep(0.001)
        loop.is_full = False
        loop.wait_for(1)

        assert loop.adopted[0].recv(4096) == ROW


def test_closing_hands_over_who_has_connected_already(
    listener: Listener, loop: Loop
) -> None:
    """A connection that was made before the listener closes is served, whether it has sent something or not."""
    with connect(listener) as silent, connect(listener) as asking:
        asking.sendall(ROW)
        listener.close()

        assert len(loop.adopted) == 2
        silent.sendall(ROW)
        assert {each.recv(4096) for each in loop.adopted} == {ROW}


def test_the_listener_asks_for_a_beat_while_nothing_happens(
    listener: Listener, loop: Loop
) -> None:
    """The event loop's state is told from this thread, so that a busy loop is not taken for a dead one."""
    end = time.monotonic() + LIMIT_S
    while loop.beats < 2 and time.monotonic() < end:
        time.sleep(0.01)

    assert loop.beats >= 2
    assert listener.is_alive


def make_scrapes(render: Callable[[], bytes]) -> Scrapes:
    """Returns scrapes that whoever asks may have."""
    return Scrapes(Gate.of(Settings()), render)


def test_a_scrape_is_answered_without_the_event_loop(make: Make, loop: Loop) -> None:
    """A thread of its own answers, the connection stays, and probes are answered while it writes."""
    is_written = threading.Event()

    def render() -> bytes:
        assert is_written.wait(LIMIT_S)
        return b"up 1\n"

    listener = make(scrapes=make_scrapes(render))
    loop.is_full = True
    with connect(listener) as client, connect(listener) as prober:
        for _ in range(2):
            is_written.clear()
            client.sendall(SCRAPE)
            prober.sendall(PROBE)
            assert prober.recv(4096).startswith(b"HTTP/1.1 200 OK\r\n")

            is_written.set()
            head, _, body = client.recv(4096).partition(b"\r\n\r\n")

            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert body == b"up 1\n"

    assert loop.adopted == []


def test_of_too_many_scrapes_the_event_loop_has_the_rest(
    make: Make, loop: Loop
) -> None:
    """Clients that do not take their answers keep neither the listener nor other scrapes waiting."""
    is_over = threading.Event()

    def render() -> bytes:
        is_over.wait(LIMIT_S)
        return b""

    listener = make(scrapes=make_scrapes(render))
    clients = [connect(listener) for _ in range(MAX_SCRAPES + 1)]
    for each in clients:
        each.sendall(SCRAPE)

    loop.wait_for(1)
    assert loop.adopted[0].recv(4096) == SCRAPE

    is_over.set()
    # Which of the clients was the one too many depends on the order in which their requests were seen.
    adopted = loop.adopted[0].getpeername()
    others = [each for each in clients if each.getsockname() != adopted]
    assert len(others) == MAX_SCRAPES
    assert all(each.recv(4096) for each in others)

    for each in clients:
        each.close()
