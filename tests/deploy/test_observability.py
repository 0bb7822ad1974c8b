"""Alerts and the dashboard ask for metrics that the server has, and each alert has words of what to do."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import httpx
import psutil
import pytest
import yaml

from tests.support.chart import EVERYTHING, KUSTOMIZE, OBSERVABILITY
from tests.support.server import ROOT, Server

ALERTS = yaml.safe_load((OBSERVABILITY / "alerts.yaml").read_text("utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((OBSERVABILITY / "dashboard.json").read_text("utf-8"))
EXPRESSIONS = [
    *(rule["expr"] for rule in RULES),
    *(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]),
]
LIMIT_S = 60
POLL_S = 0.2
METRIC = re.compile(r"\bveredicto_[a-z_]+\b")
RESTARTS = "veredicto_worker_restarts_total"
RARE = {
    "veredicto_feature_drifted",
    "veredicto_feature_psi",
    "veredicto_journal_failures_total",
}
"""These are there once a window of rows is full, or once a disk has failed."""
COMPUTED = {"veredicto_queue_milliseconds"}
"""An adapter computes this one by the rule of docs/deploy/kubernetes.md."""


def find_metrics(text: str) -> set[str]:
    return set(METRIC.findall(text))


def test_every_metric_exists(
    start_server: Callable[..., Any], models: Path, tmp_path: Path
) -> None:
    """All that alerts, dashboard and autoscaler ask for is in `/metrics` of a server that has met much."""
    asked = find_metrics(" ".join(EXPRESSIONS))
    asked |= find_metrics(
        (KUSTOMIZE / "autoscaling/autoscaler.yaml").read_text("utf-8")
    )

    journal = tmp_path / "journal.sqlite"
    with start_server(VEREDICTO_MODELS=models, VEREDICTO_JOURNAL=journal) as server:
        request = make_queued_request(n_rows=1000)
        queued = server.post("/v2/models/colour-first/infer", request)
        assert queued.status_code == 200, queued.text
        refused = {"model": "colour-first", "inputs": [[1]]}
        assert server.post("/predict", refused).status_code == 400
        assert not find_missing(server, asked - RARE - COMPUTED - {RESTARTS})
        [worker] = psutil.Process(server.process.pid).children()
        worker.kill()
        assert not find_missing(server, {RESTARTS})


def make_queued_request(*, n_rows: int) -> dict[str, Any]:
    """Returns a request whose answer has so many texts that its run is made in a thread."""
    tensor = {
        "name": "features",
        "datatype": "FP32",
        "shape": [n_rows, 2],
        "data": [1, 1] * n_rows,
    }
    output = {"name": "probabilities", "parameters": {"classification": 2}}
    return {"inputs": [tensor], "outputs": [output]}


def find_missing(server: Server, names: set[str]) -> set[str]:
    """Returns those of the metrics that the server does not show within the time that it has."""
    missing = set(names)
    deadline_s = monotonic() + LIMIT_S
    while missing and monotonic() < deadline_s:
        Event().wait(POLL_S)
        try:
            missing -= find_metrics(server.client.get("/metrics").text)
        except httpx.TransportError:
            # The worker that had the connection is gone.
            continue

    return missing


def test_rare_metrics_are_declared() -> None:
    """A metric that a server shows seldom is declared by its code, under the name without the ending of a counter."""
    folder = ROOT / "service" / "execution"
    code = "".join(
        (folder / f"{name}.py").read_text("utf-8")
        for name in ("metrics", "live_metrics")
    )
    for name in RARE:
        assert f'"{name.removesuffix("_total")}"' in code


def test_each_alert_has_words_of_what_to_do() -> None:
    """The page of alerts has a section for each alert, and no others."""
    page = (ROOT / "docs" / "deploy" / "alerts.md").read_text("utf-8")
    assert re.findall(r"^## (Veredicto\w+)$", page, re.M) == [
        rule["alert"] for rule in RULES
    ]


def test_each_alert_has_a_case_in_which_it_is_raised() -> None:
    """The unit tests of the rules have for each alert one case with it and one without."""
    tests = yaml.safe_load((OBSERVABILITY / "alerts_test.yaml").read_text("utf-8"))
    cases = [case for test in tests["tests"] for case in test["alert_rule_test"]]
    names = [rule["alert"] for rule in RULES]

    assert {each["alertname"] for each in cases if each["exp_alerts"]} == set(names)
    assert {each["alertname"] for each in cases if not each["exp_alerts"]} == set(names)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not there")
@pytest.mark.parametrize(
    "words", [("check", "rules", "alerts.yaml"), ("test", "rules", "alerts_test.yaml")]
)
def test_prometheus_takes_the_rules(words: tuple[str, ...]) -> None:
    """Prometheus' own tool finds no fault with the alerts, and raises them where their tests say so."""
    finished = subprocess.run(
        ["promtool", *words],
        cwd=OBSERVABILITY,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_dashboards_panels_do_not_overlap() -> None:
    """Each panel has a place of its own, a title and a sentence."""
    places = {
        (panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in DASHBOARD["panels"]
    }
    assert len(places) == len(DASHBOARD["panels"])
    assert all(each["title"] and each["description"] for each in DASHBOARD["panels"])


def test_everything_is_more_than_the_defaults() -> None:
    """The values that bring every part of the chart switch each part on."""
    for part in ("autoscaling", "serviceMonitor", "prometheusRule", "dashboard"):
        assert EVERYTHING[part]["enabled"] is True
