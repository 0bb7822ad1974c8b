"""The proxies' configurations of the documentation are taken by the proxies, and go with the server's own limits."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from service.settings import Settings
from tests.support.documents import find_code, read_document
from tests.support.server import STOP_LIMIT_S, PatientTransport, free_port

NGINX = shutil.which("nginx")
[NGINX_CONFIG] = find_code(read_document("docs/deploy/nginx.md"), "nginx")
[ENVOY_CONFIG] = find_code(read_document("docs/deploy/envoy.md"), "yaml")
SETTINGS = Settings()


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
