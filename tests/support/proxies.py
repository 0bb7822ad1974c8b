"""Proxies run here with the configurations of the documentation, but for ports, folders and what ends them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.documents import find_code, read_document
from tests.support.server import STOP_LIMIT_S, free_port

APACHES_MODULES = Path("/usr/lib/apache2/modules")
APACHES_OTHERS = ("mpm_event", "authz_core", "authz_host")
"""Debian's Apache has these modules beside those of a proxy."""


def _read(page: str, language: str) -> str:
    [config] = find_code(read_document(f"docs/deploy/{page}.md"), language)
    return config


HAPROXY = _read("haproxy", "text")
CADDY = _read("caddy", "caddyfile")
APACHE = _read("other_proxies", "apache")
VARNISH = _read("other_proxies", "vcl")


def _address(config: str, servers: Sequence[str]) -> str:
    """Returns the configuration with the addresses of the servers in place of the documents' ones."""
    for documented, server in zip(
        ("127.0.0.1:3000", "127.0.0.1:3001"), (servers[0], servers[-1]), strict=True
    ):
        config = config.replace(documented, server)
    return config


def _write_haproxy(folder: Path, port: int, servers: Sequence[str]) -> list[str]:
    config = HAPROXY.replace("bind 0.0.0.0:80", f"bind 127.0.0.1:{port}")
    path = folder / "haproxy.cfg"
    path.write_text(_address(config, servers))
    return ["haproxy", "-db", "-f", str(path)]


def _write_caddy(folder: Path, port: int, servers: Sequence[str]) -> list[str]:
    config = CADDY.replace(":80 {", f"http://127.0.0.1:{port} {{", 1)
    path = folder / "Caddyfile"
    path.write_text("{\n    admin off\n}\n" + _address(config, servers))
    return ["caddy", "run", "--config", str(path), "--adapter", "caddyfile"]


def _write_apache(folder: Path, port: int, servers: Sequence[str]) -> list[str]:
    config = _address(APACHE, servers).replace("modules/", f"{APACHES_MODULES}/")
    others = "\n".join(
        f"LoadModule {name}_module {APACHES_MODULES}/mod_{name}.so"
        for name in APACHES_OTHERS
    )
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    path = folder / "apache.conf"
    path.write_text(
        f"ServerRoot {folder}\nPidFile {folder}/pid\nServerName localhost\n{others}\n{user}"
        f"Listen 127.0.0.1:{port}\nErrorLog {folder}/error.log\n{config}"
    )
    return ["apache2", "-DFOREGROUND", "-f", str(path)]


def _write_varnish(folder: Path, port: int, servers: Sequence[str]) -> list[str]:
    config = _address(VARNISH, servers)
    host, _, own = servers[0].partition(":")
    config = config.replace('.host = "127.0.0.1"', f'.host = "{host}"')
    path = folder / "veredicto.vcl"
    path.write_text(config.replace('.port = "3000"', f'.port = "{own}"'))
    state = folder / "varnish"
    state.mkdir()
    # As root it would read its configuration as a user who may not enter the tests' folders.
    jail = ["-j", "none"] if os.geteuid() == 0 else []
    return [
        "varnishd",
        *jail,
        "-F",
        *("-n", str(state), "-f", str(path)),
        *("-a", f"127.0.0.1:{port}", "-s", "malloc,16m"),
    ]


PROXIES: dict[str, Callable[[Path, int, Sequence[str]], list[str]]] = {
    "haproxy": _write_haproxy,
    "caddy": _write_caddy,
    "apache2": _write_apache,
    "varnishd": _write_varnish,
}
"""The program of each proxy, and what writes its configuration and returns its command."""


def find_reason(program: str) -> str | None:
    """Returns why a proxy cannot run here, or None where it can."""
    path = os.environ["PATH"] + ":/usr/sbin"
    return None if shutil.which(program, path=path) else f"{program} is not there"


@contextmanager
def run_proxy(program: str, folder: Path, servers: Sequence[str]) -> Iterator[str]:
    """Runs a proxy in front of servers, given as `HOST:PORT`; yields its address."""
    port = free_port()
    command = PROXIES[program](folder, port, servers)
    variables = os.environ | {
        "PATH": os.environ["PATH"] + ":/usr/sbin",
        "HOME": str(folder),
    }
    with (folder / f"{program}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=variables, stdout=log, stderr=log
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=STOP_LIMIT_S)
