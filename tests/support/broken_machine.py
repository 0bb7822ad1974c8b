"""Troubles around a server are made here: a disk that is full, a clock that jumps, a proxy whose server goes."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.server import free_port

SHIM = Path(__file__).with_name("wrong_clock.c")
DISK = "64m"
BLOCK_BYTES = 65_536
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 1000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream replicas {{ {servers} keepalive 32; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://replicas; proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


@contextmanager
def mount_small_disk(folder: Path) -> Iterator[Path]:
    """Mounts a file system of its own at a folder; skips the test where this user may not."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(command, capture_output=True).returncode
    ):
        pytest.skip("needs leave to mount a file system of its own, to fill it")

    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_disk(folder: Path) -> Path:
    """Writes a file until there is no room for one more byte; returns it, whose removal makes room again."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (BLOCK_BYTES, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue

    return path


class Clock:
    """A clock can be set by seconds, for the processes that are started with its variables."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or pytest.skip("needs a C compiler, to lie")
        library = folder / "wrong_clock.so"
        command = [compiler, "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"]
        subprocess.run(command, check=True)
        self._file = folder / "offset_s"
        self.set_by(0)
        self.variables: Mapping[str, object] = {
            "LD_PRELOAD": library,
            "OFFSET_FILE": self._file,
        }

    def set_by(self, offset_s: int) -> None:
        """Sets the clock so many seconds before or after the true time."""
        written = self._file.with_suffix(".new")
        written.write_text(str(offset_s))
        written.replace(self._file)


@contextmanager
def run_nginx(folder: Path, ports: tuple[int, ...]) -> Iterator[int]:
    """Runs nginx before servers on these ports and gives its own; skips the test where there is no nginx."""
    places = ["/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/usr/bin"]
    program = shutil.which("nginx", path=":".join(places))
    if program is None:
        pytest.skip("needs nginx")

    folder.mkdir()
    port = free_port()
    servers = " ".join(f"server 127.0.0.1:{each} max_fails=0;" for each in ports)
    path = folder / "nginx.conf"
    path.write_text(NGINX.format(folder=folder, servers=servers, port=port))
    process = subprocess.Popen(
        [program, "-c", path, "-p", folder, "-e", folder / "errors"]
    )
    try:
        wait_for_file(folder / "pid")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def wait_for_file(path: Path) -> None:
    end_s = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end_s
        time.sleep(0.02)
