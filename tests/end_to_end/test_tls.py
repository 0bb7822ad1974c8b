"""Real servers speak TLS over HTTP and gRPC, and with an authority of clients only to those that it signed for."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.conftest import write_models
from tests.support.certificates import Authority, Certificate
from tests.support.clients import find_workers
from tests.support.server import Server, free_port, serve
from tests.support.waiting import wait_until

ROW = {"model": "colour-first", "inputs": [[1, "red"]]}
LIMIT_S = 60


@dataclass(frozen=True)
class Secured:
    """A server has the port of its gRPC, and authorities: its own and another."""

    server: Server
    grpc_port: int
    authority: Authority
    stranger: Authority
    client: Certificate
    is_mutual: bool


@pytest.fixture(scope="module", params=["server", "mutual"])
def secured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Secured]:
    """One server shows its certificate, and another wants to see the client's too."""
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder, "authority")
    stranger = Authority(folder, "stranger")
    own = authority.issue("server")
    client = authority.issue("client")
    settings = {
        "VEREDICTO_MODELS": write_models(folder / "models"),
        "VEREDICTO_TLS_CERT": own.cert,
        "VEREDICTO_TLS_KEY": own.key,
        "VEREDICTO_GRPC_PORT": free_port(),
    }
    is_mutual = request.param == "mutual"
    if is_mutual:
        settings["VEREDICTO_TLS_CLIENT_CA"] = authority.cert

    with serve(folder, tls=trust(authority, client), **settings) as server:
        port = int(settings["VEREDICTO_GRPC_PORT"])
        yield Secured(server, port, authority, stranger, client, is_mutual)


def trust(authority: Authority, client: Certificate | None = None) -> ssl.SSLContext:
    """Returns how a client of this authority's servers speaks TLS, with its own certificate where it has one."""
    context = ssl.create_default_context(cafile=authority.cert)
    if client is not None:
        context.load_cert_chain(client.cert, client.key)
    return context


def ask_health(
    secured: Secured, authority: Authority, client: Certificate | None = None
) -> int:
    """Returns what gRPC's health service says; raises RpcError where no connection is made."""
    credentials = grpc.ssl_channel_credentials(
        authority.cert.read_bytes(),
        client and client.key.read_bytes(),
        client and client.cert.read_bytes(),
    )
    with grpc.secure_channel(f"127.0.0.1:{secured.grpc_port}", credentials) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=LIMIT_S)
    return int(answer.status)


def ask_http(secured: Secured, context: ssl.SSLContext) -> httpx.Response:
    """Asks on a new connection."""
    return httpx.get(f"{secured.server.url}/livez", verify=context, timeout=LIMIT_S)


def test_requests_are_answered_over_tls(secured: Secured) -> None:
    """A row and a probe are answered over TLS 1.2 and 1.3."""
    assert secured.server.post("/predict", ROW).json()["predictions"] == ["no"]

    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = trust(secured.authority, secured.client)
        context.minimum_version = context.maximum_version = version
        assert ask_http(secured, context).json() == {"live": True}


def test_grpc_is_answered_over_tls(secured: Secured) -> None:
    """The health service answers whom the server lets in by its certificate."""
    serving = health_pb2.HealthCheckResponse.SERVING

    assert ask_health(secured, secured.authority, secured.client) == serving


def test_a_client_of_another_authority_does_not_believe_the_server(
    secured: Secured,
) -> None:
    """The server's certificate is the one that was set, over HTTP and gRPC."""
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        ask_http(secured, trust(secured.stranger, secured.client))
    with pytest.raises(grpc.RpcError) as refused:
        ask_health(secured, secured.stranger, secured.client)

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("who", ["nobody", "stranger"])
def test_only_the_clients_of_the_authority_are_let_in(
    secured: Secured, who: str
) -> None:
    """A mutual server answers no client without a certificate of its authority, and any other server does."""
    client = None if who == "nobody" else secured.stranger.issue("unknown")
    context = trust(secured.authority, client)

    if not secured.is_mutual:
        assert ask_http(secured, context).status_code == 200
        assert ask_health(secured, secured.authority, client)
        return

    with pytest.raises(httpx.TransportError):
        ask_http(secured, context)
    with pytest.raises(grpc.RpcError):
        ask_health(secured, secured.authority, client)


def test_who_speaks_no_tls_gets_no_answer(secured: Secured) -> None:
    """A plain request ends its connection, and the next client is served."""
    port = int(secured.server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), LIMIT_S) as plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = plain.makefile("rb").read()

    assert b"HTTP/1.1" not in answer
    assert secured.server.post("/predict", ROW).status_code == 200


@dataclass(frozen=True)
class Renewed:
    """A server has files that a test may replace, whose first certificates are of one authority."""

    server: Server
    grpc_port: int
    paths: dict[str, Path]
    before: Authority
    after: Authority

    def replace(self, authority: Authority, name: str) -> None:
        """Writes a certificate of another authority in place of the server's, one file after another."""
        issued = authority.issue(name)
        self.paths["key"].write_bytes(issued.key.read_bytes())
        self.paths["authorities"].write_bytes(authority.cert.read_bytes())
        self.paths["cert"].write_bytes(issued.cert.read_bytes())

    def ask(self, authority: Authority, client: Certificate) -> str:
        """Returns what HTTP and gRPC say on a new connection each: `answered`, `refused`, or both words."""
        said = set()
        try:
            answer = httpx.get(
                f"{self.server.url}/livez", verify=trust(authority, client)
            )
            said.add("answered" if answer.status_code == 200 else "failed")
        except httpx.TransportError:
            said.add("refused")

        secured = Secured(
            self.server, self.grpc_port, authority, authority, client, is_mutual=True
        )
        try:
            ask_health(secured, authority, client)
            said.add("answered")
        except grpc.RpcError:
            said.add("refused")

        return " and ".join(sorted(said))


