"""Counters of model versions come and go, in a process that shares its counts with others by files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.mmap_dict import mmap_key

from service.execution.allocated_file import AllocatedFile
from tests.support.server import ROOT

PREPARE = """
import json, os, sys, threading, time
from prometheus_client import CollectorRegistry, Counter
from service.execution import allocated_file, metric_files, retired_series
from service.execution.retired_series import RetiredSeries

allocated_file.install()
retired_series.LOOK_S = 0
folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
served = Counter("served", "Rows", ["model", "version"], registry=CollectorRegistry())
failed = Counter("failed", "Rows", ["model", "version", "reason"], registry=CollectorRegistry())
other = Counter("other", "Rows", ["model", "version"], registry=CollectorRegistry())

def count(version):
    served.labels("wine", version).inc()
    failed.labels("wine", version, "late").inc()

def read():
    samples = [each for metric in metric_files.collect(folder) for each in metric.samples]
    return {each.name + " " + each.labels["version"]: each.value for each in samples}

def look(series, *versions):
    series.look(("wine", version) for version in versions)
    for each in threading.enumerate():
        if each.name == "retired series":
            each.join()

"""


def run(folder: Path, body: str) -> Any:
    """Returns what a process with its counts in a folder prints, as JSON."""
    variables = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    finished = subprocess.run(
        [sys.executable, "-c", PREPARE + body],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr

    return json.loads(finished.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder has the counts of a worker that is dead, of a version that was served then."""
    made = tmp_path / "counters"
    made.mkdir()
    file = AllocatedFile(str(made / "counter_0.db"))
    for name in ("served", "other"):
        labels = ["model", "version"], ["wine", "before"]
        file.write_value(mmap_key(name, f"{name}_total", *labels, "Rows"), 5.0, 0.0)
    file.close()

    return made


def test_series_of_retired_versions_end_and_others_go_on(folder: Path) -> None:
    """A version that is served keeps its counts, also those of dead workers, and one that comes back begins anew."""
    shown = run(
        folder,
        """
series = RetiredSeries((served, failed), (other,), retained_s=0)
shown = []
for versions in (["before", "a"], ["before", "b"], ["before", "a", "b"]):
    look(series, *versions)
    for version in versions:
        count(version)
    shown.append(read())
print(json.dumps(shown))
""",
    )

    kept = {"other_total before": 5.0, "served_total before": 6.0}
    assert shown[0].items() >= (kept | {"served_total a": 1.0}).items()
    assert shown[1].items() >= {"served_total before": 7.0, "served_total b": 1}.items()
    assert not [name for name in shown[1] if name.endswith(" a")]
    assert shown[2]["served_total before"] == 8.0
    assert shown[2]["failed_total before"] == 3.0
    assert (shown[2]["served_total a"], shown[2]["served_total b"]) == (1.0, 2.0)


def test_versions_stay_until_their_time_is_over(folder: Path) -> None:
    """A version that was just retired is shown on, so that its last counts are scraped."""
    shown = run(
        folder,
        """
series = RetiredSeries((served, failed), retained_s=60)
look(series, "a")
count("a")
look(series, "b")
print(json.dumps(read()))
""",
    )

    assert shown["served_total a"] == 1.0
    assert shown["served_total before"] == 5.0


def test_counts_of_versions_that_only_dead_workers_served_end(folder: Path) -> None:
    """A worker drops what its predecessors left behind of versions that it does not know, and of no other metric."""
    shown = run(
        folder,
        """
series = RetiredSeries((served, failed), (other,), retained_s=0)
count("a")
look(series, "a")
print(json.dumps(read()))
""",
    )

    assert "served_total before" not in shown
    assert shown["other_total before"] == 5.0
    assert shown["served_total a"] == 1.0


def test_a_thousand_versions_leave_no_more_than_some(folder: Path) -> None:
    """However often models are replaced, the file, the metrics and the library's list of values have an end."""
    n_series, n_known, n_bytes = run(
        folder,
        """
series = RetiredSeries((served, failed))
for number in range(1000):
    look(series, str(number))
    count(str(number))
path = os.path.join(folder, f"counter_{os.getpid()}.db")
print(json.dumps([len(read()), len(metric_files._find_known_values()), os.path.getsize(path)]))
""",
    )

    max_versions = 64 + 4
    assert n_series <= 2 * max_versions
    assert n_known <= 2 * max_versions
    assert n_bytes <= 1 << 17
