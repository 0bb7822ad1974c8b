"""A server may be anybody's: what it answers is looked at before it is used, and what is wrong is said in a line."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loadtest.__main__ import main
from tests.support.certificates import Authority
from tests.support.server import Server, serve

SHORT = ("--concurrency", "1", "--duration", "0.1", "--warm-up", "0")
INPUTS = b'"inputs": [{"name": "a", "datatype": "FP32", "shape": [1, 2]}]'


class Handler(http.server.BaseHTTPRequestHandler):
    """Every request of a server gets one and the same body."""

    protocol_version = "HTTP/1.1"
    body = b""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_GET  # noqa: N815  # the name that http.server looks for

    def log_message(self, *_: object) -> None:
        """Keeps the output of the tests short."""


@pytest.fixture
def answer() -> Iterator[Callable[[bytes], str]]:
    """A call starts a server that answers with this body alone, and returns its address."""
    servers = []

    def start(body: bytes) -> str:
        handler = type("Fixed", (Handler,), {"body": body})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def find_error(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Returns the line that says why nothing was measured."""
    assert main([*words, *SHORT]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'"x"',
        b'{"input": {}}',
        b'{"inputs": []}',
        b'{"inputs": {"a": 1}}',
        b'{"inputs": [{"name": "a"}]}',
        b'{"inputs": [{"name": "a", "datatype": "FP32", "shape": ["x"]}]}',
        b'{"inputs": [{"name": "a", "datatype": 1, "shape": [1]}]}',
    ],
)
def test_what_describes_no_model_is_shown(
    answer: Callable[[bytes], str], capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    """A server that speaks JSON, but not the protocol, is told from one that does."""
    error = find_error(["--url", answer(body), "--model", "m"], capsys)
    assert "expected a model's inputs with name, datatype and shape" in error


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"models": 1}', b'{"models": [{"name": "a"}]}']
)
def test_a_task_is_asked_of_our_own_server(
    answer: Callable[[bytes], str], capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    """A server that lists no models there is none of ours."""
    error = find_error(["--url", answer(body), "--task", "t"], capsys)
    assert "--task expects a server of Veredicto" in error


@pytest.mark.parametrize("body", [b"<html>", b"\xff"])
def test_what_is_no_json_is_shown(
    answer: Callable[[bytes], str], capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    """A page instead of an answer is said with its beginning."""
    error = find_error(["--url", answer(body), "--model", "m"], capsys)
    assert f"expected JSON, got status 200 and {body!r}" in error


@pytest.mark.parametrize("statistics", [b"5", b"[1]", b'[{"inference_stats": 3}]'])
def test_statistics_of_another_shape_are_left_out(
    answer: Callable[[bytes], str], statistics: bytes
) -> None:
    """A server's own figures are an extra, without which a test goes on."""
    url = answer(b"{" + INPUTS + b', "model_stats": ' + statistics + b"}")
    assert main(["--url", url, "--model", "m", *SHORT]) == 0


@pytest.mark.parametrize(
    ("greeting", "message"),
    [
        (b"SSH-2.0 \x00\r\n", ": expected HTTP, got 'SSH-2.0"),
        (b"", ": no answer: Remote end closed connection without response"),
    ],
)
def test_what_speaks_no_http_is_told(
    capsys: pytest.CaptureFixture[str], greeting: bytes, message: str
) -> None:
    """A port of another protocol, as that of gRPC, is shown by its first bytes; one that hangs up has none."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=greet, args=[listening, greeting], daemon=True)
        thread.start()
        port = listening.getsockname()[1]
        words = ["--url", f"http://127.0.0.1:{port}", "--model", "wine-mlp"]
        assert message in find_error(words, capsys)
        thread.join()


def greet(listening: socket.socket, greeting: bytes) -> None:
    """Takes one connection, answers with these bytes, and closes it."""
    connection, _ = listening.accept()
    with connection:
        connection.recv(1024)
        connection.sendall(greeting)


def test_a_missing_cell_is_tried_before_the_test(
    server: Server, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A model that takes none says so at once, in its server's words, wherever in the table the cell is."""
    features = server.client.get("/models/wine-mlp").json()["input"]["features"]
    names = [each["name"] for each in features]
    rows = [["1"] * len(names), ["1"] * len(names), ["1", "", *["1"] * 11]]
    table = tmp_path / "rows.csv"
    table.write_text("\n".join(",".join(each) for each in [names, *rows]))

    words = ["--url", server.url, "--model", "wine-mlp", "--data", str(table)]
    assert "'malic_acid' expects a number, got null" in find_error(words, capsys)
    protocol = [*words, "--protocol", "v2"]
    assert "each cell of 'malic_acid', got 1 empty" in find_error(protocol, capsys)


def test_an_authority_of_ones_own_is_named_by_a_variable(
    models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate that no public authority signed is refused with what to do, and then taken."""
    authority = Authority(tmp_path, "authority")
    cert, key = authority.issue("server")
    files = {"VEREDICTO_TLS_CERT": cert, "VEREDICTO_TLS_KEY": key}
    trust = ssl.create_default_context(cafile=authority.cert)
    with serve(tmp_path, tls=trust, VEREDICTO_MODELS=models, **files) as server:
        words = ["--url", server.url, "--model", "colour-first"]
        assert "SSL_CERT_FILE may name a file" in find_error(words, capsys)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.cert))
        assert main([*words, *SHORT]) == 0
        assert " 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://[::1", "--url: expected http://HOST:PORT"),
        ("http://name:word@127.0.0.1:1", "no name and password in the address"),
    ],
)
def test_an_address_is_refused_before_it_is_asked(
    capsys: pytest.CaptureFixture[str], url: str, message: str
) -> None:
    """The line says what would work."""
    assert message in find_error(["--url", url], capsys)


def test_an_address_is_sent_as_bytes_in_percent_signs(
    answer: Callable[[bytes], str], capsys: pytest.CaptureFixture[str]
) -> None:
    """An address with a blank and a letter beyond ASCII breaks neither the request's line nor the test."""
    url = answer(b"{}")
    assert main(["--url", f"{url}/a é→?x=%20y z", *SHORT]) == 0
    assert "0 failed" in capsys.readouterr().out