@contextmanager
def serve_renewed(folder: Path, n_workers: int) -> Iterator[Renewed]:
    """Serves with certificates of one authority, and has another one at hand."""
    before, after = Authority(folder, "before"), Authority(folder, "after")
    own = before.issue("server")
    paths = {
        name: folder / f"served-{name}.pem" for name in ("cert", "key", "authorities")
    }
    for name, source in (
        ("cert", own.cert),
        ("key", own.key),
        ("authorities", before.cert),
    ):
        paths[name].write_bytes(source.read_bytes())

    settings: dict[str, object] = {
        "VEREDICTO_MODELS": write_models(folder / "models"),
        "VEREDICTO_TLS_CERT": paths["cert"],
        "VEREDICTO_TLS_KEY": paths["key"],
        "VEREDICTO_TLS_CLIENT_CA": paths["authorities"],
        "VEREDICTO_GRPC_PORT": free_port(),
        "VEREDICTO_WORKERS": n_workers,
    }
    tls = trust(before, before.issue("client"))
    with serve(folder, tls=tls, **settings) as server:
        port = int(str(settings["VEREDICTO_GRPC_PORT"]))
        yield Renewed(server, port, paths, before, after)


@pytest.fixture
def renewed(tmp_path: Path) -> Iterator[Renewed]:
    """One worker serves with the certificates of its start."""
    with serve_renewed(tmp_path, 1) as started:
        yield started


@pytest.fixture(scope="module")
def worn(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Renewed]:
    """Tests wear out one server, whose certificates and workers they replace; the parameter is how many workers."""
    with serve_renewed(tmp_path_factory.mktemp("worn"), request.param) as started:
        yield started


def wait_for(renewed: Renewed, authority: Authority, client: Certificate) -> None:
    """Returns once HTTP and gRPC answer a client of this authority."""
    end_s = time.monotonic() + LIMIT_S
    while (said := renewed.ask(authority, client)) != "answered":
        assert time.monotonic() < end_s, said
        time.sleep(0.2)


def test_a_renewed_certificate_is_served_without_a_new_start(renewed: Renewed) -> None:
    """New connections get the new certificate, and only the new authority's clients; an old connection goes on."""
    old_client = renewed.before.issue("old-client")
    new_client = renewed.after.issue("new-client")
    with httpx.Client(
        base_url=renewed.server.url, verify=trust(renewed.before, old_client)
    ) as kept:
        assert kept.get("/livez").status_code == 200
        renewed.replace(renewed.after, "renewed")
        wait_for(renewed, renewed.after, new_client)

        assert renewed.ask(renewed.before, old_client) == "refused"
        assert kept.get("/livez").status_code == 200

    # A client that believes the new certificate and has an old one of its own is let in no more.
    for each in (old_client, renewed.before.issue("another")):
        assert renewed.ask(renewed.after, each) == "refused"


def replace_workers(renewed: Renewed) -> None:
    """Kills all workers, and returns once others have taken their places."""
    before = find_workers(renewed.server)
    for each in before:
        os.kill(each, signal.SIGKILL)
    wait_until(
        lambda: (
            len(now := find_workers(renewed.server)) == len(before)
            and not set(before) & set(now)
        )
    )


def keeps(server: Server, content: bytes) -> bool:
    """Returns whether the supervisor has a file of the memory that says this."""
    for each in Path(f"/proc/{server.process.pid}/fd").iterdir():
        # Others come and go meanwhile.
        with suppress(OSError):
            is_kept = each.readlink().name.startswith("memfd:certificate")
            if is_kept and each.read_bytes() == content:
                return True

    return False


@pytest.mark.parametrize("worn", [1, 2], indirect=True)
@pytest.mark.parametrize("damaged", ["cert", "key", "authorities"])
def test_a_worker_is_replaced_beside_a_damaged_certificate(
    worn: Renewed, damaged: str
) -> None:
    """A new worker begins with the certificate that worked last, renewed meanwhile, and takes the mended one."""
    worn.replace(worn.after, "renewed")
    client = worn.after.issue("some-client")
    wait_for(worn, worn.after, client)
    wait_until(lambda: keeps(worn.server, worn.paths["cert"].read_bytes()))

    n_chars = len(worn.server.log.read_text())
    worn.paths[damaged].write_text("-----BEGIN CERTIFICATE-----")
    replace_workers(worn)
    wait_for(worn, worn.after, client)

    log = worn.server.log.read_text()
    for what in ("HTTP", "gRPC"):
        said = f"{what} begins with the certificate that the server had: VEREDICTO_TLS"
        assert said in log[n_chars:]
    assert "Traceback" not in log

    worn.replace(worn.before, "mended")
    wait_for(worn, worn.before, worn.before.issue("mended-client"))


def test_a_damaged_certificate_changes_nothing(renewed: Renewed) -> None:
    """A file that is no certificate is said in the log, and the one before is served until it is mended."""
    client = renewed.before.issue("some-client")
    renewed.paths["cert"].write_text("no certificate")
    end_s = time.monotonic() + LIMIT_S
    while "HTTP goes on with its certificate" not in renewed.server.log.read_text():
        assert renewed.ask(renewed.before, client) == "answered"
        assert time.monotonic() < end_s
        time.sleep(0.2)

    assert renewed.ask(renewed.before, client) == "answered"
    assert "gRPC goes on with its certificate" in renewed.server.log.read_text()

    renewed.replace(renewed.after, "mended")
    wait_for(renewed, renewed.after, renewed.after.issue("mended-client"))
