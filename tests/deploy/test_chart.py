"""The chart renders what Kubernetes takes, and deploy/kustomize has the same for those without Helm."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.http.views import PROBES
from service.settings import Settings, name_settings
from tests.support import chart

needs_helm = pytest.mark.skipif(find_spec(chart.LIBRARY) is None, reason=chart.WHY_NOT)
ROLES = (
    "Deployment",
    "HorizontalPodAutoscaler",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Service",
    "ServiceAccount",
)
"""Kinds that Kubernetes itself knows, of which the plain manifests have one each."""


def read_plain() -> dict[str, dict[str, Any]]:
    """Returns the plain manifests by their kinds."""
    manifests = [
        manifest
        for path in chart.PLAIN
        for manifest in yaml.safe_load_all((chart.KUSTOMIZE / path).read_text("utf-8"))
    ]
    return {each["kind"]: each for each in manifests}


MANIFESTS = read_plain()
POD = MANIFESTS["Deployment"]["spec"]["template"]
[CONTAINER] = POD["spec"]["containers"]


def validate(manifest: dict[str, Any]) -> None:
    """Validates a manifest strictly, by Kubernetes' own schema or, where that is there, by Prometheus' operator's."""
    library = pytest.importorskip(
        "kubernetes_validate", reason="kubernetes-validate is not installed"
    )
    if not manifest["apiVersion"].startswith("monitoring.coreos.com/"):
        library.validate(manifest, "1.33", strict=True)
    elif find_spec("cloudcoil") is not None:
        validate_monitoring(manifest)


def validate_monitoring(manifest: dict[str, Any]) -> None:
    """Validates what Prometheus' operator defines; a field that it does not know would be dropped on the way."""
    library = pytest.importorskip(
        "cloudcoil.models.prometheus_operator",
        reason="cloudcoil-models-prometheus-operator is not installed",
    )
    known = getattr(library.v1, manifest["kind"]).model_validate(manifest)
    assert manifest == known.model_dump(mode="json", by_alias=True, exclude_unset=True)


def test_each_kind_is_there_once() -> None:
    """The plain manifests are of the kinds that the chart makes."""
    assert set(MANIFESTS) == {*ROLES, "ServiceMonitor", "PrometheusRule"}


@pytest.mark.parametrize("kind", ROLES)
def test_plain_manifests_are_as_kubernetes_has_them(kind: str) -> None:
    """Each plain manifest passes Kubernetes' schema, which has no field that it does not know."""
    validate(MANIFESTS[kind])


@pytest.mark.parametrize("kind", ["ServiceMonitor", "PrometheusRule"])
def test_plain_manifests_are_as_prometheus_operator_has_them(kind: str) -> None:
    """Each passes the models of the operator's definitions, and has no field that they do not know."""
    validate_monitoring(MANIFESTS[kind])


@pytest.mark.parametrize("folder", ["base", "autoscaling", "monitoring"])
def test_each_folder_of_kustomize_names_what_is_there(folder: str) -> None:
    """Resources of a kustomization exist."""
    path = chart.KUSTOMIZE / folder
    kustomization = yaml.safe_load((path / "kustomization.yaml").read_text("utf-8"))
    for resource in kustomization["resources"]:
        assert (path / resource).exists(), resource


def test_selectors_select_the_pods() -> None:
    """Service, budget, policy and the spread select by labels that the pods have."""
    labels = POD["metadata"]["labels"].items()
    spec = {kind: MANIFESTS[kind]["spec"] for kind in MANIFESTS if kind in ROLES[:5]}
    selectors = [
        spec["Service"]["selector"],
        spec["Deployment"]["selector"]["matchLabels"],
        spec["PodDisruptionBudget"]["selector"]["matchLabels"],
        spec["NetworkPolicy"]["podSelector"]["matchLabels"],
        *(
            each["labelSelector"]["matchLabels"]
            for each in POD["spec"]["topologySpreadConstraints"]
        ),
    ]
    assert all(each and each.items() <= labels for each in selectors)
    assert spec["HorizontalPodAutoscaler"]["scaleTargetRef"]["name"] == "veredicto"


def test_ports_are_known_by_their_names() -> None:
    """The Service, the policy and the probes speak of ports that the container has."""
    names = {each["name"] for each in CONTAINER["ports"]}
    service = {each["targetPort"] for each in MANIFESTS["Service"]["spec"]["ports"]}
    [rule] = MANIFESTS["NetworkPolicy"]["spec"]["ingress"]
    policy = {each["port"] for each in rule["ports"]}
    probes = {
        CONTAINER[f"{probe}Probe"]["httpGet"]["port"]
        for probe in ("startup", "readiness", "liveness")
    }

    assert service == policy == probes == names


def test_probes_ask_what_the_listener_answers() -> None:
    """Each probe asks a path that is answered however busy the server is."""
    for probe in ("startup", "readiness", "liveness"):
        assert CONTAINER[f"{probe}Probe"]["httpGet"]["path"] in PROBES


