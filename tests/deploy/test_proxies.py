"""The proxies' configurations of the documentation are taken by the proxies, and go with the server's own limits."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
import yaml

from service.settings import Settings
from tests.support.documents import find_code, read_document
from tests.support.proxies import (
    APACHE,
    CADDY,
    HAPROXY,
    PROXIES,
    VARNISH,
    find_reason,
    run_proxy,
)
from tests.support.server import (
    NO_AUTHORITIES,
    STOP_LIMIT_S,
    PatientTransport,
    Server,
    free_port,
    serve,
)
from tests.support.waiting import wait_until

NGINX = shutil.which("nginx")
[NGINX_CONFIG] = find_code(read_document("docs/deploy/nginx.md"), "nginx")
[ENVOY_CONFIG] = find_code(read_document("docs/deploy/envoy.md"), "yaml")
SETTINGS = Settings()
ROW = {"model": "colour-first", "inputs": [[1, "green"]]}
N_BETWEEN = 20
"""So many requests are answered before and after each event of a rolling update."""


class Asking:
    """Clients ask through a proxy, each over a connection of its own, until the block ends."""

    def __init__(self, url: str) -> None:
        self.failed: list[object] = []
        self.n_answered = 0
        self._is_over = Event()
        self._threads = [Thread(target=self._ask, args=(url,)) for _ in range(4)]

    def __enter__(self) -> Asking:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self) -> None:
        """Returns once some more requests have been answered."""
        wanted = self.n_answered + N_BETWEEN
        wait_until(lambda: self.n_answered >= wanted)

    def _ask(self, url: str) -> None:
        with httpx.Client(base_url=url, timeout=60, verify=NO_AUTHORITIES) as client:
            while not self._is_over.wait(0.01):
                try:
                    response = client.post("/predict", json=ROW)
                except httpx.HTTPError as error:
                    self.failed.append(error)
                else:
                    self.n_answered += 1
                    if response.status_code != 200:
                        self.failed.append((response.status_code, response.text))


def is_asked(server: Server) -> bool:
    """Returns whether predictions have come to a server, as its proxy sends them once it knows of it."""
    stats = server.client.get("/v2/models/colour-first/stats").json()
    return bool(stats["model_stats"][0]["inference_count"])


def is_here(program: str) -> pytest.MarkDecorator:
    """Skips a test whose proxy is not installed."""
    reason = find_reason(program)
    return pytest.mark.skipif(reason is not None, reason=str(reason))


def read_seconds(name: str) -> int:
    """Returns the seconds of a directive of nginx."""
    found = re.search(rf"{name} (\d+)s;", NGINX_CONFIG)
    assert found is not None
    return int(found[1])


def test_nginxs_times_go_with_the_servers() -> None:
    """The proxy closes idle connections first and waits longer than the deadline, so the server's words arrive."""
    assert read_seconds("keepalive_timeout") < SETTINGS.keep_alive_s
    assert read_seconds("proxy_read_timeout") > SETTINGS.deadline_s
    megabytes = re.search(r"client_max_body_size (\d+)m;", NGINX_CONFIG)
    assert megabytes is not None
    assert int(megabytes[1]) * 2**20 == SETTINGS.max_image_bytes


def test_envoys_times_go_with_the_servers() -> None:
    """Envoy closes idle connections first and waits longer than the deadline, as nginx does."""
    config = yaml.safe_load(ENVOY_CONFIG)
    [cluster] = config["clusters"]
    [options] = cluster["typed_extension_protocol_options"].values()
    idle = options["common_http_protocol_options"]["idle_timeout"]
    [route] = config["routes"]

    assert int(idle.removesuffix("s")) < SETTINGS.keep_alive_s
    assert int(route["route"]["timeout"].removesuffix("s")) > SETTINGS.deadline_s
    assert cluster["health_checks"][0]["http_health_check"] == {"path": "/readyz"}


@pytest.mark.parametrize(
    ("config", "kept", "waited"),
    [
        (HAPROXY, r"pool-purge-delay (\d+)s", r"timeout server (\d+)s"),
        (CADDY, r"keepalive (\d+)s", r"response_header_timeout (\d+)s"),
        (APACHE, r"ttl=(\d+)", r"timeout=(\d+)"),
        (VARNISH, None, r"first_byte_timeout = (\d+)s"),
    ],
    ids=list(PROXIES),
)
def test_the_times_of_other_proxies_go_with_the_servers(
    config: str, kept: str | None, waited: str
) -> None:
    """Each keeps idle connections for less than the server, and waits for longer than the deadline."""
    [waited_s] = re.findall(waited, config)
    assert int(waited_s) > SETTINGS.deadline_s

    if kept is not None:
        [kept_s] = re.findall(kept, config)
        assert int(kept_s) < SETTINGS.keep_alive_s


