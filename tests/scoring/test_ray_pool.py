"""These tests score blocks over two nodes of Ray; `pip install 'veredicto[ray]'` runs them.

Ray is not installed for the other tests. What its own threads and files leave open is no matter of ours.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.coloured_rows import write_rows
from tests.support.ray_cluster import HAS_RAY, choose_ports, start_cluster
from tests.support.scoring_runs import (
    count_done,
    count_rows,
    read_outputs,
    start_scoring,
)
from tests.support.server import ROOT, free_port
from tests.support.waiting import wait_until

N_ROWS = 3000

pytestmark = [
    pytest.mark.skipif(not HAS_RAY, reason="the extra ray is not installed"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """The head of a cluster, to which tests add a node that may be lost."""
    with start_cluster() as found:
        yield found


def list_words(
    rows: Path, models: Path, *, block_bytes: int = 400
) -> tuple[object, ...]:
    words = ("--task", "colour", "--data", rows, "--models", models)
    return (*words, "--label", "answer", "--block-bytes", block_bytes)


def finish(run: subprocess.Popen[str]) -> None:
    _, told = run.communicate(timeout=300)
    assert run.returncode == 0, told


def test_two_nodes_write_what_one_machine_does(
    cluster: Any, models: Path, tmp_path: Path
) -> None:
    """Answers, summaries, verdict and manifest are the same bytes, whoever scored which block."""
    node = cluster.add_node(num_cpus=1, **choose_ports())
    words = list_words(write_rows(tmp_path / "rows.csv", n_rows=N_ROWS), models)
    finish(start_scoring(*words, "--out", tmp_path / "one", "--workers", 1))
    run = start_scoring(
        *words, "--out", tmp_path / "two", "--ray", cluster.address, PYTHONPATH=ROOT
    )
    finish(run)
    cluster.remove_node(node)

    assert read_outputs(tmp_path / "two") == read_outputs(tmp_path / "one")


def test_a_node_that_is_lost_loses_and_doubles_nothing(
    cluster: Any, models: Path, tmp_path: Path
) -> None:
    """The blocks of a lost node are scored by the other node's actors."""
    out = tmp_path / "out"
    node = cluster.add_node(num_cpus=1, **choose_ports())
    words = list_words(
        write_rows(tmp_path / "rows.csv", n_rows=N_ROWS), models, block_bytes=100
    )
    run = start_scoring(*words, "--out", out, "--ray", cluster.address, PYTHONPATH=ROOT)
    wait_until(lambda: count_done(out) >= 5 or run.poll() is not None)
    n_done = count_done(out)
    cluster.remove_node(node, allow_graceful=False)
    finish(run)

    assert n_done < count_done(out)
    assert set(count_rows(out).values()) == {1}
    assert len(count_rows(out)) == N_ROWS


def test_a_driver_that_is_killed_loses_and_doubles_nothing(
    cluster: Any, models: Path, tmp_path: Path
) -> None:
    """A repeated command goes on, over Ray or without it."""
    out = tmp_path / "out"
    words = list_words(
        write_rows(tmp_path / "rows.csv", n_rows=N_ROWS), models, block_bytes=100
    )
    run = start_scoring(*words, "--out", out, "--ray", cluster.address, PYTHONPATH=ROOT)
    wait_until(lambda: count_done(out) >= 5 or run.poll() is not None)
    run.kill()
    run.communicate()
    assert not (out / "manifest.json").exists()
    finish(
        start_scoring(*words, "--out", out, "--ray", cluster.address, PYTHONPATH=ROOT)
    )

    assert set(count_rows(out).values()) == {1}
    assert len(count_rows(out)) == N_ROWS


def test_an_address_without_a_cluster_is_told(models: Path, tmp_path: Path) -> None:
    """One line says so, soon: Ray itself would try for minutes where nothing listens."""
    words = list_words(write_rows(tmp_path / "rows.csv"), models)
    for address, reason in (
        (f"127.0.0.1:{(port := free_port())}", f"nothing answers at 127.0.0.1:{port}"),
        ("nonsense", "Invalid address format"),
    ):
        run = start_scoring(*words, "--out", tmp_path / "out", "--ray", address)
        _, told = run.communicate()
        assert run.returncode == 2
        assert told.splitlines()[-1].startswith(
            f"error: --ray {address}: expected a cluster of Ray, got none: {reason}"
        )


def test_without_ray_the_error_says_what_to_install(
    models: Path, tmp_path: Path
) -> None:
    """One line names the extra, before anything is scored."""
    program = "import sys; sys.modules['ray'] = None; from scoring.__main__ import main; sys.exit(main())"
    words = list_words(write_rows(tmp_path / "rows.csv"), models)
    words = (*words, "--out", tmp_path / "out", "--ray")
    found = subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert found.returncode == 2
    assert "--ray needs ray, which is not installed: pip install" in found.stderr
