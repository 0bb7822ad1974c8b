"""The chart is rendered by Helm's own library, which the package helm-python-sdk has, and made into plain manifests.

`python -m tests.support.chart` writes deploy/kustomize anew from the chart.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import yaml

from tests.support.server import ROOT

CHART = ROOT / "deploy" / "helm" / "veredicto"
KUSTOMIZE = ROOT / "deploy" / "kustomize"
OBSERVABILITY = ROOT / "deploy" / "observability"
LIBRARY = "helm_python"
WHY_NOT = "helm-python-sdk, which has Helm's library, is not installed"
OF_HELM = ("app.kubernetes.io/managed-by", "helm.sh/chart")
"""These labels say that a manifest came from Helm."""
EVERYTHING: dict[str, Any] = {
    "models": {"existingClaim": "models", "path": "production"},
    "grpc": True,
    "settings": {"MAX_ROWS": 1000, "LOG": "json"},
    "tokensSecret": "tokens",
    "tlsSecret": "certificate",
    "autoscaling": {"enabled": True, "queueMilliseconds": 5},
    "networkPolicy": {"from": [{"podSelector": {}}]},
    "serviceMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboard": {"enabled": True},
}
"""Values that bring every part of the chart."""
PLAIN = {
    "base/veredicto.yaml": (
        {},
        (
            "Deployment",
            "Service",
            "ServiceAccount",
            "PodDisruptionBudget",
            "NetworkPolicy",
        ),
    ),
    "autoscaling/autoscaler.yaml": (
        {"autoscaling": {"enabled": True}},
        ("HorizontalPodAutoscaler",),
    ),
    "monitoring/monitoring.yaml": (
        {"serviceMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}},
        ("ServiceMonitor", "PrometheusRule"),
    ),
}
"""Each file of deploy/kustomize has these kinds, rendered with these values."""


def render(values: dict[str, Any], *, name: str = "veredicto") -> list[dict[str, Any]]:
    """Returns the manifests of a release, in the order of their kinds; raises what Helm raises."""
    library = import_module(LIBRARY)
    with library.Chart.load(str(CHART)) as chart:
        files = chart.render(values, name=name, namespace="here")

    manifests = [
        manifest
        for path, text in files.items()
        if path.endswith(".yaml")
        for manifest in yaml.safe_load_all(text)
        if manifest
    ]

    return sorted(manifests, key=lambda each: str(each["kind"]))


def make_plain(path: str) -> str:
    """Returns the text of a file of deploy/kustomize."""
    values, kinds = PLAIN[path]
    manifests = [_strip(each) for each in render(values) if each["kind"] in kinds]
    head = "# Made from the chart by `python -m tests.support.chart`.\n---\n"
    return head + yaml.safe_dump_all(manifests, sort_keys=False, width=1000)


def _strip(value: Any) -> Any:
    """Returns a manifest without what only a release of Helm's has."""
    if isinstance(value, list):
        return [_strip(each) for each in value]
    if not isinstance(value, dict):
        return value

    dropped = ("namespace", *OF_HELM) if "labels" in value else OF_HELM
    return {name: _strip(each) for name, each in value.items() if name not in dropped}


if __name__ == "__main__":
    for path in PLAIN:
        (KUSTOMIZE / path).write_text(make_plain(path), encoding="utf-8")