@pytest.mark.skipif(NGINX is None, reason="nginx is not there")
def test_nginx_passes_requests_on(
    start_server: Callable[..., Any], models: Path, tmp_path: Path
) -> None:
    """Nginx takes the configuration as it stands but for its ports, passes requests on, and keeps metrics back."""
    port = free_port()
    with start_server(VEREDICTO_MODELS=models) as server:
        config = NGINX_CONFIG.replace("listen 80;", f"listen 127.0.0.1:{port};")
        config = config.replace("127.0.0.1:3000", server.url.removeprefix("http://"))
        folders = "".join(
            f"{name}_temp_path {tmp_path}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        path = tmp_path / "nginx.conf"
        path.write_text(
            f"daemon off; master_process off; pid {tmp_path}/pid; error_log stderr;\n"
            f"events {{}}\nhttp {{ access_log off;\n{folders}{config}}}\n"
        )
        assert NGINX is not None
        with (tmp_path / "nginx.log").open("wb") as log:
            proxy = subprocess.Popen(
                [NGINX, "-p", tmp_path, "-c", path], stdout=log, stderr=log
            )

        try:
            transport = PatientTransport()
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", transport=transport
            ) as client:
                request = {"model": "colour-first", "inputs": [[1, "green"]]}
                answered = client.post("/predict", json=request)
                through = [client.get("/readyz").status_code for _ in range(3)]
                metrics = client.get("/metrics").status_code
        finally:
            proxy.send_signal(signal.SIGTERM)
            proxy.wait(timeout=STOP_LIMIT_S)

        assert answered.json() == server.post("/predict", request).json()
        assert through == [200, 200, 200]
        assert metrics == 403


@pytest.mark.parametrize(
    "program", [pytest.param(name, marks=is_here(name)) for name in PROXIES]
)
def test_other_proxies_pass_requests_on(
    program: str, start_server: Callable[..., Any], models: Path, tmp_path: Path
) -> None:
    """Each takes its configuration, passes rows, bodies in chunks and refusals on, and gives no answer again."""
    with (
        start_server(VEREDICTO_MODELS=models) as server,
        run_proxy(program, tmp_path, [server.url.removeprefix("http://")]) as url,
        httpx.Client(base_url=url, transport=PatientTransport(), timeout=60) as client,
    ):
        wait_until(lambda: client.get("/readyz").status_code == 200, 60)
        whole = client.post("/predict", json=ROW)
        body = json.dumps(ROW).encode()
        chunked = client.post(
            "/predict",
            content=(body[at : at + 7] for at in range(0, len(body), 7)),
            headers={"Content-Type": "application/json"},
        )
        refused = client.post("/predict", json=ROW | {"model": "other"})
        wrong = client.put("/predict", json=ROW)
        metrics = [client.get("/metrics") for _ in range(2)]

        assert whole.json() == chunked.json() == server.post("/predict", ROW).json()

    assert (refused.status_code, wrong.status_code) == (404, 405)
    assert refused.json()["error"].startswith("unknown model 'other'")
    assert wrong.headers["allow"] == "POST"
    if program == "varnishd":
        assert metrics[0].text != metrics[1].text
    else:
        assert [each.status_code for each in metrics] == [403, 403]


@pytest.mark.parametrize(
    "program",
    [pytest.param(name, marks=is_here(name)) for name in ("haproxy", "caddy")],
)
def test_a_rolling_update_loses_no_request(
    program: str, models: Path, tmp_path: Path
) -> None:
    """Every request is answered while each of two servers is told to stop and started anew."""
    ports = {name: free_port() for name in ("one", "two")}
    for name in ports:
        (tmp_path / name).mkdir()

    def start(name: str) -> Any:
        return serve(
            tmp_path / name,
            port=ports[name],
            VEREDICTO_MODELS=models,
            VEREDICTO_DRAIN_S=6,
        )

    servers = [f"127.0.0.1:{port}" for port in ports.values()]
    with ExitStack() as stack:
        running = {name: stack.enter_context(ExitStack()) for name in ports}
        started = [each.enter_context(start(name)) for name, each in running.items()]
        url = stack.enter_context(run_proxy(program, tmp_path, servers))
        with httpx.Client(base_url=url, transport=PatientTransport()) as client:
            wait_until(lambda: client.get("/readyz").status_code == 200)

        with Asking(url) as asking:
            asking.wait_for_more()
            for name, each in running.items():
                each.close()
                asking.wait_for_more()
                started.append(each.enter_context(start(name)))
                wait_until(partial(is_asked, started[-1]))

        for server in started:
            # Nobody asks any more, and a drain would take its time.
            server.process.kill()

    assert asking.failed == []
    assert asking.n_answered > N_BETWEEN
