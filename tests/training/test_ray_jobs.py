"""Lessons over two nodes of Ray make the files that one machine does; `pip install 'veredicto[ray]'` runs these.

What Ray's own threads and files leave open is no matter of ours.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import training
from tests.support.ray_cluster import HAS_RAY, choose_ports, start_cluster
from tests.support.scoring_runs import read_outputs
from tests.support.server import ROOT
from tests.support.waiting import wait_until
from training.__main__ import main

FAMILIES = ("naive_bayes", "logistic", "decision_tree", "mlp", "gradient_boosting")
LIMIT_S = 400

pytestmark = pytest.mark.filterwarnings("ignore")
needs_ray = pytest.mark.skipif(not HAS_RAY, reason="the extra ray is not installed")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """The head of a cluster, to which tests add a node that may be lost."""
    with start_cluster() as found:
        yield found


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Returns 60 rows of two numbers and three fruits."""
    path = tmp_path / "fruit.csv"
    pl.DataFrame(
        {
            "weight": [100 + 3 * (row % 17) for row in range(60)],
            "size": [4.0 + 0.1 * (row % 13) for row in range(60)],
            "fruit": [("apple", "pear", "fig")[row % 3] for row in range(60)],
        }
    ).write_csv(path)

    return path


def start_training(
    table: Path,
    out: Path,
    *words: str,
    families: tuple[str, ...] = FAMILIES,
) -> subprocess.Popen[str]:
    """Returns a run in a process of its own; what it says is in its pipes."""
    data = ("--data", str(table), "--target", "fruit", "--task", "fruit", "--force")
    where = ("--output", str(out))
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "training",
            "all",
            *data,
            *where,
            *words,
            "--family",
            *families,
        ],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(run: subprocess.Popen[str]) -> str:
    """Returns what a run said, which must end well."""
    said, errors = run.communicate(timeout=LIMIT_S)
    assert run.returncode == 0, said + errors
    return said


@needs_ray
def test_two_nodes_make_the_files_that_one_machine_does(
    cluster: Any, table: Path, tmp_path: Path
) -> None:
    """Files are the same bytes, and a family that does not suit is named with its reason, as elsewhere."""
    node = cluster.add_node(num_cpus=1, **choose_ports())
    families = (*FAMILIES, "linear")
    finish(start_training(table, tmp_path / "one", families=families))
    said = finish(
        start_training(
            table, tmp_path / "two", "--ray", cluster.address, families=families
        )
    )
    cluster.remove_node(node)
    files = read_outputs(tmp_path / "one")

    assert len(files) == len(FAMILIES)
    assert read_outputs(tmp_path / "two") == files
    assert "left out fruit-linear: linear is a regressor" in said


@needs_ray
def test_what_a_lost_node_learnt_is_learnt_by_another(
    cluster: Any, table: Path, tmp_path: Path
) -> None:
    """A node that ends in mid-run loses no file."""
    node = cluster.add_node(num_cpus=1, **choose_ports())
    out = tmp_path / "out"
    run = start_training(table, out, "--ray", cluster.address)
    wait_until(lambda: any(out.glob("*.onnx")) or run.poll() is not None, LIMIT_S)
    cluster.remove_node(node, allow_graceful=False)
    finish(run)

    assert len(read_outputs(out)) == len(FAMILIES)


@needs_ray
def test_an_interrupted_run_keeps_what_was_finished(
    cluster: Any, table: Path, tmp_path: Path
) -> None:
    """Ctrl-C ends the run without a traceback."""
    out = tmp_path / "out"
    run = start_training(table, out, "--ray", cluster.address)
    wait_until(lambda: any(out.glob("*.onnx")) or run.poll() is not None, LIMIT_S)
    run.send_signal(signal.SIGINT)
    said, errors = run.communicate(timeout=LIMIT_S)

    assert run.returncode == 130, said + errors
    assert "stopped: what was finished is kept" in said
    assert "Traceback" not in said + errors


@needs_ray
def test_an_address_that_is_none_is_refused(table: Path, tmp_path: Path) -> None:
    """One line says what was expected, before anything is learnt."""
    run = start_training(table, tmp_path / "out", "--ray", "nonsense")
    said, _ = run.communicate(timeout=LIMIT_S)

    assert run.returncode == 1
    assert (
        "not written: --ray nonsense: expected a cluster of Ray, got none: Invalid address"
        in said
    )
    assert not (tmp_path / "out").exists()


def test_without_ray_the_error_says_what_to_install(
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line names the extra, before anything is learnt."""
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "training.ray_jobs", raising=False)
    monkeypatch.delattr(training, "ray_jobs", raising=False)
    data = ["--data", str(table), "--target", "fruit", "--task", "fruit"]
    where = ["--ray", "auto", "--output", str(tmp_path / "out")]

    assert main(["all", *data, *where]) == 1
    assert capsys.readouterr().out == (
        "not written: --ray needs ray, which is not installed: pip install 'veredicto[ray]'\n"
    )
    assert not (tmp_path / "out").exists()