def test_a_pod_may_do_little() -> None:
    """The container runs as nobody, writes to its temporary folder alone, and connects to nothing."""
    security = CONTAINER["securityContext"]
    assert POD["spec"]["securityContext"]["runAsNonRoot"] is True
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert MANIFESTS["NetworkPolicy"]["spec"]["egress"] == []
    assert [each["mountPath"] for each in CONTAINER["volumeMounts"]] == ["/tmp"]
    assert CONTAINER["resources"]["limits"].keys() == {"cpu", "memory"}


def test_kubernetes_waits_longer_than_the_server_takes_to_end() -> None:
    """The grace period of a pod is longer than draining and what is in flight together, which are settings."""
    variables = {each["name"]: each["value"] for each in CONTAINER["env"]}
    settings = Settings.from_environment(
        {name: text for name, text in variables.items() if name in name_settings()}
    )
    assert settings.drain_s is not None
    grace_s = POD["spec"]["terminationGracePeriodSeconds"]
    assert grace_s > settings.drain_s + settings.grace_s


def test_the_chart_has_the_files_of_observability() -> None:
    """A chart holds its files in its own folder; they are those of deploy/observability."""
    for name in ("alerts.yaml", "dashboard.json"):
        assert (chart.CHART / "files" / name).read_bytes() == (
            chart.OBSERVABILITY / name
        ).read_bytes()


def test_the_rule_has_the_alerts() -> None:
    """The operator's rule is the file of alerts."""
    alerts = yaml.safe_load((chart.OBSERVABILITY / "alerts.yaml").read_text("utf-8"))
    assert MANIFESTS["PrometheusRule"]["spec"] == alerts


def test_the_default_values_pass_their_schema() -> None:
    """The schema takes the defaults, and refuses a value that the chart does not have."""
    # Its import takes 1.3 s of processor, which every worker's collection would pay.
    import jsonschema

    schema = json.loads((chart.CHART / "values.schema.json").read_text("utf-8"))
    values = yaml.safe_load((chart.CHART / "values.yaml").read_text("utf-8"))
    jsonschema.validate(values, schema)
    assert set(schema["properties"]) == {*values, "global"}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**values, "replica": 1}, schema)


@pytest.mark.parametrize("path", sorted(Path(chart.CHART, "templates").glob("*.yaml")))
def test_each_setting_of_a_template_exists(path: Path) -> None:
    """A variable that a template sets is a setting."""
    words = path.read_text("utf-8").replace("VEREDICTO_{{", "").split()
    found = {word for word in words if word.startswith("VEREDICTO_")}
    assert found <= name_settings()


@needs_helm
@pytest.mark.parametrize("path", chart.PLAIN)
def test_plain_manifests_are_the_charts(path: str) -> None:
    """Each file of deploy/kustomize is what `python -m tests.support.chart` makes of the chart today."""
    assert (chart.KUSTOMIZE / path).read_text("utf-8") == chart.make_plain(path)


@needs_helm
@pytest.mark.parametrize(
    "values",
    [
        {},
        chart.EVERYTHING,
        {"models": {"image": "flowers:1"}},
        {"serviceAccount": {"create": False}, "networkPolicy": {"enabled": False}},
        {"topologySpread": [], "podDisruptionBudget": {"enabled": False}},
    ],
)
@pytest.mark.parametrize("name", ["veredicto", "flowers", "veredicto-grpc"])
def test_a_release_of_any_name_is_as_kubernetes_has_it(
    values: dict[str, Any], name: str
) -> None:
    """Each manifest passes Kubernetes' schema and is in the release's namespace, for all values and names."""
    for manifest in chart.render(values, name=name):
        assert manifest["metadata"]["namespace"] == "here"
        assert name in manifest["metadata"]["name"]
        validate(manifest)


def render_variables(values: dict[str, Any]) -> dict[str, str]:
    """Returns the variables of the container."""
    manifests = chart.render(values)
    [deployment] = [each for each in manifests if each["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


@needs_helm
def test_large_numbers_are_written_out() -> None:
    """The settings take what the chart writes of numbers, which Helm by itself would write as 5e+07."""
    given = {"MAX_PIXELS": 50_000_000, "JOURNAL_ROWS": 1_234_567, "EPSILON": 0.00001}
    variables = render_variables(
        {"settings": given, "drainSeconds": 7, "graceSeconds": 1_000_000}
    )

    settings = Settings.from_environment(variables)
    assert settings.max_pixels == given["MAX_PIXELS"]
    assert settings.journal_rows == given["JOURNAL_ROWS"]
    assert settings.epsilon == given["EPSILON"]
    assert (settings.drain_s, settings.grace_s) == (7, 1_000_000)


@needs_helm
def test_settings_become_variables() -> None:
    """A setting of the values is a variable of the container, and what the values do not have is refused."""
    variables = render_variables({"settings": {"MAX_ROWS": 1000}, "grpc": True})

    assert variables["VEREDICTO_MAX_ROWS"] == "1000"
    assert variables["VEREDICTO_GRPC_PORT"] == "8001"
    for values in ({"replica": 1}, {"settings": {"GRPC_PORT": 1}}):
        with pytest.raises(Exception, match="values"):
            chart.render(values)
