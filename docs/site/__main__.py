"""`python -m docs.site` builds the documentation from `docs/` and a running server into `build/docs`.

What comes out works from a folder: it asks no server for anything.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from docs.site.pages import stage_pages
from docs.site.reference import write_reference

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
START_LIMIT_S = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Builds the site and returns Sphinx' exit status, which is not 0 where a link leads nowhere."""
    given = _parse(arguments)
    if given.url:
        return build_site(given.output, _read_document(given.url))

    with _serve() as url:
        document = _read_document(url)
    return build_site(given.output, document)


def build_site(output: Path, document: dict[str, object]) -> int:
    """Writes the site of the pages under `docs/` and of an OpenAPI document; returns Sphinx' exit status."""
    from sphinx.cmd.build import build_main

    shutil.rmtree(output, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        stage_pages(source, {"http.md": write_reference(document)})
        shutil.copytree(HERE / "static", source / "_static")
        shutil.copy(HERE / "conf.py", source)

        words = ["-q", "-W", "--keep-going", "-d", str(source / ".doctrees")]
        status: int = build_main([*words, str(source), str(output)])

    if not status:
        sys.stdout.write(f"built {output}; open {output / 'index.html'}\n")
    return status


def _read_document(url: str) -> dict[str, object]:
    with urlopen(f"{url}/docs.json") as answer:
        document: dict[str, object] = json.load(answer)
    return document


@contextmanager
def _serve() -> Iterator[str]:
    """Serves the shipped models on a free port until the block ends."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("VEREDICTO_")
    }
    command = [sys.executable, "-m", "service", "--port", str(port)]
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/readyz", server)
        yield url
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Waits until an address is answered; raises RuntimeError where the server ends before that, or is too slow."""
    end_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end_s and server.poll() is None:
        try:
            with urlopen(url):
                return
        except URLError:
            time.sleep(0.2)

    raise RuntimeError(
        f"the server whose interface is described does not answer at {url}: make serve says why"
    )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m docs.site",
        description="Builds the documentation; without --url it starts a server of the shipped models for it.",
        epilog="Example: python -m docs.site, or make docs; then open build/docs/index.html",
    )
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "docs")
    parser.add_argument("--url", help="a running server, whose interface is described")

    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
